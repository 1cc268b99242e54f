package daemon

import (
	"net/netip"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/vip"
	"github.com/perch-vip/perch/vip/fence"
)

var testRange = config.VIP{Address: netip.MustParsePrefix("198.19.0.0/20"), Interface: "eth0", Prefix: true}

func TestVIPOf(t *testing.T) {
	single := config.VIP{Address: netip.MustParsePrefix("198.18.0.100/24"), Interface: "eth0"}
	if got := vipOf(single); got != (vip.VIP{Address: single.Address, Interface: "eth0"}) {
		t.Errorf("%+v", got)
	}
	if got := vipOf(testRange); got != (vip.VIP{Address: testRange.Address, Interface: "eth0", Kind: vip.Range}) {
		t.Errorf("%+v", got)
	}
}

func TestRangesNeedAFence(t *testing.T) {
	for kind, want := range map[fence.Kind]bool{fence.BPF: true, fence.NFTables: true, fence.Lifetime: false, fence.Off: false} {
		if err := noRanges(kind); (err == nil) != want {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func TestPaceOfARange(t *testing.T) {
	d := &daemon{}
	for _, limit := range []int{0, 1000} {
		d.current.Store(&loaded{config: &config.Config{Cluster: &config.Cluster{AnnounceRate: limit}, VIPs: []config.VIP{testRange}}})
		if got := d.paceOf(vipOf(testRange)); got != (vip.Pace{Rate: limit}) {
			t.Errorf("with a limit of %d: %+v", limit, got)
		}
		if got := d.paceOf(testV); got != (vip.Pace{LinkRate: limit}) {
			t.Errorf("with a limit of %d an address has %+v", limit, got)
		}
	}
}

// A service with an address of a range is where the range is.
func TestServiceOfARange(t *testing.T) {
	within, beyond := netip.MustParseAddrPort("198.19.3.7:80"), netip.MustParseAddrPort("198.19.16.0:80")
	cfg := &config.Config{
		VIPs:     []config.VIP{testRange},
		Services: []config.Service{{Addresses: []netip.AddrPort{within}}, {Addresses: []netip.AddrPort{beyond}}},
	}
	if got := ranged(cfg); len(got) != 1 || !got[within.Addr()] {
		t.Errorf("within the range: %v", got)
	}
	cfg.VIPs[0].Prefix = false
	if got := ranged(cfg); len(got) != 0 {
		t.Errorf("within an address: %v", got)
	}
}

// A range is the cluster's only after a router has let go of an address within it.
func TestRangeOfARouter(t *testing.T) {
	routers := []virtualRouter{{VIPs: []vip.VIP{{Address: netip.MustParsePrefix("198.19.3.7/32"), Interface: "eth1"}}}}
	if got := freeOf([]config.VIP{testRange}, routers); len(got) != 0 {
		t.Errorf("free: %v", got)
	}
	routers[0].VIPs[0].Address = netip.MustParsePrefix("198.19.16.0/32")
	if got := freeOf([]config.VIP{testRange}, routers); len(got) != 1 {
		t.Errorf("free: %v", got)
	}
}
