package e2e

import (
	"net/netip"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// bounce takes the link of a master away for a moment, which it must not mind, and then for
// longer than 1 s.
func (s *site) bounce(h *lab.Host) {
	s.t.Helper()
	vip := netip.MustParseAddr("198.18.0.101")
	has := func() bool {
		has, err := h.Has(vip)
		must(s.t, err)
		return has
	}
	s.eventually("it is master", has)
	must(s.t, h.Eth0.Cut())
	s.never("it lets go after a moment without a link", 300*time.Millisecond, func() bool { return !has() })
	must(s.t, h.Eth0.Splice())
	s.never("it lets go although the link is back", 1500*time.Millisecond, func() bool { return !has() })
	must(s.t, h.Eth0.Cut())
	s.eventually("it lets go without a link", func() bool { return !has() })
	must(s.t, h.Eth0.Splice())
	s.eventually("it is master again", has)
}

// A link that bounces is no fault, with the same delays as keepalived's.
func TestLinkDelaysAsKeepalived(t *testing.T) {
	t.Parallel()
	t.Run("keepalived", func(t *testing.T) {
		t.Parallel()
		k := newTwin(t, `
interface_up_down_delays {
    eth0 1 0
}
vrrp_instance gw {
    interface eth0
    virtual_router_id 51
    advert_int 1
    virtual_ipaddress {
        198.18.0.101/24
    }
}
`)
		must(t, k.Start())
		k.bounce(k.host)
	})
	t.Run("perch", func(t *testing.T) {
		t.Parallel()
		s, n := alone(t, router("gw", 51, 100, "198.18.0.101/24", `advert_interval = "1s"`, `link_down_delay = "1s"`))
		s.bounce(n.Host)
	})
}
