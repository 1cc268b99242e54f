package e2e

import (
	"testing"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/lab"
)

// The first address of an IPv6 router is link-local (RFC 9568 section 5.2.9), and may be
// the same on each interface.
func TestRouterLinkLocalAddress(t *testing.T) {
	for name, line := range map[string]string{"plain": "", "virtual MAC": "virtual_mac = true"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const local, global, other = "fe80::101", "2001:db8::101", "2001:db8:0:1::101"
			s := newSite(t, "lb1", "lb2")
			a, b := s.nodes[0], s.nodes[1]
			second, err := s.net.AddSwitch()
			must(t, err)
			for i, n := range s.nodes {
				_, err := n.Host.Join(second)
				must(t, err)
				n.write(router("left", 51, 200-i, local+"/64 "+global+"/64", line),
					router("right", 51, 100+i, local+"/64 "+other+"/64", line, `interface = "eth1"`))
			}
			s.hasLinkLocal(a)
			s.hasLinkLocal(b)
			answers := func(n *station) {
				t.Helper()
				mac := lab.MAC(n.Host.Eth0.MAC)
				if line != "" {
					mac = virtual6
				}
				s.answeredFrom(global, mac)
				s.answeredFrom(local, mac)
			}
			s.start(a, b)
			s.hasJust(a, local+" "+global, other)
			s.hasJust(b, local+" "+other, global)
			answers(a)
			if status, err := a.status(); err != nil || len(status.Warnings) > 0 {
				t.Errorf("warnings: %q, %v", status.Warnings, err)
			}
			must(t, a.Kill())
			s.hasJust(b, local+" "+global+" "+other, "")
			answers(b)
			s.start(a)
			s.hasJust(b, local+" "+other, global)
			answers(a)
			must(t, b.Freeze())
			s.stateIs(a, "right", api.StateMaster, "")
			s.hasJust(a, local+" "+global+" "+other, "")
			answers(a)
			must(t, b.Thaw())
			s.stateIs(a, "right", api.StateBackup, "")
			s.hasJust(a, local+" "+global, other)
			answers(a)
			for _, n := range s.nodes {
				s.stop(n)
				if n.has(local) || n.has(global) || n.has(other) {
					t.Errorf("%s was stopped and left an address behind", n.Name)
				}
			}
		})
	}
}
