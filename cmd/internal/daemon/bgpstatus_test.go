package daemon

import (
	"errors"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/seesaw/quagga"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/vip"
	"github.com/perch-vip/perch/vip/bgp"
)

func TestBGPStatus(t *testing.T) {
	list := []netip.Prefix{netip.MustParsePrefix("198.18.1.100/32")}
	got := bgpOf(&config.BGP{ASN: 65001, Anycast: true}, bgp.Status{
		State: bgp.Announced, Since: noon, Wanted: list, Announced: list, Took: time.Millisecond, Failures: 2,
		Neighbors: []bgp.Neighbor{{Name: "198.18.0.254", ASN: 65000, State: quagga.BGPStateEstablished, Established: noon, Received: 3}},
	})
	want := &api.BGP{
		State: api.BGPAnnounced, Since: noon, ASN: 65001, Anycast: true,
		Wanted: []string{"198.18.1.100/32"}, Announced: []string{"198.18.1.100/32"}, Took: time.Millisecond, Failures: 2,
		Neighbors: []api.BGPNeighbor{{Address: "198.18.0.254", ASN: 65000, State: "Established", Up: true, Since: noon, Received: 3}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// The states of package bgp are those of the API.
func TestBGPStates(t *testing.T) {
	for state, shown := range map[bgp.State]string{
		bgp.Pending: api.BGPPending, bgp.Announced: api.BGPAnnounced, bgp.Standby: api.BGPStandby,
		bgp.Unreachable: api.BGPUnreachable, bgp.Wedged: api.BGPWedged, bgp.Refused: api.BGPRefused,
	} {
		if string(state) != shown {
			t.Errorf("%q is shown as %q", state, shown)
		}
	}
}

func TestBGPAlarms(t *testing.T) {
	up, down := api.BGPNeighbor{Up: true}, api.BGPNeighbor{}
	for _, c := range []struct {
		status *api.BGP
		want   []string
	}{
		{nil, nil},
		{&api.BGP{State: api.BGPStandby, Neighbors: []api.BGPNeighbor{up, down}}, nil},
		{&api.BGP{State: api.BGPPending}, nil},
		{&api.BGP{State: api.BGPAnnounced, Neighbors: []api.BGPNeighbor{down}}, []string{"none of bgpd's 1 neighbors"}},
		{&api.BGP{State: api.BGPWedged, Error: "bgpd does not answer"}, []string{"neither announce nor withdraw"}},
		{&api.BGP{State: api.BGPAnnounced, Neighbors: []api.BGPNeighbor{up}, Unchecked: true}, []string{"no bgp network import-check"}},
	} {
		got := bgpAlarms(c.status)
		if len(got) != len(c.want) {
			t.Errorf("%+v: %q, want %q", c.status, got, c.want)
			continue
		}
		for i := range got {
			if !strings.Contains(got[i], c.want[i]) {
				t.Errorf("%q, want %q", got[i], c.want[i])
			}
		}
	}
}

func TestStatusOfAnycastAlone(t *testing.T) {
	s := snapshot{
		config:  &config.Config{Node: config.Node{Name: "lb1"}},
		bgp:     &api.BGP{State: api.BGPAnnounced, Neighbors: []api.BGPNeighbor{{Up: true}}},
		why:     "anycast: each healthy node holds it",
		anycast: []vip.Status{{VIP: routedVIPs[0], Held: true, Since: noon}, {VIP: routedVIPs[1], Reason: "interface lo is down"}},
	}
	got := s.status(nil)
	want := []api.VIP{
		{Address: "198.18.1.100/32", Interface: "lo", Owner: "lb1", Held: true, Since: noon, Reason: "anycast: each healthy node holds it"},
		{Address: "2001:db8:1::100/128", Interface: "lo", Reason: "interface lo is down"},
	}
	if diff := cmp.Diff(want, got.VIPs); diff != "" {
		t.Errorf("VIPs (-want +got):\n%s", diff)
	}
	if got.BGP != s.bgp || len(got.Warnings) > 0 {
		t.Errorf("BGP %+v, warnings %q", got.BGP, got.Warnings)
	}
}

func TestReloadOfBGP(t *testing.T) {
	one, all := &config.BGP{ASN: 65001, Socket: "/a"}, &config.BGP{ASN: 65001, Socket: "/a", Anycast: true}
	for _, c := range []struct {
		running, file *config.BGP
		changes       bool
	}{{nil, nil, false}, {nil, one, false}, {one, one, false}, {all, all, false}, {one, all, true}, {all, nil, true}} {
		if err := sameAnycast(c.running, c.file); (err != nil) != c.changes {
			t.Errorf("from %+v to %+v: %v", c.running, c.file, err)
		}
	}
	got := pendingBGP(one, &config.BGP{ASN: 65002, Socket: "/b"})
	if diff := cmp.Diff([]string{"bgp.socket has changed and takes effect at the next start", "bgp.asn has changed and takes effect at the next start"}, got); diff != "" {
		t.Error(diff)
	}
	if got := pendingBGP(nil, one); len(got) != 1 || pendingBGP(one, one) != nil {
		t.Errorf("pending %q", got)
	}
}

func TestReloadAppliesWhatIsAnnounced(t *testing.T) {
	h, s := newFakeHerald(t, routedVIPs[:1])
	d := &daemon{herald: h, log: newLog(t.Output(), "text", nil)}
	announcing := func(vips ...vip.VIP) *config.BGP {
		b := &config.BGP{ASN: 65001}
		for _, v := range vips {
			b.VIPs = append(b.VIPs, config.VIP{Address: v.Address, Interface: v.Interface})
		}
		return b
	}
	running := announcing(routedVIPs[0])
	applied, fresh := &config.Config{BGP: running}, &config.Config{BGP: announcing(routedVIPs...)}
	if err := d.reloadBGP(applied, fresh); err != nil {
		t.Fatal(err)
	}
	if len(applied.BGP.VIPs) != 2 || len(s.owned) != 2 || len(running.VIPs) != 1 {
		t.Errorf("applied %+v, owned %v, before it %+v", applied.BGP, s.owned, running)
	}
	d.restoreBGP(running)
	if len(s.owned) != 1 {
		t.Errorf("owned %v after it was taken back", s.owned)
	}
}

// A VIP that is no longer anycast is given up before the cluster takes it, and one that
// becomes it is taken after the cluster has let go.
func TestReloadOfAnycastVIPs(t *testing.T) {
	casting(t, func(t *testing.T, r *anycastRig) {
		r.is(well)
		r.expect(t, "at first", 2, 2)
		d := &daemon{anycast: r.anycast, herald: &herald{speaker: r.speaker}, log: r.log}
		of := func(vips ...vip.VIP) *config.Config {
			c := &config.Config{BGP: &config.BGP{Anycast: true}}
			for _, v := range vips {
				c.BGP.VIPs = append(c.BGP.VIPs, config.VIP{Address: v.Address, Interface: v.Interface})
			}
			return c
		}
		other := vip.VIP{Address: netip.MustParsePrefix("198.18.1.101/32"), Interface: "lo"}
		applied, fresh := of(routedVIPs...), of(routedVIPs[0], other)
		if err := d.reloadBGP(applied, fresh); err != nil {
			t.Fatal(err)
		}
		if got := r.configured; len(got) != 1 || got[0] != routedVIPs[0] {
			t.Errorf("configured meanwhile: %v", got)
		}
		if trouble := d.reloadAnycast(fresh); len(trouble) > 0 {
			t.Errorf("trouble %q", trouble)
		}
		synctest.Wait()
		if got := r.kernel.holds(); got != 2 || r.configured[1] != other {
			t.Errorf("%d held of %v", got, r.configured)
		}
	})
}

// A check of a neighbor would fail until perch is restarted, on one node after the other.
func TestReloadRefusesANeighborCheckBeforeBGPIsInForce(t *testing.T) {
	r := newReloadable(t)
	text, err := os.ReadFile(r.path("perch.toml"))
	if err != nil {
		t.Fatal(err)
	}
	config := strings.Replace(string(text), "198.18.0.100/24", "198.18.0.100/32", 1) + "[bgp]\nasn = 65001\n"
	r.write(t, "perch.toml", config+"[[check]]\nname = \"rack\"\nkind = \"bgp\"\n", 0o600)
	before := r.current.Load()
	if _, err := r.reload(); !errors.Is(err, api.ErrInvalid) || !strings.Contains(err.Error(), "check rack") || r.current.Load() != before {
		t.Errorf("reload: %v", err)
	}
	r.write(t, "perch.toml", config, 0o600)
	res, err := r.reload()
	if err != nil || !slices.Contains(res.Warnings, "[bgp] was added or taken away, which takes effect at the next start") {
		t.Errorf("reload without the check: %v, warnings %q", err, res.Warnings)
	}
}
