package vip

import (
	"errors"
	"maps"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

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
	for _, a := range l.heard() {
		if a.mac != mac {
			t.Errorf("%s announces %x, want %x", a.addr, a.mac, mac)
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

// TestKernelAnnouncesEachAddress: none of many VIPs is forgotten. That each follows
// its own addition is for TestSetInterleavesAddsAndAnnouncements, and the times are
// for BenchmarkFirstAnnouncement.
func TestKernelAnnouncesEachAddress(t *testing.T) {
	l := newLab(t)
	l.listen()
	all := many(300)
	m := l.manager(Options{})
	l.must(m.Configure(all))
	if added, announced := l.takeOver(m, all); len(added) != len(all) || len(announced) != len(all) {
		t.Errorf("of %d VIPs %d were added and %d announced", len(all), len(added), len(announced))
	}
}

// takeOver sets the VIPs and returns when the kernel told of each address, and when
// each was first announced.
func (l *lab) takeOver(m *Manager, all []VIP) (added, announced map[VIP]time.Time) {
	l.t.Helper()
	additions := l.watchAdditions()
	l.must(m.Set(all))
	l.eventually("all additions noticed", func() bool { return len(additions()) >= len(all) })
	first := make(map[netip.Addr]time.Time)
	for _, a := range l.heard() {
		if _, again := first[a.addr]; !again {
			first[a.addr] = a.at
		}
	}
	added, announced = make(map[VIP]time.Time), make(map[VIP]time.Time)
	for _, v := range all {
		addr, heard := v.Address.Addr(), false
		if announced[v], heard = first[addr]; !heard {
			l.t.Fatalf("%s was not announced", addr)
		}
		added[v] = additions()[addr]
	}
	return added, announced
}

// watchAdditions notes when the kernel tells of each address.
func (l *lab) watchAdditions() func() map[netip.Addr]time.Time {
	l.t.Helper()
	s := &sockets{frames: -1}
	l.must(s.openNotices())
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
		return maps.Clone(times)
	}
}

// TestKernelLinkEvents: after each of these neighbours are told from the start on.
func TestKernelLinkEvents(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.listen()
	m := l.holding(Options{}, vips("198.18.0.100/24", "2001:db8::100/64"))
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

// TestKernelWithoutNeighbours: on a link that is no Ethernet a VIP is held, and
// there is nobody to tell.
func TestKernelWithoutNeighbours(t *testing.T) {
	l := newLab(t)
	m := l.holding(Options{}, []VIP{{Address: netip.MustParsePrefix("198.18.0.100/32"), Interface: "lo"}, {Address: netip.MustParsePrefix("2001:db8::100/128"), Interface: "lo"}})
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

func TestHotPathAnnouncement(t *testing.T) {
	l := newLab(t)
	s, err := openSockets()
	l.must(err)
	defer func() { l.must(s.Close()) }()
	a := announcer{transport: s, unsent: func(_ letter, err error) { t.Error(err) }}
	eth0, exists, err := kernel{transport: s}.Link("eth0")
	if err != nil || !exists {
		t.Fatal(err)
	}
	for _, v := range vips("198.18.0.100/24", "2001:db8::100/64") {
		allocs := testing.AllocsPerRun(100, func() {
			for range batchMost {
				a.Announce(v, eth0)
			}
			a.Send()
		})
		if allocs != 0 {
			t.Errorf("a batch of announcements of %s allocates %v times", v, allocs)
		}
	}
}

// TestKernelNeighboursBelieve: a neighbour that has just learnt where the VIP is
// learns that it is elsewhere, before it would ask again by itself.
func TestKernelNeighboursBelieve(t *testing.T) {
	l := newLab(t)
	l.in(l.thereFD, func() {
		for _, prefix := range []string{"198.18.0.254/24", "2001:db8::254/64"} {
			l.must(l.there.AddrAdd(l.link(l.there, "peer0"), l.parse(prefix)))
		}
	})
	all := vips("198.18.0.100/24", "2001:db8::100/64")
	m := l.holding(Options{}, all)
	l.run(m)
	known := func(v VIP) string {
		list, err := l.there.NeighList(l.link(l.there, "peer0").Attrs().Index, netlink.FAMILY_ALL)
		l.must(err)
		for _, n := range list {
			if n.IP.Equal(v.Address.Addr().AsSlice()) {
				return n.HardwareAddr.String()
			}
		}
		return ""
	}
	for _, v := range all {
		l.in(l.thereFD, func() {
			conn, err := net.Dial("udp", netip.AddrPortFrom(v.Address.Addr(), 9).String())
			l.must(err)
			_, err = conn.Write([]byte("where are you"))
			l.must(errors.Join(err, conn.Close()))
		})
		l.eventually("found", func() bool { return known(v) != "" })
	}
	elsewhere := net.HardwareAddr{2, 0, 0, 0, 0, 7}
	l.must(l.here.LinkSetHardwareAddr(l.link(l.here, "eth0"), elsewhere))
	for _, v := range all {
		l.eventually(v.String()+" found elsewhere", func() bool { return known(v) == elsewhere.String() })
	}
}
