package daemon

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/perch-vip/perch/vip"
)

type lastingFence struct {
	strict  bool
	trouble error
}

func (f lastingFence) StrictLeases() bool { return f.strict }
func (f lastingFence) Trouble() error     { return f.trouble }

// TestLifetimeIsABackstop: only behind a fence that holds, and where no router goes by the
// address.
func TestLifetimeIsABackstop(t *testing.T) {
	broken := errors.New("a filter is in front")
	for _, c := range []struct {
		strict  bool
		trouble error
		routed  bool
		want    bool
	}{
		{strict: true, want: true},
		{strict: false, want: false},
		{strict: true, trouble: broken, want: false},
		{strict: true, routed: true, want: false},
	} {
		if got := isBackstop(lastingFence{c.strict, c.trouble}, c.routed); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

func TestLifetimeOfRoutersIsABackstop(t *testing.T) {
	held := vip.VIP{Address: netip.MustParsePrefix("198.18.0.100/24"), Interface: "eth0"}
	static := vip.VIP{Address: netip.MustParsePrefix("198.18.0.101/24"), Interface: "eth0"}
	s := &setup{owners: map[vip.VIP]*virtualRouter{held: {}}, static: []vip.VIP{static}}
	for _, c := range []struct {
		v       vip.VIP
		strict  bool
		trouble error
		want    bool
	}{
		{held, true, nil, true},
		{held, false, nil, false},
		{held, true, errors.New("a filter is in front"), false},
		{static, true, nil, false},
	} {
		r := &routers{strict: c.strict}
		r.setup.Store(s)
		if got := r.backstopped(c.v, c.trouble); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}
