package vip

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

// run lets m run until the test ends or stop is called.
func (l *lab) run(m *Manager) (stop func()) {
	l.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			l.t.Errorf("Run: %v", err)
		}
	})
	l.t.Cleanup(stop)
	return stop
}

func (l *lab) wantAddresses(want ...string) {
	l.t.Helper()
	got := l.addresses()
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		l.t.Fatalf("addresses: (-want +got)\n%s", diff)
	}
}

// sysctl writes a setting of the namespace of the test.
func (l *lab) sysctl(name, value string) {
	l.t.Helper()
	l.must(os.WriteFile(filepath.Join("/proc/sys/net", name), []byte(value), 0o644))
}

func TestKernelFlagsAndRoutes(t *testing.T) {
	l := newLab(t)
	l.addr("198.18.0.1/24")
	l.addr("2001:db8::1/64")
	routes4, routes6 := l.routes(netlink.FAMILY_V4), l.routes(netlink.FAMILY_V6)
	all := vips("198.18.0.100/24", "198.18.0.101/32", "198.18.0.140/25", "198.19.0.100/24", "2001:db8::100/64", "2001:db8:1::100/64")
	m := l.manager(Options{Lifetime: time.Hour})
	l.must(m.Configure(all))
	l.must(m.Set(all))
	tests := []struct {
		prefix     string
		set, unset int
	}{
		{"198.18.0.1/24", unix.IFA_F_PERMANENT, unix.IFA_F_SECONDARY},
		{"198.18.0.100/24", unix.IFA_F_SECONDARY, unix.IFA_F_PERMANENT},
		{"198.18.0.101/32", unix.IFA_F_NOPREFIXROUTE, unix.IFA_F_SECONDARY},
		{"198.18.0.140/25", unix.IFA_F_NOPREFIXROUTE, unix.IFA_F_SECONDARY},
		{"198.19.0.100/24", 0, unix.IFA_F_NOPREFIXROUTE},
		{"2001:db8::100/64", unix.IFA_F_NODAD | unix.IFA_F_DEPRECATED | unix.IFA_F_NOPREFIXROUTE, unix.IFA_F_TENTATIVE},
		{"2001:db8:1::100/64", unix.IFA_F_NODAD | unix.IFA_F_DEPRECATED, unix.IFA_F_NOPREFIXROUTE | unix.IFA_F_TENTATIVE},
	}
	for _, test := range tests {
		if got := l.flags(test.prefix); got&test.set != test.set || got&test.unset != 0 {
			t.Errorf("%s has flags %#x, want %#x and not %#x", test.prefix, got, test.set, test.unset)
		}
	}
	if diff := cmp.Diff(append(routes4, "198.19.0.0/24"), l.routes(netlink.FAMILY_V4)); diff != "" {
		t.Errorf("IPv4 routes: (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(append(routes6, "2001:db8:1::/64"), l.routes(netlink.FAMILY_V6)); diff != "" {
		t.Errorf("IPv6 routes: (-want +got)\n%s", diff)
	}
	for _, a := range l.kernelAddresses() {
		own := a.IPNet.String() == "198.18.0.1/24" || a.IPNet.String() == "2001:db8::1/64"
		if !own && (a.ValidLft > 3600 || a.ValidLft < 3500) {
			t.Errorf("%s is valid for %d s, want an hour", a.IPNet, a.ValidLft)
		}
	}
	l.must(m.Set(nil))
	l.wantAddresses("198.18.0.1/24", "2001:db8::1/64")
	if diff := cmp.Diff(routes4, l.routes(netlink.FAMILY_V4)); diff != "" {
		t.Errorf("IPv4 routes after release: (-want +got)\n%s", diff)
	}
	// The kernel lets the prefix route of an IPv6 address with a lifetime end with it.
	if diff := cmp.Diff(append(routes6, "2001:db8:1::/64"), l.routes(netlink.FAMILY_V6)); diff != "" {
		t.Errorf("IPv6 routes after release: (-want +got)\n%s", diff)
	}
}

func TestKernelForever(t *testing.T) {
	l := newLab(t)
	routes6 := l.routes(netlink.FAMILY_V6)
	all := vips("198.18.0.100/24", "2001:db8::100/64")
	m := l.manager(Options{})
	l.must(m.Configure(all))
	l.must(m.Set(all))
	for prefix, want := range map[string]int{
		"198.18.0.100/24":  unix.IFA_F_PERMANENT,
		"2001:db8::100/64": unix.IFA_F_PERMANENT | unix.IFA_F_DEPRECATED | unix.IFA_F_NODAD,
	} {
		if got := l.flags(prefix); got != want {
			t.Errorf("%s has flags %#x, want %#x", prefix, got, want)
		}
	}
	l.must(m.Set(nil))
	l.wantAddresses()
	if diff := cmp.Diff(routes6, l.routes(netlink.FAMILY_V6)); diff != "" {
		t.Errorf("IPv6 routes after release: (-want +got)\n%s", diff)
	}
}

// TestKernelSourceAddress: the node goes on speaking from its own addresses.
func TestKernelSourceAddress(t *testing.T) {
	l := newLab(t)
	l.addr("198.18.0.9/24")
	l.addr("2001:db8::9/64")
	all := vips("198.18.0.1/24", "2001:db8::1:1/64")
	m := l.manager(Options{})
	l.must(m.Configure(all))
	l.must(m.Set(all))
	for to, want := range map[string]string{"198.18.0.77": "198.18.0.9", "2001:db8::1:2": "2001:db8::9"} {
		routes, err := l.here.RouteGet(net.ParseIP(to))
		l.must(err)
		if got := routes[0].Src.String(); got != want {
			t.Errorf("the source of packets to %s is %s, want %s", to, got, want)
		}
	}
}

func TestKernelAnnouncements(t *testing.T) {
	l := newLab(t)
	l.listen()
	m := l.manager(Options{})
	all := vips("198.18.0.100/24", "2001:db8::100/64")
	l.must(m.Configure(all))
	before := goleak.IgnoreCurrent()
	stop := l.run(m)
	l.must(m.Set(all))
	l.eventually("three announcements", func() bool {
		return l.kinds("198.18.0.100") == "request reply request reply request reply" && l.kinds("2001:db8::100") == "na na na"
	})
	mac := hwAddr(l.link(l.here, "eth0").Attrs().HardwareAddr)
	heard := l.heard()
	for _, a := range heard {
		if a.mac != mac {
			t.Errorf("%s announces %x, want %x", a.addr, a.mac, mac)
		}
	}
	for i, want := range []time.Duration{0, 50 * time.Millisecond, 200 * time.Millisecond} {
		at := heard[3*i].at.Sub(heard[0].at)
		if at < want || at > want+100*time.Millisecond {
			t.Errorf("announcement %d came %v after the first, want %v", i, at, want)
		}
	}
	l.must(m.Set(nil))
	count := len(l.heard())
	time.Sleep(100 * time.Millisecond)
	if again := len(l.heard()); again != count {
		t.Errorf("%d announcements after the release", again-count)
	}
	stop()
	goleak.VerifyNone(t, before)
}

// TestKernelAnnouncesEachAddressAtOnce: with many VIPs the announcement of each
// follows its addition, as the kernel tells it, and not the last addition.
func TestKernelAnnouncesEachAddressAtOnce(t *testing.T) {
	l := newLab(t)
	l.listen()
	all := many(300)
	m := l.manager(Options{})
	l.must(m.Configure(all))
	added := l.watchAdditions()
	begin := time.Now()
	l.must(m.Set(all))
	took := time.Since(begin)
	first := make(map[netip.Addr]time.Time)
	for _, a := range l.heard() {
		if _, again := first[a.addr]; !again {
			first[a.addr] = a.at
		}
	}
	var delays []time.Duration
	for _, v := range all {
		addr := v.Address.Addr()
		at, announced := first[addr]
		if !announced {
			t.Fatalf("%s was not announced", addr)
		}
		delays = append(delays, at.Sub(added()[addr]))
	}
	slices.Sort(delays)
	t.Logf("%d VIPs in %v; announced after median %v, p99 %v", len(all), took, delays[len(all)/2], delays[len(all)*99/100])
	// The median, as on a busy machine either process may have to wait at times.
	if median := delays[len(all)/2]; median > time.Millisecond {
		t.Errorf("half of the VIPs were announced %v or later after the address, want 1 ms", median)
	}
}

// watchAdditions notes when the kernel tells of each address.
func (l *lab) watchAdditions() func() map[netip.Addr]time.Time {
	l.t.Helper()
	s := &sockets{frames: -1}
	l.must(s.openNotices(noticeBuffer))
	var mu sync.Mutex
	times := make(map[netip.Addr]time.Time)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			messages, err := s.Notices()
			if err != nil {
				return
			}
			now := time.Now()
			mu.Lock()
			for _, msg := range messages {
				if a, err := parseAddress(msg.Data); err == nil && msg.Header.Type == unix.RTM_NEWADDR {
					times[a.prefix.Addr()] = now
				}
			}
			mu.Unlock()
		}
	}()
	l.t.Cleanup(func() { s.Interrupt(); <-done })
	return func() map[netip.Addr]time.Time {
		mu.Lock()
		defer mu.Unlock()
		return times
	}
}

