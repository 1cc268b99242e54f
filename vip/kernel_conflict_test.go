package vip

import (
	"net"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

// rival is a host at the other end of the cable: it sends frames that it makes
// itself from peer0.
type rival struct {
	l     *lab
	s     *sockets
	index int
	mac   hwAddr
}

func (l *lab) rival() *rival {
	l.t.Helper()
	attrs := l.link(l.there, "peer0").Attrs()
	r := &rival{l: l, index: attrs.Index, mac: hwAddr(attrs.HardwareAddr)}
	l.in(l.thereFD, func() {
		s, err := openSockets()
		l.must(err)
		r.s = s
	})
	l.t.Cleanup(func() { l.must(r.s.Close()) })
	return r
}

func (r *rival) says(etherType uint16, frame []byte) {
	r.l.t.Helper()
	r.l.must(sendOne(r.s, packet{r.index, etherType, frame}))
}

// takes adds an address at the other end, as an operator would.
func (l *lab) takes(prefixes ...string) {
	l.t.Helper()
	l.in(l.thereFD, func() {
		for _, prefix := range prefixes {
			l.must(l.there.AddrAdd(l.link(l.there, "peer0"), l.parse(prefix)))
		}
	})
}

// conflicts waits until a conflict with the host at the other end is known over
// every VIP.
func (l *lab) conflicts(m *Manager) {
	l.t.Helper()
	mac := l.link(l.there, "peer0").Attrs().HardwareAddr.String()
	l.eventually("conflicts over all VIPs", func() bool {
		for _, s := range m.Status() {
			if s.Conflict.MAC != mac || s.Conflict.Count == 0 || !s.Conflict.Ongoing || !s.Held {
				return false
			}
		}
		return true
	})
}

// TestKernelForeignHolder: a host that has the VIPs before this node takes them
// answers its question, the real kernel on both sides.
func TestKernelForeignHolder(t *testing.T) {
	l := newLab(t)
	l.takes("198.18.0.100/24", "2001:db8::100/64")
	m := l.manager(Options{})
	l.must(m.Configure(vips("198.18.0.100/24", "2001:db8::100/64")))
	before := goleak.IgnoreCurrent()
	stop := l.run(m)
	l.must(m.Set(m.configured))
	l.conflicts(m)
	stop()
	goleak.VerifyNone(t, before)
}

// TestKernelConflictElsewhere: on interfaces that stand on another one, whose MAC
// or that of their own is not taken for foreign.
func TestKernelConflictElsewhere(t *testing.T) {
	kinds := map[string]func(l *lab, attrs netlink.LinkAttrs){
		"bridge": func(l *lab, attrs netlink.LinkAttrs) {
			l.must(l.here.LinkAdd(&netlink.Bridge{LinkAttrs: attrs}))
			l.must(l.here.LinkSetMaster(l.link(l.here, "eth0"), l.link(l.here, attrs.Name)))
		},
		"macvlan": func(l *lab, attrs netlink.LinkAttrs) {
			attrs.ParentIndex = l.link(l.here, "eth0").Attrs().Index
			l.must(l.here.LinkAdd(&netlink.Macvlan{LinkAttrs: attrs, Mode: netlink.MACVLAN_MODE_BRIDGE}))
		},
	}
	for name, add := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			attrs := netlink.NewLinkAttrs()
			attrs.Name = "top0"
			add(l, attrs)
			l.up(l.here, "top0")
			l.running("top0")
			var all []VIP
			for _, v := range vips("198.18.0.100/24", "2001:db8::100/64") {
				all = append(all, VIP{Address: v.Address, Interface: "top0"})
			}
			m := l.holding(Options{}, all)
			l.run(m)
			l.eventually("asked twice", func() bool { return m.Stats().Asked >= 4 })
			time.Sleep(2 * judgeEvery)
			if got := m.Stats().Conflicts; got != 0 {
				t.Errorf("%d conflicts with this host itself", got)
			}
			r := l.rival()
			r.says(unix.ETH_P_ARP, gratuitousARP(arpRequest, r.mac, test4).appendTo(nil))
			r.says(unix.ETH_P_IPV6, unsolicitedNA(r.mac, test6, 0).appendTo(nil))
			l.conflicts(m)
		})
	}
}

// TestKernelForeignTaker: a host takes them later, and says nothing of it.
func TestKernelForeignTaker(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	m := l.manager(Options{})
	l.must(m.Configure(vips("198.18.0.100/24", "2001:db8::100/64")))
	l.run(m)
	l.must(m.Set(m.configured))
	l.eventually("asked for the first time", func() bool { return m.Stats().Asked >= 2 })
	time.Sleep(50 * time.Millisecond)
	if got := m.Stats().Conflicts; got != 0 {
		t.Errorf("%d conflicts before anybody else has the VIPs", got)
	}
	l.takes("198.18.0.100/24", "2001:db8::100/64")
	l.conflicts(m)
}

