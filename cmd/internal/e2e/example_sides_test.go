package e2e

import (
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

const (
	outside, inside = "198.18.0.200", "10.0.0.1"
	upstream        = "198.18.0.254"
)

// sides is what the example of a sync group is between: two networks, with a host in each.
type sides struct {
	*site
	fw1, fw2 *station
	host     *lab.Host // inside, its way out is the virtual router
}

func newSides(t *testing.T) *sides {
	t.Helper()
	s := &sides{site: newSite(t, "fw1", "fw2")}
	s.fw1, s.fw2 = s.nodes[0], s.nodes[1]
	lan, err := s.net.AddSwitch()
	must(t, err)
	for _, n := range s.nodes {
		_, err := n.Host.Join(lan)
		must(t, err)
		must(t, n.Host.Do(func() error { return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0) }))
	}
	s.fw1.useExample("sync-group")
	s.fw2.useExample("sync-group", "priority = 100", "priority = 90")
	s.host, err = s.net.AddHost("host", lan)
	must(t, err)
	give(t, s.host, "10.0.0.50/24", "0.0.0.0/0", inside)
	give(t, s.net.client, upstream+"/24", "10.0.0.0/24", outside)
	return s
}

// give gives a host an address, and a route by way of another one.
func give(t *testing.T, h *lab.Host, address, destination, via string) {
	t.Helper()
	on(t, h, "eth0", func(link netlink.Link) error {
		_, to, err := net.ParseCIDR(destination)
		if err != nil {
			return err
		}
		addr, err := netlink.ParseAddr(address)
		if err == nil {
			err = netlink.AddrAdd(link, addr)
		}
		if err == nil {
			err = netlink.RouteAdd(&netlink.Route{LinkIndex: link.Attrs().Index, Dst: to, Gw: net.ParseIP(via)})
		}
		return err
	})
}

// bothSidesAt waits until one node alone has both sides and the way out, and traffic passes.
func (s *sides) bothSidesAt(n, other *station, pings *lab.Pinger) {
	s.t.Helper()
	s.hasJust(n, outside+" "+inside, "")
	s.hasJust(other, "", outside+" "+inside)
	s.pathsAre(n, []string{"0.0.0.0/0 table 254"})
	s.answeredBy(outside, n)
	ctx, cancel := contextOf(s.t)
	defer cancel()
	must(s.t, pings.WaitAnswers(ctx, time.Now(), 50))
}

// Both sides move together when one of the master's links fails, whichever, and when it dies;
// what is inside reaches the outside by the one that has both.
func TestRouterExampleOfTwoSides(t *testing.T) {
	t.Parallel()
	s := newSides(t)
	s.start(s.fw1, s.fw2)
	s.hasJust(s.fw1, outside+" "+inside, "")
	pings, err := s.host.Ping(netip.MustParseAddr(upstream))
	must(t, err)
	s.bothSidesAt(s.fw1, s.fw2, pings)
	for _, link := range s.fw1.Host.Links() {
		must(t, link.Cut())
		s.bothSidesAt(s.fw2, s.fw1, pings)
		s.pathsAre(s.fw1)
		for _, side := range []string{"outside", "inside"} {
			s.stateIs(s.fw1, side, "fault", "")
		}
		must(t, link.Splice())
		s.bothSidesAt(s.fw1, s.fw2, pings)
	}
	must(t, s.fw1.Kill())
	s.bothSidesAt(s.fw2, s.fw1, pings)
	s.start(s.fw1)
	s.bothSidesAt(s.fw1, s.fw2, pings)
}