// TestKernelPutsBack: removed by hand, an address is back within 100 ms, announced
// and counted.
func TestKernelPutsBack(t *testing.T) {
	l := newLab(t)
	l.addr("198.18.0.1/24")
	all := vips("198.18.0.100/24", "2001:db8::100/64")
	m := l.manager(Options{})
	l.must(m.Configure(all))
	l.must(m.Set(all))
	l.run(m)
	for round := range 4 {
		for _, v := range all {
			prefix := v.Address.String()
			l.must(l.delAddr(prefix))
			within(t, 100*time.Millisecond, prefix+" back", func() bool { return l.has(prefix) })
		}
		l.eventually("counted", func() bool { return m.Stats().Readded == uint64(2*(round+1)) })
	}
	for _, s := range m.Status() {
		if s.Readded != 4 || !s.Held {
			t.Errorf("status is %+v, want held and 4 readded", s)
		}
	}
}

// TestKernelFlush: all addresses of the interface go, the primary with its
// secondaries; the VIPs are back, and the foreign ones stay away.
func TestKernelFlush(t *testing.T) {
	l := newLab(t)
	l.addr("198.18.0.1/24")
	all := append(many(200), vips("198.18.0.100/24")...)
	m := l.manager(Options{})
	l.must(m.Configure(all))
	l.must(m.Set(all))
	l.run(m)
	for _, a := range l.kernelAddresses() {
		_ = l.here.AddrDel(l.link(l.here, "eth0"), &a) // gone with its primary
	}
	l.eventually("all VIPs back", func() bool { return len(l.addresses()) == len(all) })
	l.eventually("held", func() bool {
		return !slices.ContainsFunc(m.Status(), func(s Status) bool { return !s.Held })
	})
	if l.has("198.18.0.1/24") {
		t.Error("an address came back that is no VIP")
	}
	l.must(m.Set(nil))
	l.wantAddresses()
}

