package vrrpnet

import (
	"log/slog"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// linkLab is two network namespaces joined by a veth pair: eth0 in the one of the
// test, peer0 in the other.
type linkLab struct {
	t               testing.TB
	hereFD, thereFD int
	here, there     *netlink.Handle
}

// newLinkLab moves the goroutine of the test into a network namespace of its own,
// which ends with it: the thread stays locked, so that the runtime throws it away.
func newLinkLab(t testing.TB) *linkLab {
	t.Helper()
	if os.Geteuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("network namespaces need root, and CI must not skip")
		}
		t.Skip("network namespaces need root")
	}
	runtime.LockOSThread()
	l := &linkLab{t: t}
	l.thereFD, l.there = l.unshare()
	l.hereFD, l.here = l.unshare()
	l.addVeth("eth0", "peer0")
	return l
}

func (l *linkLab) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

func (l *linkLab) unshare() (int, *netlink.Handle) {
	l.t.Helper()
	l.must(unix.Unshare(unix.CLONE_NEWNET))
	fd, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	l.must(err)
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	l.must(err)
	l.t.Cleanup(func() { h.Close(); unix.Close(fd) })
	for _, name := range []string{"arp_ignore", "arp_filter", "rp_filter"} {
		l.set(sysctl{"ipv4", "all", name}, "0") // whatever this machine has
		l.set(sysctl{"ipv4", "default", name}, "0")
	}
	l.set(sysctl{"ipv6", "default", "addr_gen_mode"}, "1") // no addresses but ours
	return fd, h
}

// in runs f in the namespace fd.
func (l *linkLab) in(fd int, f func()) {
	l.t.Helper()
	l.must(unix.Setns(fd, unix.CLONE_NEWNET))
	defer func() { l.must(unix.Setns(l.hereFD, unix.CLONE_NEWNET)) }()
	f()
}

// addVeth adds a pair, and waits until it runs.
func (l *linkLab) addVeth(name, peer string) {
	l.t.Helper()
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	l.must(l.here.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: peer, PeerNamespace: netlink.NsFd(l.thereFD)}))
	l.must(l.there.LinkSetUp(l.at(l.there, peer)))
	l.must(l.here.LinkSetUp(l.link(name)))
	l.eventually(name+" runs", func() bool { return l.link(name).Attrs().RawFlags&unix.IFF_RUNNING != 0 })
}

func (l *linkLab) at(h *netlink.Handle, name string) netlink.Link {
	l.t.Helper()
	found, err := h.LinkByName(name)
	l.must(err)
	return found
}

func (l *linkLab) link(name string) netlink.Link { l.t.Helper(); return l.at(l.here, name) }

func (l *linkLab) exists(name string) bool {
	_, err := l.here.LinkByName(name)
	return err == nil
}

// addr is an address that is usable at once.
func (l *linkLab) addr(prefix string) *netlink.Addr {
	l.t.Helper()
	a, err := netlink.ParseAddr(prefix)
	l.must(err)
	a.Broadcast = net.IPv4zero
	if a.IP.To4() == nil {
		a.Flags = unix.IFA_F_NODAD
	}
	return a
}

func (l *linkLab) add(name, prefix string) {
	l.t.Helper()
	l.must(l.here.AddrAdd(l.link(name), l.addr(prefix)))
}

func (l *linkLab) set(s sysctl, value string) { l.t.Helper(); l.must(s.write(value)) }

// has compares a sysctl, net/FAMILY/conf/INTERFACE/NAME.
func (l *linkLab) has(path, want string) {
	l.t.Helper()
	b, err := os.ReadFile("/proc/sys/" + path)
	l.must(err)
	if got := strings.TrimSpace(string(b)); got != want {
		l.t.Errorf("%s is %s, want %s", path, got, want)
	}
}

// eventually waits for a condition, at most a minute: the machine may be busy.
func (l *linkLab) eventually(what string, ok func() bool) {
	l.t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			l.t.Fatalf("not within a minute: %s", what)
		}
	}
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }
