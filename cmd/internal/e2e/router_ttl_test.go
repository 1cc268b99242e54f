package e2e

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/lab"
)

// unicastTo are the lines of a router that sends to one peer, and wants something of it.
func unicastTo(peer, source netip.Addr, wanted string, lines ...string) []string {
	return append(lines, fmt.Sprintf("source = %q", source), fmt.Sprintf("unicast_peers = [{address = %q%s}]", peer, wanted))
}

// Peers hear each other if the TTL of what they send is what the other one wants.
func TestRouterTTLOfPeers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		address string
		own     func(*lab.Link) netip.Addr
	}{
		"IPv4": {"198.18.0.101/24", func(l *lab.Link) netip.Addr { return l.IPv4.Addr() }},
		"IPv6": {"2001:db8::101/64", func(l *lab.Link) netip.Addr { return l.IPv6.Addr() }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, "lb1", "lb2")
			high, low := s.nodes[0], s.nodes[1]
			highest, lowest := c.own(high.Host.Eth0), c.own(low.Host.Eth0)
			writeLow := func(wanted string) {
				low.write(router("gw", 51, 100, c.address, unicastTo(highest, lowest, wanted)...))
			}
			high.write(router("gw", 51, 200, c.address, unicastTo(lowest, highest, "", "unicast_ttl = 200")...))
			writeLow(", min_ttl = 200, max_ttl = 200")
			s.start(low)
			s.stateIs(low, "gw", api.StateMaster, "")
			s.start(high)
			s.stateIs(high, "gw", api.StateMaster, "")
			s.stateIs(low, "gw", api.StateBackup, "")
			s.hears(high, lowest, "")
			s.hears(low, highest, "")

			writeLow(", min_ttl = 201")
			low.reload()
			s.hears(low, highest, "its TTL is 200, out of the range of that peer")
			s.stateIs(low, "gw", api.StateMaster, "")
			if dropped := low.router("gw").Adverts.Dropped; dropped["bad TTL of a peer"] == 0 {
				t.Errorf("it has dropped %v", dropped)
			}
		})
	}
}

// hears waits until the status has a router that was heeded, and says that of it now.
func (s *site) hears(n *station, router netip.Addr, advice string) {
	s.t.Helper()
	s.eventuallySays(fmt.Sprintf("%s hears %s: %q", n.Name, router, advice), func() bool {
		for _, h := range n.router("gw").Heard {
			if h.Address == router.String() && h.Accepted > 0 {
				return (h.Advice == "") == (advice == "") && strings.Contains(h.Advice, advice)
			}
		}
		return false
	})
}