// TestKernelFight: somebody removes the VIP as fast as he can. The Manager keeps
// on, but not as fast.
func TestKernelFight(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	all := vips("198.18.0.100/24")
	m := l.manager(Options{})
	l.must(m.Configure(all))
	l.must(m.Set(all))
	l.run(m)
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		_ = l.delAddr("198.18.0.100/24")
	}
	if got := m.Status()[0].Readded; got < 7 || got > 11 {
		t.Errorf("put back %d times in 2 s, want some 9", got)
	}
	within(t, 1200*time.Millisecond, "back", func() bool { return l.has("198.18.0.100/24") })
}

func TestKernelInterfaceComesAndGoes(t *testing.T) {
	l := newLab(t)
	l.listen()
	all := vips("198.18.0.100/24", "2001:db8::100/64")
	m := l.manager(Options{})
	l.must(m.Configure(all))
	l.must(l.here.LinkDel(l.link(l.here, "eth0")))
	l.must(m.Set(all))
	l.run(m)
	reason := func(want string) {
		t.Helper()
		l.eventually(fmt.Sprintf("reason %q", want), func() bool {
			s := m.Status()
			return s[0].Reason == want && s[1].Reason == want
		})
	}
	held := func(want bool) {
		t.Helper()
		l.eventually(fmt.Sprintf("held %t", want), func() bool {
			s := m.Status()
			return s[0].Held == want && s[1].Held == want
		})
	}
	reason("interface eth0 does not exist")
	for range 2 {
		l.addVeth("eth0", "peer0")
		reason("interface eth0 is down")
		held(false)
		l.listen()
		l.up(l.here, "eth0")
		reason("interface eth0 has no carrier")
		held(true)
		l.up(l.there, "peer0")
		reason("")
		l.wantAddresses("198.18.0.100/24", "2001:db8::100/64")
		l.eventually("announced", func() bool {
			return strings.HasPrefix(l.kinds("198.18.0.100"), "request reply") && strings.HasPrefix(l.kinds("2001:db8::100"), "na")
		})
		l.must(l.here.LinkDel(l.link(l.here, "eth0")))
		reason("interface eth0 does not exist")
		held(false)
	}
	l.must(m.Set(nil))
	if got := m.Stats().Readded; got != 0 {
		t.Errorf("%d readded, want none: nobody removed an address", got)
	}
}

