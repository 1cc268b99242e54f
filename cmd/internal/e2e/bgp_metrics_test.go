package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/lab"
)

// A neighbor that goes down, and a bgpd that hangs, are seen in the metrics, in the status
// for programs, and on the dashboard of another node.
func TestBGPInMetrics(t *testing.T) {
	t.Parallel()
	r := startRouted(t, steadily)
	owner := r.settled()
	standby := r.others(owner)[0]
	neighbor := r.fabric.Uplink(owner.Host).IPv4.Addr()
	session := fmt.Sprintf(`perch_bgp_neighbor_up{asn="%d",neighbor="%s"} `, lab.RouterASN, neighbor)
	announced := len(r.prefixes())

	r.measures(owner, `perch_bgp_state{state="announced"} 1`, "perch_bgp_up 1",
		fmt.Sprint("perch_bgp_networks_wanted ", announced), fmt.Sprint("perch_bgp_networks_announced ", announced), session+"1")
	r.measures(standby, `perch_bgp_state{state="standby"} 1`, "perch_bgp_networks_wanted 0", "perch_bgp_networks_announced 0")
	r.sessionIs(owner, neighbor.String(), "Established")
	row := fmt.Sprintf("%s %d Established", neighbor, lab.RouterASN)
	r.boardSays(standby, "bgp", owner.Name+" announced since", standby.Name+" standby since", row)

	router := r.fabric.Speakers[r.fabric.Router].BGPD
	r.must(router.Kill())
	r.measures(owner, session+"0", "perch_bgp_up 1")
	if bgp := r.statusJSON(owner).BGP; len(bgp.Neighbors) != 2 || bgp.Neighbors[0].Up || bgp.Neighbors[1].Up {
		t.Errorf("with a dead router its status is %+v", bgp)
	}
	r.boardSays(standby, "headline", "BGP neighbors are down")
	r.must(router.Start())
	r.measures(owner, session+"1")
	r.sessionIs(owner, neighbor.String(), "Established")
	r.routedTo(owner)

	bgpd := r.speaker(owner).BGPD
	r.must(bgpd.Freeze())
	r.measures(owner, `perch_bgp_state{state="wedged"} 1`, "perch_bgp_up 0")
	if text := r.metrics(owner); strings.Contains(text, "perch_bgp_neighbor_up") || strings.Contains(text, "\nperch_bgp_failures_total 0\n") {
		t.Errorf("with a bgpd that hangs the metrics are\n%s", text)
	}
	if bgp := r.statusJSON(owner).BGP; bgp.State != api.BGPWedged || bgp.Error == "" || bgp.Failures == 0 || len(bgp.Neighbors) > 0 {
		t.Errorf("with a bgpd that hangs its status is %+v", bgp)
	}
	r.boardSays(standby, "headline", "BGP fails on a node ("+owner.Name+")")
	r.must(bgpd.Thaw())
	r.measures(owner, "perch_bgp_up 1", session+"1")
	r.routedTo(owner)
}

func (r *routed) metrics(n *lab.Node) string {
	r.t.Helper()
	text, err := metricsOf(r.t, n.Host)
	r.must(err)
	return text
}

// boardSays waits until a section of a node's dashboard has these texts.
func (r *routed) boardSays(n *lab.Node, section string, texts ...string) {
	r.t.Helper()
	for _, text := range texts {
		r.eventuallySays("the dashboard of "+n.Name+" has "+text, func() bool {
			got, err := sectionOf(r.t, n.Host, section)
			return err == nil && strings.Contains(got, text)
		})
	}
}

// measures waits until the metrics of a node have these lines.
func (r *routed) measures(n *lab.Node, lines ...string) {
	r.t.Helper()
	for _, line := range lines {
		r.eventuallySays("the metrics of "+n.Name+" have "+line, func() bool {
			return strings.Contains(r.metrics(n), "\n"+line+"\n")
		})
	}
}

// statusJSON is the status of a node for programs.
func (r *routed) statusJSON(n *lab.Node) (s api.Status) {
	r.t.Helper()
	r.must(json.Unmarshal([]byte(r.perch(n, "status", "-o", "json")), &s))
	if s.BGP == nil {
		r.t.Fatalf("the status of %s has no bgp", n.Name)
	}
	return s
}

// sessionIs wants a neighbor to be in a state, by the status for programs.
func (r *routed) sessionIs(n *lab.Node, neighbor, state string) {
	r.t.Helper()
	for _, each := range r.statusJSON(n).BGP.Neighbors {
		if each.Address != neighbor {
			continue
		}
		if each.State != state || each.Up != (state == "Established") || each.ASN != lab.RouterASN || each.Up == each.Since.IsZero() {
			r.t.Errorf("by the status of %s neighbor %s is %+v, want %s", n.Name, neighbor, each, state)
		}
		return
	}
	r.t.Errorf("the status of %s has no neighbor %s", n.Name, neighbor)
}
