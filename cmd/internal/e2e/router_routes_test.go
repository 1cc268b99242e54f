package e2e

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// What a master has besides its addresses, in the config and in the kernel.
var (
	masterPaths = []string{
		`routes = [
	{destination = "10.1.0.0/16", via = "198.18.0.254"},
	{destination = "10.2.0.0/16", via = "198.18.0.254", source = "198.18.0.101"},
	{destination = "10.3.0.0/16", blackhole = true, table = 100},
	{destination = "2001:db8:1::/48", via = "2001:db8::254"},
]`,
		`rules = [{from = "198.18.0.0/24", table = 100, pref = 1000}, {to = "2001:db8:1::/48", table = 100, pref = 1001}]`,
	}
	ofMaster = []string{
		"10.1.0.0/16 table 254", "10.2.0.0/16 table 254", "10.3.0.0/16 table 100", "2001:db8:1::/48 table 254",
		"rule 1000 table 100", "rule 1001 table 100",
	}
)

// What a node has as long as the daemon runs.
const staticPaths = `
[static]
addresses = [{address = "198.18.0.110/24", interface = "eth0"}]
routes = [{destination = "10.9.0.0/16", via = "198.18.0.254"}]
rules = [{to = "10.9.0.0/16", table = 200, pref = 2000}]
`

var ofStatic = []string{"10.9.0.0/16 table 254", "rule 2000 table 200"}

// pathsAre waits until the kernel has these routes and rules of perch and no others.
func (s *site) pathsAre(n *station, want ...[]string) {
	s.t.Helper()
	all := slices.Sorted(slices.Values(slices.Concat(want...)))
	s.eventually(fmt.Sprintf("%s has these routes and rules: %q", n.Name, all), func() bool {
		return slices.Equal(paths(s.t, n.Host), all)
	})
}

func TestRouterPathsFollowTheMaster(t *testing.T) {
	t.Parallel()
	s := newSite(t, "lb1", "lb2")
	a, b := s.nodes[0], s.nodes[1]
	a.write(router("gw", 51, 200, "198.18.0.101/24", masterPaths...), staticPaths)
	b.write(router("gw", 51, 100, "198.18.0.101/24", masterPaths...), strings.ReplaceAll(staticPaths, "198.18.0.110", "198.18.0.111"))
	s.start(a, b)
	s.pathsAre(a, ofMaster, ofStatic)
	s.pathsAre(b, ofStatic)
	s.hasJust(a, "198.18.0.110 198.18.0.101", "")
	s.hasJust(b, "198.18.0.111", "198.18.0.101")
	stays := departures(t, b.Host, "198.18.0.111")

	s.stop(a)
	if left := paths(t, a.Host); len(left) > 0 || a.has("198.18.0.110") {
		t.Errorf("%s was stopped and left %q behind; its static address: %v", a.Name, left, a.has("198.18.0.110"))
	}
	s.pathsAre(b, ofMaster, ofStatic)
	s.hasJust(b, "198.18.0.111 198.18.0.101", "")
	s.eventuallySays("the status of "+b.Name+" has them all", func() bool {
		r := b.router("gw")
		return len(r.Routes) == len(ofMaster) && !slices.ContainsFunc(r.Routes, func(p api.HeldRoute) bool { return !p.Held })
	})

	s.start(a)
	s.pathsAre(a, ofMaster, ofStatic)
	s.pathsAre(b, ofStatic)
	if stays() > 0 {
		t.Error("a static address went with the master")
	}
}

func TestRouterPathsArePutBack(t *testing.T) {
	t.Parallel()
	s, n := alone(t, router("gw", 51, 100, "198.18.0.101/24", masterPaths...), staticPaths)
	s.pathsAre(n, ofMaster, ofStatic)
	s.hasJust(n, "198.18.0.110", "")
	flush(t, n)
	s.pathsAre(n, ofMaster, ofStatic)

	// Addresses take routes with them that have them as their source.
	for _, addr := range []string{"198.18.0.101", "198.18.0.110"} {
		on(t, n.Host, "eth0", func(link netlink.Link) error {
			gone, err := netlink.ParseAddr(addr + "/24")
			if err != nil {
				return err
			}
			return netlink.AddrDel(link, gone)
		})
		s.hasJust(n, addr, "")
	}
	s.pathsAre(n, ofMaster, ofStatic)
	s.eventually("the status tells of what is static, and that it was put back", func() bool {
		status, err := n.status()
		must(t, err)
		return status.Static != nil && len(status.Static.Addresses) == 1 && len(status.Static.Routes) == 2 && status.Static.Addresses[0].Readded > 0
	})
}