// TestKernelLinkEvents: after each of these neighbours are told from the start on.
func TestKernelLinkEvents(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.listen()
	all := vips("198.18.0.100/24", "2001:db8::100/64")
	m := l.manager(Options{})
	l.must(m.Configure(all))
	l.must(m.Set(all))
	l.run(m)
	events := []struct {
		name  string
		cause func()
	}{
		{"down and up", func() { l.down(l.here, "eth0"); l.up(l.here, "eth0") }},
		{"carrier", func() { l.down(l.there, "peer0"); l.up(l.there, "peer0") }},
		{"MAC", func() {
			l.must(l.here.LinkSetHardwareAddr(l.link(l.here, "eth0"), net.HardwareAddr{2, 0, 0, 0, 0, 7}))
		}},
		{"bridge", func() {
			attrs := netlink.NewLinkAttrs()
			attrs.Name = "br0"
			l.must(l.here.LinkAdd(&netlink.Bridge{LinkAttrs: attrs}))
			l.must(l.here.LinkSetMaster(l.link(l.here, "eth0"), l.link(l.here, "br0")))
		}},
	}
	for _, event := range events {
		l.eventually("first repeats over", func() bool {
			heard := l.heard()
			return len(heard) > 0 && time.Since(heard[len(heard)-1].at) > 900*time.Millisecond
		})
		l.captured = nil
		event.cause()
		l.eventually("told after "+event.name, func() bool {
			return strings.HasPrefix(l.kinds("198.18.0.100"), "request reply request reply") &&
				strings.HasPrefix(l.kinds("2001:db8::100"), "na na")
		})
	}
	if heard := l.heard(); heard[len(heard)-1].mac != (hwAddr{2, 0, 0, 0, 0, 7}) {
		t.Errorf("announced %x, want the new MAC", heard[len(heard)-1].mac)
	}
}

func TestKernelRouterFlag(t *testing.T) {
	l := newLab(t)
	l.listen()
	all := vips("2001:db8::100/64")
	m := l.manager(Options{})
	l.must(m.Configure(all))
	l.run(m)
	l.must(m.Set(all))
	l.eventually("announced as a host", func() bool { return strings.HasPrefix(l.kinds("2001:db8::100"), "na") })
	l.sysctl("ipv6/conf/eth0/forwarding", "1")
	l.eventually("announced as a router", func() bool { return strings.HasSuffix(l.kinds("2001:db8::100"), "na-router") })
}

