package e2e

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/lab"
)

// bgpIs waits until a node says that its bgpd is in a state, in its status for people too.
func (r *routed) bgpIs(n *lab.Node, state string) {
	r.t.Helper()
	r.eventuallySays(fmt.Sprintf("bgpd is %s by the word of %s", state, n.Name), func() bool {
		bgp := r.status(n).BGP
		return bgp != nil && bgp.State == state
	})
	if text := r.perch(n, "status"); !strings.Contains(text, state) {
		r.t.Errorf("the status of %s has no %q:\n%s", n.Name, state, text)
	}
}

// unharmed wants the VIPs where they are, and held.
func (r *routed) unharmed(owner *lab.Node) {
	r.t.Helper()
	r.stillOwnedBy(owner)
	if !r.holdsAll(owner) {
		r.t.Errorf("%s does not hold all VIPs", owner.Name)
	}
}

// A bgpd that dies or hangs takes its routes with it and nothing else. Once it is back,
// it is told again what to announce.
func TestBGPDGone(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		end, mend func(*lab.Daemon) error
		state     string
	}{
		"killed":  {(*lab.Daemon).Kill, (*lab.Daemon).Start, api.BGPUnreachable},
		"stopped": {(*lab.Daemon).Freeze, (*lab.Daemon).Thaw, api.BGPWedged},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := startRouted(t, steadily)
			r.neverTwoOwners()
			owner, now := r.settled(), time.Now()
			bgpd := r.speaker(owner).BGPD
			r.must(tt.end(bgpd))
			r.bgpIs(owner, tt.state)
			r.routedTo()
			r.unharmed(owner)
			r.must(tt.mend(bgpd))
			r.bgpIs(owner, api.BGPAnnounced)
			r.routedTo(owner)
			r.tell(name, now)

			// A node that need not say anything is no worse off.
			standby := r.others(owner)[0]
			bgpd = r.speaker(standby).BGPD
			r.must(tt.end(bgpd))
			r.bgpIs(standby, tt.state)
			r.handOverTo(owner, standby)
			r.must(tt.mend(bgpd))
			r.routedTo(standby)
			r.announcedBy(standby)
		})
	}
}

// Perch starts and owns without any bgpd, and announces when there is one.
func TestBGPDMissingAtStart(t *testing.T) {
	t.Parallel()
	r := prepareRouted(t, steadily)
	router := r.fabric.Speakers[r.fabric.Router]
	r.must(router.Start())
	for _, h := range r.fabric.Nodes {
		r.must(r.fabric.Speakers[h].Zebra.Start())
	}
	r.must(r.StartAll())
	owner := r.settled()
	for _, n := range r.Nodes {
		r.bgpIs(n, api.BGPUnreachable)
	}
	if found := r.doctor(owner); !strings.Contains(found, "error: /var/run/frr/bgpd.vty ") {
		t.Errorf("the doctor does not miss bgpd: %s", found)
	}
	for _, h := range r.fabric.Nodes {
		r.must(r.fabric.Speakers[h].BGPD.Start())
	}
	r.bgpIs(owner, api.BGPAnnounced)
	r.routedTo(owner)
	r.bgpIs(r.others(owner)[0], api.BGPStandby)
	if found := r.doctor(owner); strings.Contains(found, "bgpd") {
		t.Errorf("the doctor misses bgpd: %s", found)
	}
}

// doctor is what `perch doctor` finds on a node.
func (r *routed) doctor(n *lab.Node) string {
	r.t.Helper()
	ctx, cancel := r.limit()
	defer cancel()
	out, err := n.PerchOffline(ctx, "doctor")
	if err != nil {
		return out + err.Error()
	}
	return out
}

// networks returns what the node's bgpd is told to announce.
func (r *routed) networks(n *lab.Node) []netip.Prefix {
	r.t.Helper()
	networks, err := r.speaker(n).Networks()
	r.must(err)
	return networks
}

