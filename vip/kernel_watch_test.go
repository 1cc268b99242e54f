package vip

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
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

// TestKernelPutsBack: removed by hand, an address is back and counted.
// BenchmarkPutBack tells after how long.
func TestKernelPutsBack(t *testing.T) {
	l := newLab(t)
	l.addr("198.18.0.1/24")
	all := vips("198.18.0.100/24", "2001:db8::100/64")
	m := l.holding(Options{}, all)
	l.run(m)
	for round := range 4 {
		for _, v := range all {
			prefix := v.Address.String()
			l.must(l.delAddr(prefix))
			l.eventually(prefix+" back", func() bool { return l.has(prefix) })
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
	m := l.holding(Options{}, all)
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
	m := l.holding(Options{}, vips("198.18.0.100/24"))
	l.run(m)
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		_ = l.delAddr("198.18.0.100/24")
	}
	if got := m.Status()[0].Readded; got < fightQuick || got > 20 {
		t.Errorf("put back %d times in 2 s, want some 9", got)
	}
	l.eventually("back", func() bool { return l.has("198.18.0.100/24") })
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

// TestKernelGivesWay: the same, with Run, which puts the node's address first.
func TestKernelGivesWay(t *testing.T) {
	l := newLab(t)
	m := l.holding(Options{}, vips("198.18.0.100/24", "198.18.0.101/24"))
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
	m := l.holding(Options{}, all)
	l.run(m)
	l.must(l.delAddr("198.18.0.1/24"))
	l.must(l.delAddr("2001:db8::1/64"))
	l.eventually("routes", func() bool {
		four, six := l.routes(netlink.FAMILY_V4), l.routes(netlink.FAMILY_V6)
		return slices.Contains(four, "198.18.0.0/24") && slices.Contains(four, "198.18.0.128/25") && slices.Contains(six, "2001:db8::/64")
	})
	l.eventually("addresses", func() bool { return len(l.addresses()) == len(all) })
}

// TestKernelLifetime: the kernel drops the VIPs of a Manager that does not run.
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
	if got := m.Stats(); got.Readded != 0 || got.Refreshed < 8 {
		t.Errorf("stats are %+v, want none readded and some 34 refreshes", got)
	}
	stop()
	l.eventually("gone", func() bool { return len(l.addresses()) == 0 })
}

// TestKernelOverrun: with a tiny buffer, a burst of notifications loses the one
// that matters.
func TestKernelOverrun(t *testing.T) {
	l := newLab(t)
	all := vips("198.18.0.100/24")
	m := l.manager(Options{})
	s := m.kernel.transport.(*sockets)
	l.must(s.notices.conn.Control(func(fd uintptr) { l.must(s.notices.resize(int(fd), 0)) })) // the kernel's least
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
	m := l.holding(Options{}, []VIP{{Address: netip.MustParsePrefix("198.18.0.100/24"), Interface: "wan0"}})
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