// TestKernelPrimaryGoes: the node's own address came after the VIP and is its
// secondary. It stays when the VIP goes, with all its attributes and routes.
func TestKernelPrimaryGoes(t *testing.T) {
	l := newLab(t)
	all := vips("198.18.0.100/24")
	m := l.manager(Options{})
	l.must(m.Configure(all))
	l.must(m.Set(all))
	l.addr("198.18.0.1/24", func(a *netlink.Addr) {
		a.Label = "eth0:own"
		a.Broadcast = net.IPv4(198, 18, 0, 255).To4()
		a.ValidLft, a.PreferedLft = 5000, 4000
	})
	if l.flags("198.18.0.1/24")&unix.IFA_F_SECONDARY == 0 {
		t.Fatal("the node's address is no secondary: the test tests nothing")
	}
	_, everywhere, err := net.ParseCIDR("0.0.0.0/0")
	l.must(err)
	l.must(l.here.RouteAdd(&netlink.Route{
		LinkIndex: l.link(l.here, "eth0").Attrs().Index, Dst: everywhere,
		Gw: net.IPv4(198, 18, 0, 254), Src: net.IPv4(198, 18, 0, 1),
	}))
	l.must(m.Set(nil))
	own := l.kernelAddresses()
	if len(own) != 1 || own[0].IPNet.String() != "198.18.0.1/24" || own[0].Label != "eth0:own" ||
		own[0].Broadcast.String() != "198.18.0.255" || own[0].ValidLft < 4900 || own[0].PreferedLft < 3900 {
		t.Errorf("the node has %#v", own)
	}
	routes, err := l.here.RouteGet(net.IPv4(203, 0, 113, 1))
	if err != nil || routes[0].Gw.String() != "198.18.0.254" || routes[0].Src.String() != "198.18.0.1" {
		t.Errorf("the default route is %+v, %v", routes, err)
	}
	if b, err := os.ReadFile("/proc/sys/net/ipv4/conf/eth0/promote_secondaries"); err != nil || string(b) != "0\n" {
		t.Errorf("promote_secondaries is %q, %v, want 0 as before", b, err)
	}
}

// TestKernelGivesWay: the same, with Run, which puts the node's address first.
func TestKernelGivesWay(t *testing.T) {
	l := newLab(t)
	all := vips("198.18.0.100/24", "198.18.0.101/24")
	m := l.manager(Options{})
	l.must(m.Configure(all))
	l.must(m.Set(all))
	l.run(m)
	l.addr("198.18.0.1/24")
	l.eventually("the node's address is the primary one", func() bool {
		return l.has("198.18.0.1/24") && l.flags("198.18.0.1/24")&unix.IFA_F_SECONDARY == 0
	})
	l.eventually("the VIPs are secondary", func() bool {
		return l.has("198.18.0.100/24") && l.flags("198.18.0.100/24")&unix.IFA_F_SECONDARY != 0 &&
			l.has("198.18.0.101/24") && l.flags("198.18.0.101/24")&unix.IFA_F_SECONDARY != 0
	})
	routes, err := l.here.RouteGet(net.IPv4(198, 18, 0, 77))
	if err != nil || routes[0].Src.String() != "198.18.0.1" {
		t.Errorf("the source is %+v, %v, want the node's address", routes, err)
	}
	if got := m.Stats().Readded; got != 0 {
		t.Errorf("%d readded, want none", got)
	}
}

// TestKernelCoverGoes: without the node's address a VIP must bring its own route.
func TestKernelCoverGoes(t *testing.T) {
	l := newLab(t)
	l.addr("198.18.0.1/24")
	l.addr("2001:db8::1/64")
	all := vips("198.18.0.100/24", "198.18.0.140/25", "2001:db8::100/64")
	m := l.manager(Options{})
	l.must(m.Configure(all))
	l.must(m.Set(all))
	l.run(m)
	l.must(l.delAddr("198.18.0.1/24"))
	l.must(l.delAddr("2001:db8::1/64"))
	l.eventually("routes", func() bool {
		four, six := l.routes(netlink.FAMILY_V4), l.routes(netlink.FAMILY_V6)
		return slices.Contains(four, "198.18.0.0/24") && slices.Contains(four, "198.18.0.128/25") && slices.Contains(six, "2001:db8::/64")
	})
	l.eventually("addresses", func() bool { return len(l.addresses()) == len(all) })
}

// TestKernelDuplicate: an address that lost its duplicate address detection
// against the last owner is of no use; the VIP is.
func TestKernelDuplicate(t *testing.T) {
	l := newLab(t)
	l.in(l.thereFD, func() {
		l.must(l.there.AddrAdd(l.link(l.there, "peer0"), l.parse("2001:db8::100/64")))
	})
	all := vips("2001:db8::100/64")
	m := l.manager(Options{})
	l.must(m.Configure(all))
	l.addr("2001:db8::100/64", func(a *netlink.Addr) { a.Flags = 0 })
	l.eventually("detection failed", func() bool { return l.flags("2001:db8::100/64")&unix.IFA_F_DADFAILED != 0 })
	l.must(m.Set(all))
	if got := l.flags("2001:db8::100/64"); got&(unix.IFA_F_DADFAILED|unix.IFA_F_TENTATIVE) != 0 {
		t.Errorf("the VIP has flags %#x, want it in use", got)
	}
}

