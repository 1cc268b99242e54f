package vip

import (
	"net"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// localRanges are the local routes of the namespace that are no addresses'.
func (l *lab) localRanges() (list []string) {
	l.t.Helper()
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		all, err := l.here.RouteListFiltered(family, &netlink.Route{Table: unix.RT_TABLE_LOCAL, Type: unix.RTN_LOCAL},
			netlink.RT_FILTER_TABLE|netlink.RT_FILTER_TYPE)
		l.must(err)
		for _, r := range all {
			ones, bits := r.Dst.Mask.Size()
			if ones != bits && !r.Dst.IP.IsLoopback() {
				list = append(list, r.Dst.String())
			}
		}
	}
	return list
}

func TestKernelRange(t *testing.T) {
	l := newLab(t)
	l.addr("198.18.0.1/24")
	all := []VIP{testRange("198.19.0.0/20"), testRange("2001:db8:5::/64"), vips("198.18.0.100/24")[0]}
	m := l.holding(Options{Lifetime: 2 * time.Second}, all)
	stop := l.run(m)
	if got, want := l.localRanges(), []string{"198.19.0.0/20", "2001:db8:5::/64"}; !slices.Equal(got, want) {
		t.Errorf("there are %v, want %v", got, want)
	}
	for _, route := range l.routesOfRanges() {
		if int(route.Protocol) != rangeProtocol {
			t.Errorf("%v has the protocol number %d", route, route.Protocol)
		}
		l.must(l.here.RouteDel(&route))
	}
	l.eventually("both are back", func() bool { return len(l.localRanges()) == 2 })
	for _, s := range m.Status()[:2] {
		if s.Readded != 1 || !s.Held {
			t.Errorf("status %+v", s)
		}
	}
	stop()
	m.take()
	ranges, complete, err := m.kernel.Ranges(all, func(index int) bool { return index != 1 }) // but for 127.0.0.0/8
	m.give()
	if err != nil || !complete || len(ranges) != 2 || ranges[0] != all[0].route(ranges[0].index) || ranges[1] != all[1].route(ranges[1].index) {
		t.Errorf("listed %+v, %v, %v", ranges, complete, err)
	}
	must(t, m.Set(nil))
	if got := l.localRanges(); len(got) != 0 {
		t.Errorf("left are %v", got)
	}
	if got := l.addresses(); !slices.Equal(got, []string{"198.18.0.1/24"}) {
		t.Errorf("left are %v", got)
	}
}

func (l *lab) routesOfRanges() (list []netlink.Route) {
	l.t.Helper()
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		all, err := l.here.RouteListFiltered(family, &netlink.Route{Table: unix.RT_TABLE_LOCAL, Protocol: rangeProtocol},
			netlink.RT_FILTER_TABLE|netlink.RT_FILTER_PROTOCOL)
		l.must(err)
		list = append(list, all...)
	}
	return list
}

// An operator's route is taken over, and that of a predecessor swept.
func TestKernelRangeThatIsThere(t *testing.T) {
	l := newLab(t)
	v := testRange("198.19.0.0/20")
	_, dst, err := net.ParseCIDR("198.19.0.0/20")
	l.must(err)
	byHand := &netlink.Route{
		LinkIndex: l.link(l.here, "lo").Attrs().Index, Dst: dst, Type: unix.RTN_LOCAL, Table: unix.RT_TABLE_LOCAL, Scope: unix.RT_SCOPE_HOST,
	}
	l.must(l.here.RouteAdd(byHand))
	m := l.holding(Options{}, []VIP{v})
	if routes := l.routesOfRanges(); len(routes) != 1 || routes[0].LinkIndex != l.link(l.here, "eth0").Attrs().Index {
		t.Errorf("there are %v", routes)
	}
	next := l.manager(Options{})
	l.must(next.Configure([]VIP{v}))
	if got := l.localRanges(); len(got) != 0 {
		t.Errorf("left are %v", got)
	}
	l.must(m.Set(nil))
}

// The kernel answers ARP for each address of a range unless arp_ignore keeps it from that,
// and no neighbor solicitation.
func TestKernelAnswersForRanges(t *testing.T) {
	l := newLab(t)
	l.addr("198.18.0.1/24")
	l.addr("2001:db8::1/64")
	l.holding(Options{}, []VIP{testRange("198.19.0.0/20"), testRange("2001:db8:5::/64")})
	l.listen()
	for _, test := range []struct {
		addr, ignore string
		want         bool
	}{
		{"198.19.0.0", "0", true},
		{"198.19.15.255", "0", true},
		{"198.19.16.0", "0", false},
		{"198.19.3.7", "1", false},
		{"198.19.3.7", "2", false},
	} {
		l.must(os.WriteFile("/proc/sys/net/ipv4/conf/eth0/arp_ignore", []byte(test.ignore), 0o644))
		if got := l.answered(test.addr); got != test.want {
			t.Errorf("%s is answered for with arp_ignore %s: %v, want %v", test.addr, test.ignore, got, test.want)
		}
	}
	if !l.answered("2001:db8::1") {
		t.Error("no solicitation is answered at all")
	}
	if l.answered("2001:db8:5::77") {
		t.Error("a solicitation for an address of a range is answered: perch need not leave it to routes")
	}
}

// answered asks from peer0 who has an address, and reports whether eth0 answers within
// some time.
func (l *lab) answered(addr string) bool {
	l.t.Helper()
	a := netip.MustParseAddr(addr)
	asker, etherType := hwAddr{2, 0, 0, 0, 9, 9}, unix.ETH_P_ARP
	var frame []byte
	if a.Is4() {
		frame = arpProbe(asker, a).appendTo(nil)
	} else {
		frame, etherType = neighborQuestion(asker, netip.MustParseAddr("fe80::9"), a).appendTo(nil), unix.ETH_P_IPV6
	}
	l.captured = nil
	for range 10 {
		l.sendThere(uint16(etherType), frame)
		time.Sleep(10 * time.Millisecond)
		l.drain()
		for _, f := range l.captured {
			if reply, err := parseARP(f.data); err == nil && reply.op == arpReply && reply.sender == a {
				return true
			}
			if na, err := parseNA(f.data); err == nil && na.target == a {
				return true
			}
		}
	}
	return false
}

func (l *lab) sendThere(etherType uint16, frame []byte) {
	l.t.Helper()
	l.in(l.thereFD, func() {
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		l.must(err)
		defer unix.Close(fd)
		l.must(unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{
			Protocol: etherType<<8 | etherType>>8, Ifindex: l.link(l.there, "peer0").Attrs().Index,
		}))
	})
}
