package daemon

import (
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/vip"
	"github.com/perch-vip/perch/vrrp/vrrpnet"
)

// What a router has now is the cluster's only later.
func TestFreeOf(t *testing.T) {
	a, b := netip.MustParsePrefix("198.18.0.100/24"), netip.MustParsePrefix("198.18.0.101/24")
	routers := []virtualRouter{{VIPs: []vip.VIP{{Address: netip.MustParsePrefix("198.18.0.101/32"), Interface: "eth1"}}}}
	vips := []config.VIP{{Address: a, Interface: "eth0"}, {Address: b, Interface: "eth0"}}
	if got := freeOf(vips, routers); !slices.Equal(got, vips[:1]) {
		t.Errorf("free are %v, want %v", got, vips[:1])
	}
	if got := freeOf(vips, nil); !slices.Equal(got, vips) {
		t.Errorf("free are %v, want all", got)
	}
}

type brokenGuard struct{ err error }

func (b brokenGuard) Guard(int) error { return b.err }

// A fence that knows of no address must not keep what is static away.
func TestGuardOfWhatIsStatic(t *testing.T) {
	fence := brokenGuard{errors.New("the VIPs are not known yet")}
	r := &routers{}
	r.setup.Store(&setup{})
	if err := r.guard(fence, 2); err != nil {
		t.Errorf("without routers: %v", err)
	}
	r.setup.Store(&setup{routers: make([]virtualRouter, 1)})
	if err := r.guard(fence, 2); !errors.Is(err, fence.err) {
		t.Errorf("with a router: %v", err)
	}
}

// An interface that has the name of a device which could not be made is somebody else's.
func TestDevicesUsable(t *testing.T) {
	d := newDevices("", slog.New(slog.DiscardHandler))
	d.see([]vrrpnet.Interface{{Name: "eth0", Index: 2}, {Name: "vrrp.51", Index: 3}})
	d.note("vrrp.51", "name is taken")
	if got := d.usable(); len(got) != 1 || got[0].Name != "eth0" {
		t.Errorf("usable are %v, want eth0", got)
	}
	d.note("vrrp.51", "")
	if got := d.usable(); len(got) != 2 {
		t.Errorf("usable are %v, want both", got)
	}
}