// TestKernelSuccessor: what a Manager left that died is swept by the next one,
// also what is no longer configured; all that is foreign stays.
func TestKernelSuccessor(t *testing.T) {
	l := newLab(t)
	opts := Options{Ledger: filepath.Join(t.TempDir(), "vips.json")}
	l.addr("198.18.0.1/24")
	l.addr("198.18.0.7/32")
	dead := l.manager(opts)
	all := append(vips("198.18.0.100/24", "2001:db8::100/64", "198.18.0.101/24"), many(50)...)
	l.must(dead.Configure(all))
	l.must(dead.Set(all))
	m := l.manager(opts)
	l.must(m.Configure(vips("198.18.0.100/24")))
	l.wantAddresses("198.18.0.1/24", "198.18.0.7/32")
	got, err := ledger(opts.Ledger).Read()
	if err != nil || !slices.Equal(got, vips("198.18.0.100/24")) {
		t.Errorf("the ledger has %v, %v", got, err)
	}
}

// TestKernelLifetime: the kernel drops the VIPs of a Manager that does not run,
// at most 1.1 s after their lifetime.
func TestKernelLifetime(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	all := vips("198.18.0.100/24", "2001:db8::100/64")
	m := l.manager(Options{Lifetime: time.Second})
	l.must(m.Configure(all))
	stop := l.run(m)
	l.must(m.Set(all))
	for end := time.Now().Add(4 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		l.wantAddresses("198.18.0.100/24", "2001:db8::100/64")
	}
	if got := m.Stats(); got.Readded != 0 || got.Refreshed < 24 {
		t.Errorf("stats are %+v, want none readded and some 34 refreshes", got)
	}
	stop()
	begin := time.Now()
	l.eventually("gone", func() bool { return len(l.addresses()) == 0 })
	if took := time.Since(begin); took > 2200*time.Millisecond {
		t.Errorf("gone %v after the last refresh, want at most 2.1 s", took)
	}
}

// TestKernelOverrun: with a tiny buffer, a burst of notifications loses the one
// that matters.
func TestKernelOverrun(t *testing.T) {
	l := newLab(t)
	all := vips("198.18.0.100/24")
	m := l.manager(Options{})
	s := m.kernel.transport.(*sockets)
	l.must(s.notices.SetReceiveBufferSize(0, true)) // the kernel's least
	l.must(m.Configure(all))
	l.must(m.Set(all))
	l.down(l.here, "lo")
	for i := range 200 {
		l.addr(fmt.Sprintf("198.19.0.%d/32", 1+i))
	}
	l.must(l.delAddr("198.18.0.100/24"))
	l.run(m) // and reads what is left of it
	l.eventually("back", func() bool { return l.has("198.18.0.100/24") })
	l.eventually("overrun", func() bool { return m.Stats().Overruns > 0 })
	if looks := m.Stats().Syncs; looks > 20 {
		t.Errorf("%d looks for 200 notifications", looks)
	}
}

// TestKernelWithoutNeighbours: on a link that is no Ethernet a VIP is held, and
// there is nobody to tell.
func TestKernelWithoutNeighbours(t *testing.T) {
	l := newLab(t)
	all := []VIP{{netip.MustParsePrefix("198.18.0.100/32"), "lo"}, {netip.MustParsePrefix("2001:db8::100/128"), "lo"}}
	m := l.manager(Options{})
	l.must(m.Configure(all))
	l.must(m.Set(all))
	for _, s := range m.Status() {
		if !s.Held || s.Reason != "" {
			t.Errorf("status is %+v, want held", s)
		}
	}
	if got := m.Stats(); got.Announced+got.AnnounceErrors != 0 {
		t.Errorf("stats are %+v, want no announcements", got)
	}
	l.must(m.Set(nil))
}

