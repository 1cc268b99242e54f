package e2e

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// connects tells whether somebody else can connect to an address of a host.
func (s *site) connects(h *lab.Host, addr string) (ok bool) {
	s.t.Helper()
	var listener net.Listener
	must(s.t, h.Do(func() (err error) {
		listener, err = net.Listen("tcp", "[::]:0")
		return err
	}))
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	must(s.t, err)
	must(s.t, s.net.client.Do(func() error {
		conn, err := net.DialTimeout("tcp", net.JoinHostPort(addr, port), 500*time.Millisecond)
		if ok = err == nil; ok {
			conn.Close()
		}
		return nil
	}))
	return ok
}

// routesOnly wants a master to be found at its addresses, and to take nothing for them.
func (s *site) routesOnly(h *lab.Host, addresses ...string) {
	s.t.Helper()
	for _, a := range addresses {
		addr := netip.MustParseAddr(a)
		s.eventually(fmt.Sprintf("%s answers for %s", h.Name, a), func() bool {
			macs, err := s.net.asker.AnsweringMACs(addr, 100*time.Millisecond)
			must(s.t, err)
			return len(macs) == 1
		})
		s.eventually("nothing is taken for "+a, func() bool { return !s.connects(h, a) })
	}
	for _, a := range []netip.Addr{h.Eth0.IPv4.Addr(), h.Eth0.IPv6.Addr()} {
		if !s.connects(h, a.String()) {
			s.t.Errorf("nothing is taken for the host's own address %s", a)
		}
	}
}

// A router without Accept_Mode is found, and takes nothing: as keepalived's.
func TestAcceptAsKeepalived(t *testing.T) {
	t.Parallel()
	t.Run("keepalived", func(t *testing.T) {
		t.Parallel()
		k := newTwin(t, `
vrrp_instance gw {
    interface eth0
    virtual_router_id 51
    advert_int 1
    no_accept
    virtual_ipaddress {
        198.18.0.101/24
    }
    virtual_ipaddress_excluded {
        2001:db8::101/64
    }
}
`)
		must(t, k.Start())
		k.routesOnly(k.host, "198.18.0.101", "2001:db8::101")
	})
	t.Run("perch", func(t *testing.T) {
		t.Parallel()
		refusing := router("gw", 51, 100, "198.18.0.101/24", `excluded_addresses = ["2001:db8::101/64"]`, `accept = false`)
		s, n := alone(t, refusing)
		s.routesOnly(n.Host, "198.18.0.101", "2001:db8::101")
		n.write(router("gw", 51, 100, "198.18.0.101/24", `excluded_addresses = ["2001:db8::101/64"]`))
		n.reload()
		s.eventually("it takes connections after a reload", func() bool { return s.connects(n.Host, "198.18.0.101") })
		n.write(refusing)
		n.reload()
		s.routesOnly(n.Host, "198.18.0.101")
		s.stop(n)
		must(t, n.Host.AddAddress(netip.MustParsePrefix("198.18.0.101/24")))
		if !s.connects(n.Host, "198.18.0.101") {
			t.Error("it has ended, and still refuses what is sent to its address")
		}
	})
}
