package checker

import (
	"context"
	"encoding/hex"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/vishvananda/netlink"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

// lab is two network namespaces joined by a veth pair: eth0 in the one of the test, with
// 198.18.0.2/24 and 2001:db8::2/64, and peer0 in the other, with 198.18.0.1/24 and
// 2001:db8::1/64.
type lab struct {
	t       testing.TB
	here    *netlink.Handle
	there   *netlink.Handle
	hereFD  int
	thereFD int
}

// newLab moves the goroutine of the test into a network namespace of its own, which ends
// with it: the thread stays locked, so that the runtime throws it away.
func newLab(t testing.TB) *lab {
	t.Helper()
	if os.Geteuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("network namespaces need root, and CI must not skip")
		}
		t.Skip("network namespaces need root")
	}
	verifyNothingLeft(t)
	runtime.LockOSThread()
	l := &lab{t: t}
	l.thereFD, l.there = l.unshare()
	l.hereFD, l.here = l.unshare()
	l.veth("eth0", "peer0")
	l.up(l.here, "lo")
	l.up(l.there, "lo")
	l.up(l.there, "peer0")
	l.up(l.here, "eth0")
	l.addr(l.here, "eth0", "198.18.0.2/24", "2001:db8::2/64")
	l.addr(l.there, "peer0", "198.18.0.1/24", "2001:db8::1/64")
	until(l.t, "running", func() bool {
		return l.link(l.here, "eth0").Attrs().RawFlags&unix.IFF_RUNNING != 0 && l.linkLocalReady() &&
			l.isAskedFor(l.hereFD, "2001:db8::2") && l.isAskedFor(l.thereFD, "2001:db8::1")
	})
	return l
}

// isAskedFor reports whether questions for an IPv6 address of a namespace are heard there,
// which comes a moment after the address.
func (l *lab) isAskedFor(fd int, addr string) bool {
	l.t.Helper()
	group := solicitedNode(parse(addr))
	var groups []byte
	l.in(fd, func() {
		var err error
		groups, err = os.ReadFile("/proc/thread-self/net/igmp6")
		l.must(err)
	})
	return strings.Contains(string(groups), hex.EncodeToString(group[:]))
}

// verifyNothingLeft fails a test that leaves goroutines or open files behind.
func verifyNothingLeft(t testing.TB) {
	t.Helper()
	goroutines, files := goleak.IgnoreCurrent(), openFiles(t)
	t.Cleanup(func() {
		goleak.VerifyNone(t, goroutines)
		// The runtime closes files of others at its own time.
		until(t, "files closed", func() bool { return openFiles(t) <= files })
	})
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
	l.sysctl("ipv6/conf/default/accept_dad", "0")
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

// beside runs f in another goroutine, in the namespace of the test, which waits for it in
// the end.
func (l *lab) beside(f func(context.Context)) {
	l.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(l.inHere(func() { f(ctx) }))
	l.t.Cleanup(func() { cancel(); running.Wait() })
}

// inHere makes f run in the namespace of the test, whatever goroutine calls it.
func (l *lab) inHere(f func()) func() {
	return func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		if err := unix.Setns(l.hereFD, unix.CLONE_NEWNET); err != nil {
			l.t.Error(err)
			return
		}
		f()
	}
}

// veth adds a pair of interfaces, name here and peer there.
func (l *lab) veth(name, peer string) {
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

func (l *lab) addr(h *netlink.Handle, name string, prefixes ...string) {
	l.t.Helper()
	for _, p := range prefixes {
		a, err := netlink.ParseAddr(p)
		l.must(err)
		if a.IP.To4() == nil {
			a.Flags = unix.IFA_F_NODAD
		}
		l.must(h.AddrAdd(l.link(h, name), a))
	}
}

func (l *lab) delAddr(h *netlink.Handle, name, prefix string) {
	l.t.Helper()
	a, err := netlink.ParseAddr(prefix)
	l.must(err)
	l.must(h.AddrDel(l.link(h, name), a))
}

// route adds a route: to a prefix, by a router, or of a kind such as unix.RTN_PROHIBIT.
func (l *lab) route(h *netlink.Handle, to, via string, kind int) {
	l.t.Helper()
	_, dst, err := net.ParseCIDR(to)
	l.must(err)
	l.must(h.RouteAdd(&netlink.Route{Dst: dst, Gw: net.ParseIP(via), Type: kind}))
}

// linkLocalReady reports whether both sides have link-local addresses known to be unique.
func (l *lab) linkLocalReady() bool {
	return l.linkLocal(l.here, "eth0") != "" && l.linkLocal(l.there, "peer0") != ""
}

// linkLocal is the link-local address of an interface, "" while it is not ready.
func (l *lab) linkLocal(h *netlink.Handle, name string) string {
	l.t.Helper()
	all, err := h.AddrList(l.link(h, name), netlink.FAMILY_V6)
	l.must(err)
	for _, a := range all {
		if a.IP.IsLinkLocalUnicast() && a.Flags&unix.IFA_F_TENTATIVE == 0 {
			return a.IP.String()
		}
	}
	return ""
}

// sysctl writes a setting of the network namespace that the thread is in.
func (l *lab) sysctl(name, value string) {
	l.t.Helper()
	l.must(os.WriteFile("/proc/sys/net/"+name, []byte(value), 0o644))
}

// checker makes a checker, of a Host that does not run.
func (l *lab) checker(s Spec) Checker {
	l.t.Helper()
	return made(l.t, testHost(), s)
}

func parse(addr string) netip.Addr { return netip.MustParseAddr(addr) }

// forwards makes a router of the namespace that the thread is in, which tells of errors
// as often as there are some.
func (l *lab) forwards() {
	l.sysctl("ipv4/ip_forward", "1")
	l.sysctl("ipv6/conf/all/forwarding", "1")
	l.sysctl("ipv4/icmp_ratelimit", "0")
	l.sysctl("ipv6/icmp/ratelimit", "0")
}