func TestKernelIPv6Disabled(t *testing.T) {
	l := newLab(t)
	l.sysctl("ipv6/conf/eth0/disable_ipv6", "1")
	all := vips("198.18.0.100/24", "2001:db8::100/64")
	m := l.manager(Options{})
	l.must(m.Configure(all))
	l.run(m)
	const want = "add 2001:db8::100/64 on eth0: IPv6 is disabled there: permission denied"
	if err := m.Set(all); err == nil || err.Error() != want {
		t.Errorf("error %v, want %q", err, want)
	}
	l.wantAddresses("198.18.0.100/24")
	l.sysctl("ipv6/conf/eth0/disable_ipv6", "0")
	l.eventually("held", func() bool { return m.Status()[1].Held && m.Status()[1].Reason == "" })
}

// TestKernelAlternativeName: a VIP may name its interface by another of its names.
func TestKernelAlternativeName(t *testing.T) {
	l := newLab(t)
	l.must(l.here.LinkAddAltName(l.link(l.here, "eth0"), "wan0"))
	all := []VIP{{netip.MustParsePrefix("198.18.0.100/24"), "wan0"}}
	m := l.manager(Options{})
	l.must(m.Configure(all))
	l.must(m.Set(all))
	l.run(m)
	l.wantAddresses("198.18.0.100/24")
	l.must(l.delAddr("198.18.0.100/24"))
	l.eventually("back", func() bool { return l.has("198.18.0.100/24") })
}

// TestKernelNamespace: a Manager works in the namespace where it was made,
// whatever thread calls it.
func TestKernelNamespace(t *testing.T) {
	l := newLab(t)
	all := vips("198.18.0.100/24")
	m := l.manager(Options{})
	done := make(chan error)
	go func() { // another thread, in another namespace
		if err := m.Configure(all); err != nil {
			done <- err
		}
		done <- m.Set(all)
	}()
	l.must(<-done)
	l.wantAddresses("198.18.0.100/24")
}

// TestKernelRelease releases thousands, the foreign ones among them stay.
func TestKernelRelease(t *testing.T) {
	l := newLab(t)
	all := many(2000)
	m := l.manager(Options{})
	l.must(m.Configure(all))
	l.must(m.Set(all[:1000]))
	l.addr("198.19.250.1/16")
	l.must(m.Set(all))
	l.must(m.Set(nil))
	l.wantAddresses("198.19.250.1/16")
}

// TestLedgerOnFullDisk: an error that names the file, and the old ledger survives.
func TestLedgerOnFullDisk(t *testing.T) {
	newLab(t) // for the thread, which gets a mount namespace, too
	must(t, unix.Unshare(unix.CLONE_NEWNS))
	must(t, unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	disk := t.TempDir()
	must(t, unix.Mount("disk", disk, "tmpfs", 0, "size=16k"))
	defer func() { must(t, unix.Unmount(disk, 0)) }()
	l := ledger(filepath.Join(disk, "vips.json"))
	must(t, l.Write(vips("198.18.0.100/24")))
	must(t, os.WriteFile(filepath.Join(disk, "filler"), make([]byte, 8<<10), 0o600))
	err := l.Write(many(200))
	if err == nil || !strings.Contains(err.Error(), string(l)) || !strings.Contains(err.Error(), "no space left on device") {
		t.Errorf("error %v, want one that names %s and the full disk", err, l)
	}
	if got, err := l.Read(); err != nil || !slices.Equal(got, vips("198.18.0.100/24")) {
		t.Errorf("the ledger has %v, %v, want what it had", got, err)
	}
	if left, _ := filepath.Glob(string(l) + ".*"); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
}

func TestAnnounceDoesNotAllocate(t *testing.T) {
	l := newLab(t)
	s, err := openSockets()
	l.must(err)
	defer func() { l.must(s.Close()) }()
	a := announcer{transport: s}
	eth0, exists, err := kernel{s}.Link("eth0")
	if err != nil || !exists {
		t.Fatal(err)
	}
	for _, addr := range []netip.Addr{test4, test6} {
		allocs := testing.AllocsPerRun(100, func() { l.must(a.Announce(addr, eth0)) })
		if allocs != 0 {
			t.Errorf("the announcement of %s allocates %v times", addr, allocs)
		}
	}
}

// TestWithoutRights: the error says what is missing.
func TestWithoutRights(t *testing.T) {
	l := newLab(t)
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	l.must(unix.Capset(&header, &data[0])) // of this thread, which ends with the test
	_, err := New(Options{Log: slog.New(slog.DiscardHandler)})
	if want := "vip: open packet socket: operation not permitted"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %q", err, want)
	}
}