// TestKernelNeighboursComeBack: a neighbour that believed another host believes
// this one again.
func TestKernelNeighboursComeBack(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.takes("198.18.0.254/24", "2001:db8::254/64")
	all := vips("198.18.0.100/24", "2001:db8::100/64")
	m := l.holding(Options{}, all)
	l.run(m)
	r := l.rival()
	elsewhere := net.HardwareAddr{2, 0, 0, 0, 0, 7}
	l.eventually("the grace is over", func() bool { return time.Since(m.Status()[1].Since) > rivalGrace+100*time.Millisecond })
	for _, v := range all {
		// The other host is the neighbour itself, which does not hear its own
		// announcement: it is told by hand.
		neighbour := &netlink.Neigh{
			LinkIndex: r.index, IP: v.Address.Addr().AsSlice(), HardwareAddr: elsewhere,
			State: netlink.NUD_STALE,
		}
		l.must(l.there.NeighSet(neighbour))
		if v.Address.Addr().Is4() {
			r.says(unix.ETH_P_ARP, gratuitousARP(arpReply, hwAddr(elsewhere), v.Address.Addr()).appendTo(nil))
		} else {
			r.says(unix.ETH_P_IPV6, unsolicitedNA(hwAddr(elsewhere), v.Address.Addr(), 0).appendTo(nil))
		}
	}
	here := l.link(l.here, "eth0").Attrs().HardwareAddr.String()
	for _, v := range all {
		l.eventually("found here again: "+v.String(), func() bool {
			list, err := l.there.NeighList(r.index, netlink.FAMILY_ALL)
			l.must(err)
			for _, n := range list {
				if n.IP.Equal(v.Address.Addr().AsSlice()) {
					return n.HardwareAddr.String() == here
				}
			}
			return false
		})
	}
	if got := m.Stats(); got.Conflicts != 2 || got.Defended != 2 {
		t.Errorf("stats are %+v, want 2 conflicts and 2 defences", got)
	}
}

// heardMACs notes from whom a Manager hears.
type heardMACs struct {
	transport
	mu  sync.Mutex
	all map[hwAddr]int
}

func (h *heardMACs) Hear(etherType uint16, b []byte) (int, int, error) {
	n, index, err := h.transport.Hear(etherType, b)
	if a, bad := readAssertion(etherType, b[:n]); err == nil && bad == nil {
		h.mu.Lock()
		h.all[a.mac]++
		h.mu.Unlock()
	}
	return n, index, err
}

func (h *heardMACs) from(mac net.HardwareAddr) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.all[hwAddr(mac)]
}

// settled tells whether an interface here has a link-local address, and no address
// that duplicate address detection is still about.
func (l *lab) settled(name string) bool {
	addresses, err := l.here.AddrList(l.link(l.here, name), unix.AF_INET6)
	l.must(err)
	linkLocal := false
	for _, a := range addresses {
		if a.Flags&unix.IFA_F_TENTATIVE != 0 {
			return false
		}
		linkLocal = linkLocal || a.IP.IsLinkLocalUnicast()
	}
	return linkLocal
}

// TestKernelOwnInterfaces: a host with two interfaces on one segment answers its own
// questions from the other one. That is no conflict.
func TestKernelOwnInterfaces(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.addVeth("eth1", "peer1")
	l.in(l.thereFD, func() {
		attrs := netlink.NewLinkAttrs()
		attrs.Name = "br0"
		l.must(l.there.LinkAdd(&netlink.Bridge{LinkAttrs: attrs}))
		for _, name := range []string{"peer0", "peer1"} {
			l.must(l.there.LinkSetMaster(l.link(l.there, name), l.link(l.there, "br0")))
			l.up(l.there, name)
		}
		l.up(l.there, "br0")
	})
	l.up(l.here, "eth1")
	l.running("eth1")
	for _, name := range []string{"eth0", "eth1"} {
		l.eventually(name+" has an address of its own to ask from", func() bool { return l.settled(name) })
	}
	m := l.manager(Options{})
	ears := &heardMACs{transport: m.kernel.transport, all: make(map[hwAddr]int)}
	m.kernel.transport = ears
	l.must(m.Configure(vips("198.18.0.100/24", "2001:db8::100/64")))
	l.run(m)
	l.must(m.Set(m.configured))
	eth1 := l.link(l.here, "eth1").Attrs().HardwareAddr
	l.eventually("eth1 answered for both VIPs", func() bool { return ears.from(eth1) >= 2 })
	time.Sleep(2 * judgeEvery)
	if got := m.Stats(); got.Conflicts != 0 {
		t.Errorf("%d conflicts with this host itself", got.Conflicts)
	}
}