// flush removes all routes and rules of perch, as an operator would.
func flush(t *testing.T, n *station) {
	t.Helper()
	must(t, n.Host.Do(func() error {
		for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
			routes, err := netlink.RouteListFiltered(family, &netlink.Route{Protocol: protocolOfPerch}, netlink.RT_FILTER_PROTOCOL|netlink.RT_FILTER_TABLE)
			if err != nil {
				return err
			}
			for _, r := range routes {
				if err := netlink.RouteDel(&r); err != nil && !errors.Is(err, unix.ESRCH) { // one may go with another
					return fmt.Errorf("remove %s: %w", r, err)
				}
			}
			rules, err := netlink.RuleList(family)
			if err != nil {
				return err
			}
			for _, r := range rules {
				if r.Protocol != protocolOfPerch {
					continue
				}
				r.Family = family
				if err := netlink.RuleDel(&r); err != nil && !errors.Is(err, unix.ENOENT) {
					return fmt.Errorf("remove %s: %w", r, err)
				}
			}
		}
		return nil
	}))
}

// What a killed daemon leaves, the next one takes away if it is not the master.
func TestRouterPathsAfterSIGKILL(t *testing.T) {
	t.Parallel()
	s := newSite(t, "lb1", "lb2")
	a, b := s.nodes[0], s.nodes[1]
	a.write(router("gw", 51, 200, "198.18.0.101/24", masterPaths...), staticPaths)
	b.write(router("gw", 51, 100, "198.18.0.101/24"))
	s.start(a, b)
	s.pathsAre(a, ofMaster, ofStatic)
	must(t, a.Kill())
	if left := paths(t, a.Host); len(left) == 0 {
		t.Fatal("a killed daemon left no routes, there is nothing to see here")
	}
	s.hasJust(b, "198.18.0.101", "")
	a.write(router("gw", 51, 50, "198.18.0.101/24", masterPaths...))
	s.start(a)
	s.pathsAre(a)
	s.hasJust(a, "", "198.18.0.101 198.18.0.110")
	s.hasJust(b, "198.18.0.101", "")

	// Also one that wants none at all.
	a.write(router("gw", 51, 200, "198.18.0.101/24", masterPaths...), staticPaths)
	a.reload()
	s.pathsAre(a, ofMaster, ofStatic)
	must(t, a.Kill())
	a.write(router("gw", 51, 200, "198.18.0.101/24"))
	s.start(a)
	s.pathsAre(a)
	s.hasJust(a, "198.18.0.101", "198.18.0.110")
}

func TestRouterPathsChangeWithAReload(t *testing.T) {
	t.Parallel()
	s, n := alone(t, router("gw", 51, 100, "198.18.0.101/24"))
	s.hasJust(n, "198.18.0.101", "")
	left := departures(t, n.Host, "198.18.0.101")
	n.reloads([]string{"198.18.0.110/24 eth0"}, nil, router("gw", 51, 100, "198.18.0.101/24", masterPaths...), staticPaths)
	s.pathsAre(n, ofMaster, ofStatic)
	s.hasJust(n, "198.18.0.110", "")
	n.reloads(nil, []string{"198.18.0.110/24 eth0"}, router("gw", 51, 100, "198.18.0.101/24"))
	s.pathsAre(n)
	s.hasJust(n, "", "198.18.0.110")
	if left() > 0 {
		t.Error("the address went for a moment")
	}
}

// A route that somebody else has is left alone, and named.
func TestRouterPathsOfSomebodyElse(t *testing.T) {
	t.Parallel()
	s := newSite(t, "lb1")
	n := s.nodes[0]
	foreign := func(do func(*netlink.Route) error) {
		t.Helper()
		on(t, n.Host, "eth0", func(link netlink.Link) error {
			dst, err := netlink.ParseIPNet("10.9.0.0/16")
			if err != nil {
				return err
			}
			return do(&netlink.Route{LinkIndex: link.Attrs().Index, Dst: dst, Scope: netlink.SCOPE_LINK})
		})
	}
	foreign(netlink.RouteAdd)
	n.write(router("gw", 51, 100, "198.18.0.101/24", `routes = [{destination = "10.9.0.0/16", dev = "eth0"}]`))
	s.start(n)
	s.eventuallySays("the status names it", func() bool {
		r := n.router("gw")
		return len(r.Routes) == 1 && !r.Routes[0].Held && r.Routes[0].Reason == "somebody else has it"
	})
	if r := n.router("gw"); r.State != api.StateMaster || !r.Addresses[0].Held {
		t.Errorf("the router itself: %+v", r)
	}
	foreign(netlink.RouteDel)
	s.pathsAre(n, []string{"10.9.0.0/16 table 254"})
	s.eventuallySays("the status has it", func() bool { return n.router("gw").Routes[0].Held })
}