// What the operator had bgpd announce stays, whoever owns, also when perch ends and when
// it clears up after one that was killed.
func TestBGPClearsUpAfterItself(t *testing.T) {
	t.Parallel()
	r := prepareRouted(t)
	r.must(r.fabric.Start())
	r.ready(r.fabric.Nodes...)
	own := netip.MustParsePrefix("192.0.2.7/32")
	before := map[*lab.Node][]netip.Prefix{}
	for _, n := range r.Nodes {
		r.must(r.speaker(n).Network(lab.NodeASN, own))
		before[n] = r.networks(n)
		if len(before[n]) != 3 {
			t.Fatalf("bgpd of %s announces %v before perch starts", n.Name, before[n])
		}
	}
	cleared := func(n *lab.Node) func() bool {
		return func() bool { return slices.Equal(r.networks(n), before[n]) }
	}
	// What an earlier perch left, of which nothing else is known than that it is a VIP's.
	dead := r.Nodes[2]
	for _, p := range r.prefixes() {
		r.must(r.speaker(dead).Network(lab.NodeASN, p))
	}
	r.must(r.StartAll())
	owner := r.settled()
	for _, n := range r.others(owner) {
		r.eventually("nothing is left on "+n.Name, cleared(n))
	}
	r.routedTo(owner)

	// A VIP that is no longer in the config when perch starts again.
	r.must(owner.Kill())
	next := r.movedFrom(owner)
	if cleared(owner)() {
		t.Errorf("a killed perch has left nothing on %s", owner.Name)
	}
	all := r.Spec.VIPs
	r.must(owner.WriteConfig(all[0]))
	addTables(t, owner, bgp)
	r.must(owner.Start())
	r.eventually("nothing is left on "+owner.Name, cleared(owner))

	r.terminate(next)
	r.eventually("nothing is left on "+next.Name, cleared(next))
}

// A new owner whose bgpd has lost its instance begins none, and one with an instance more, of
// a VRF, announces as ever: what perch knows of bgpd is some seconds old when it takes over.
func TestBGPInstancesChange(t *testing.T) {
	t.Parallel()
	r := startRouted(t, steadily)
	owner := r.settled()
	bare, more := r.others(owner)[0], r.others(owner)[1]
	tell := func(n *lab.Node, line string) {
		_, err := r.speaker(n).Ask("configure terminal", line)
		r.must(err)
	}
	begun := func() bool {
		config, err := r.speaker(bare).Ask("write terminal")
		r.must(err)
		return strings.Contains(config, "router bgp")
	}
	tell(bare, fmt.Sprintf("no router bgp %d", lab.NodeASN))
	r.handOverTo(owner, bare)
	r.bgpIs(bare, api.BGPRefused)
	r.never("an instance is begun", time.Second, begun)
	r.unharmed(bare)

	tell(more, fmt.Sprintf("router bgp %d vrf blue", lab.NodeASN))
	r.handOverTo(bare, more)
	r.routedTo(more)
	r.bgpIs(more, api.BGPAnnounced)
	if begun() {
		t.Error("an instance was begun")
	}

	bgpd := r.speaker(bare).BGPD
	r.must(bgpd.Kill())
	r.must(bgpd.Start())
	r.bgpIs(bare, api.BGPStandby)
	r.ready(bare.Host)
	r.handOverTo(more, bare)
	r.routedTo(bare)

	// One of another AS in its place is the operator's.
	r.handOverTo(bare, more)
	r.routedTo(more)
	r.bgpIs(bare, api.BGPStandby)
	tell(bare, fmt.Sprintf("no router bgp %d", lab.NodeASN))
	tell(bare, fmt.Sprintf("router bgp %d", lab.NodeASN+100))
	r.handOverTo(more, bare)
	r.bgpIs(bare, api.BGPRefused)
	if got := r.networks(bare); len(got) > 0 {
		t.Errorf("an instance of another AS announces %v", got)
	}
}
