package vip

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// lab is two network namespaces joined by a veth pair: eth0 in the one of the
// test, peer0 in the other.
type lab struct {
	t        testing.TB
	here     *netlink.Handle
	there    *netlink.Handle
	thereFD  int
	hereFD   int
	capture  *os.File
	captured []capturedFrame
}

// newLab moves the goroutine of the test into a network namespace of its own,
// which ends with it: the thread stays locked, so that the runtime throws it away.
func newLab(t testing.TB) *lab {
	t.Helper()
	if os.Geteuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("network namespaces need root, and CI must not skip")
		}
		t.Skip("network namespaces need root")
	}
	runtime.LockOSThread()
	l := &lab{t: t}
	l.thereFD, l.there = l.unshare()
	l.hereFD, l.here = l.unshare()
	l.addVeth("eth0", "peer0")
	l.up(l.here, "lo")
	l.up(l.there, "peer0")
	l.up(l.here, "eth0")
	l.running("eth0")
	return l
}

func (l *lab) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

// unshare moves the thread into a new namespace.
func (l *lab) unshare() (int, *netlink.Handle) {
	l.t.Helper()
	l.must(unix.Unshare(unix.CLONE_NEWNET))
	fd, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	l.must(err)
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	l.must(err)
	l.t.Cleanup(func() { h.Close(); unix.Close(fd) })
	return fd, h
}

// in runs f in the namespace fd.
func (l *lab) in(fd int, f func()) {
	l.t.Helper()
	l.must(unix.Setns(fd, unix.CLONE_NEWNET))
	defer func() { l.must(unix.Setns(l.hereFD, unix.CLONE_NEWNET)) }()
	f()
}

func (l *lab) addVeth(name, peer string) {
	l.t.Helper()
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	l.must(l.here.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: peer, PeerNamespace: netlink.NsFd(l.thereFD)}))
}

func (l *lab) link(h *netlink.Handle, name string) netlink.Link {
	l.t.Helper()
	found, err := h.LinkByName(name)
	l.must(err)
	return found
}

func (l *lab) up(h *netlink.Handle, name string) { l.t.Helper(); l.must(h.LinkSetUp(l.link(h, name))) }

func (l *lab) down(h *netlink.Handle, name string) {
	l.t.Helper()
	l.must(h.LinkSetDown(l.link(h, name)))
}

// running waits until an interface can pass frames.
func (l *lab) running(name string) {
	l.t.Helper()
	l.eventually("running", func() bool {
		return l.link(l.here, name).Attrs().RawFlags&unix.IFF_RUNNING != 0
	})
}

// eventually waits for a condition, at most some seconds.
func (l *lab) eventually(what string, ok func() bool) {
	l.t.Helper()
	within(l.t, 5*time.Second, what, ok)
}

func within(t testing.TB, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", limit, what)
		}
	}
}

// addr adds an address as an operator would: "198.18.0.1/24 label eth0:x".
func (l *lab) addr(prefix string, change ...func(*netlink.Addr)) {
	l.t.Helper()
	l.must(l.here.AddrAdd(l.link(l.here, "eth0"), l.parse(prefix, change...)))
}

func (l *lab) delAddr(prefix string) error {
	l.t.Helper()
	return l.here.AddrDel(l.link(l.here, "eth0"), l.parse(prefix))
}

func (l *lab) parse(prefix string, change ...func(*netlink.Addr)) *netlink.Addr {
	l.t.Helper()
	a, err := netlink.ParseAddr(prefix)
	l.must(err)
	a.Broadcast = net.IPv4zero
	if a.IP.To4() == nil {
		a.Flags = unix.IFA_F_NODAD
	}
	for _, f := range change {
		f(a)
	}
	return a
}

// addresses are those of eth0, link-local ones aside, as "PREFIX FLAGS...".
func (l *lab) addresses() []string {
	l.t.Helper()
	var list []string
	for _, a := range l.kernelAddresses() {
		list = append(list, a.IPNet.String())
	}
	return list
}

func (l *lab) kernelAddresses() []netlink.Addr {
	l.t.Helper()
	all, err := l.here.AddrList(l.link(l.here, "eth0"), netlink.FAMILY_ALL)
	l.must(err)
	return slices.DeleteFunc(all, func(a netlink.Addr) bool { return a.IP.IsLinkLocalUnicast() && a.IP.To4() == nil })
}

func (l *lab) has(prefix string) bool { return slices.Contains(l.addresses(), prefix) }

func (l *lab) flags(prefix string) int {
	l.t.Helper()
	for _, a := range l.kernelAddresses() {
		if a.IPNet.String() == prefix {
			return a.Flags
		}
	}
	l.t.Fatalf("%s is not there", prefix)
	return 0
}

// routes are the routes of eth0 in the main table, as the destination and its source.
func (l *lab) routes(family int) []string {
	l.t.Helper()
	all, err := l.here.RouteList(l.link(l.here, "eth0"), family)
	l.must(err)
	var list []string
	for _, r := range all {
		if r.Dst != nil && !r.Dst.IP.IsLinkLocalUnicast() && !r.Dst.IP.IsMulticast() {
			list = append(list, r.Dst.String())
		}
	}
	return list
}

// manager makes a Manager in the namespace of the test.
func (l *lab) manager(opts Options) *Manager {
	l.t.Helper()
	m, err := New(opts)
	l.must(err)
	l.t.Cleanup(func() { l.must(m.Close()) })
	return m
}

// holding is a Manager that holds VIPs.
func (l *lab) holding(opts Options, all []VIP) *Manager {
	l.t.Helper()
	m := l.manager(opts)
	l.must(m.Configure(all))
	l.must(m.Set(all))
	return m
}

// vips makes VIPs on eth0.
func vips(prefixes ...string) []VIP {
	var list []VIP
	for _, p := range prefixes {
		list = append(list, VIP{Address: netip.MustParsePrefix(p), Interface: "eth0"})
	}
	return list
}

// many makes n VIPs on eth0 in one subnet.
func many(n int) []VIP {
	var list []VIP
	for i := range n {
		list = append(list, vips(fmt.Sprintf("198.19.%d.%d/16", 1+i/250, 1+i%250))...)
	}
	return list
}
