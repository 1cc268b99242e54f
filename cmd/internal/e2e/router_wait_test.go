package e2e

import (
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/lab"
)

// obstacle is why a router cannot run on a node.
type obstacle struct {
	reason string
	raise  func(*testing.T, *station)
	mend   func(*testing.T, *station)
}

var (
	down = obstacle{
		reason: "eth0 is down",
		raise:  func(t *testing.T, n *station) { on(t, n.Host, "eth0", netlink.LinkSetDown) },
		mend:   func(t *testing.T, n *station) { on(t, n.Host, "eth0", netlink.LinkSetUp) },
	}
	removed = obstacle{
		reason: "there is no interface eth0",
		raise:  func(t *testing.T, n *station) { must(t, n.Host.Eth0.Remove()) },
		mend:   func(t *testing.T, n *station) { must(t, n.Host.Eth0.Insert()) },
	}
	pulled = obstacle{
		reason: "eth0 is down",
		raise:  func(t *testing.T, n *station) { must(t, n.Host.Eth0.Cut()) },
		mend:   func(t *testing.T, n *station) { must(t, n.Host.Eth0.Splice()) },
	}
	withoutIPv4 = obstacle{
		reason: "eth0 has no IPv4 address",
		raise: func(t *testing.T, n *station) {
			on(t, n.Host, "eth0", func(link netlink.Link) error {
				return netlink.AddrDel(link, &netlink.Addr{IPNet: hostNet(n.Host.Eth0)})
			})
		},
		mend: func(t *testing.T, n *station) {
			on(t, n.Host, "eth0", func(link netlink.Link) error {
				return netlink.AddrAdd(link, &netlink.Addr{IPNet: hostNet(n.Host.Eth0)})
			})
		},
	}
	withoutLinkLocal = obstacle{
		reason: "eth0 has no IPv6 link-local address",
		raise:  func(t *testing.T, n *station) { on(t, n.Host, "eth0", removeLinkLocal) },
		mend: func(t *testing.T, n *station) {
			on(t, n.Host, "eth0", func(link netlink.Link) error {
				return netlink.AddrAdd(link, &netlink.Addr{
					IPNet: &net.IPNet{IP: net.ParseIP("fe80::1"), Mask: net.CIDRMask(64, 128)}, Flags: unix.IFA_F_NODAD,
				})
			})
		},
	}
)

func hostNet(l *lab.Link) *net.IPNet {
	return &net.IPNet{IP: l.IPv4.Addr().AsSlice(), Mask: net.CIDRMask(l.IPv4.Bits(), 32)}
}

func removeLinkLocal(link netlink.Link) error {
	addrs, err := netlink.AddrList(link, netlink.FAMILY_V6)
	if err != nil {
		return err
	}
	for _, a := range addrs {
		if !a.IP.IsLinkLocalUnicast() {
			continue
		}
		if err := netlink.AddrDel(link, &a); err != nil {
			return err
		}
	}
	return nil
}

// waiting are the routers that wait, each with what it may wait for.
var waiting = map[string]struct {
	address   string
	lines     []string
	obstacles map[string]obstacle
}{
	"IPv4":             {"198.18.0.101/24", nil, map[string]obstacle{"down": down, "removed": removed, "pulled": pulled, "no address": withoutIPv4}},
	"IPv6":             {"2001:db8::101/64", nil, map[string]obstacle{"down": down, "removed": removed, "no address": withoutLinkLocal}},
	"link-local":       {"fe80::101/64", nil, map[string]obstacle{"down": down, "removed": removed}},
	"virtual MAC":      {"198.18.0.101/24", []string{"virtual_mac = true"}, map[string]obstacle{"down": down, "removed": removed, "no address": withoutIPv4}},
	"virtual MAC IPv6": {"2001:db8::101/64", []string{"virtual_mac = true"}, map[string]obstacle{"down": down, "removed": removed}},
}

// A router waits for what it lacks, says so, and starts by itself.
func TestRouterWaits(t *testing.T) {
	for name, w := range waiting {
		for why, o := range w.obstacles {
			t.Run(name+"/"+why, func(t *testing.T) {
				t.Parallel()
				s := newSite(t, "lb1")
				n := s.nodes[0]
				address, _, _ := strings.Cut(w.address, "/")
				s.hasLinkLocal(n)
				o.raise(t, n)
				n.write(router("gw", 51, 100, w.address, w.lines...))
				s.start(n)
				s.saysFault(n, o.reason)
				if n.has(address) {
					t.Error("a router in fault has its address")
				}
				o.mend(t, n)
				s.serves(n, address, w.lines != nil)

				// It may be lost again.
				s.hasLinkLocal(n)
				o.raise(t, n)
				s.saysFault(n, o.reason)
				s.hasJust(n, "", address)
				o.mend(t, n)
				s.serves(n, address, w.lines != nil)
				s.stop(n)
				if n.has(address) {
					t.Error("it was stopped and left its address behind")
				}
			})
		}
	}
}

// hasLinkLocal waits until the node has an address that IPv6 adverts may come from.
func (s *site) hasLinkLocal(n *station) {
	s.t.Helper()
	s.eventually(n.Name+" has a link-local address", func() bool {
		has, err := n.Host.HasLinkLocal()
		must(s.t, err)
		return has
	})
}

// saysFault waits until the status says why the router cannot serve, also as a warning.
func (s *site) saysFault(n *station, reason string) {
	s.t.Helper()
	s.stateIs(n, "gw", api.StateFault, reason)
	status, err := n.status()
	must(s.t, err)
	if want := "virtual router gw cannot serve: " + reason; !slices.Contains(status.Warnings, want) {
		s.t.Errorf("warnings %q, want %q", status.Warnings, want)
	}
	if p := status.VRRP[0].EffectivePriority; p != 0 {
		s.t.Errorf("effective priority %d in a fault, want 0", p)
	}
}

// serves waits until the node answers for the address.
func (s *site) serves(n *station, address string, virtual bool) {
	s.t.Helper()
	s.stateIs(n, "gw", api.StateMaster, "")
	s.hasJust(n, address, "")
	switch {
	case !virtual:
		s.answeredBy(address, n)
	case strings.Contains(address, ":"):
		s.answeredFrom(address, lab.MAC{0, 0, 0x5e, 0, 2, 51})
	default:
		s.answeredFrom(address, lab.MAC{0, 0, 0x5e, 0, 1, 51})
	}
}

// An interface that is not there at first may come at any time.
func TestRouterWaitsForNewInterface(t *testing.T) {
	t.Parallel()
	for name, lines := range map[string][]string{
		"plain":       {`interface = "eth1"`},
		"virtual MAC": {`interface = "eth1"`, "virtual_mac = true"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, n := alone(t, router("gw", 51, 100, "198.18.1.101/24", lines...), router("other", 52, 100, "198.18.0.102/24"))
			s.saysFault(n, "there is no interface eth1")
			s.hasJust(n, "198.18.0.102", "198.18.1.101")
			second, err := s.net.AddSwitch()
			must(t, err)
			_, err = n.Host.Join(second)
			must(t, err)
			s.stateIs(n, "gw", api.StateMaster, "")
			s.hasJust(n, "198.18.0.102 198.18.1.101", "")
		})
	}
}
