package vip

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
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
		if os.Getenv("CI") == "1" {
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

// capturedFrame is a frame that arrived at peer0, and when.
type capturedFrame struct {
	at   time.Time
	data []byte
}

// listen captures what arrives at peer0.
func (l *lab) listen() {
	l.t.Helper()
	l.in(l.thereFD, func() {
		index := l.link(l.there, "peer0").Attrs().Index
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		l.must(err)
		l.must(unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20))
		l.must(unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1))
		all := uint16(unix.ETH_P_ALL)
		l.must(unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all<<8 | all>>8, Ifindex: index}))
		l.capture = os.NewFile(uintptr(fd), "capture")
	})
	l.t.Cleanup(func() { l.capture.Close() })
}

// heard returns all announcements that have arrived so far, in order.
func (l *lab) heard() []announcement {
	l.t.Helper()
	l.drain()
	var list []announcement
	for _, f := range l.captured {
		if a, ok := asAnnouncement(f); ok {
			list = append(list, a)
		}
	}
	return list
}

func (l *lab) drain() {
	l.t.Helper()
	raw, err := l.capture.SyscallConn()
	l.must(err)
	data, control := make([]byte, 2048), make([]byte, 256)
	l.must(raw.Control(func(fd uintptr) {
		for {
			n, c, _, from, err := unix.Recvmsg(int(fd), data, control, 0)
			if errors.Is(err, unix.EAGAIN) {
				return
			}
			if errors.Is(err, unix.ENETDOWN) {
				continue // peer0 was down in between
			}
			l.must(err)
			if from.(*unix.SockaddrLinklayer).Pkttype != unix.PACKET_OUTGOING {
				l.captured = append(l.captured, capturedFrame{stamp(control[:c]), slices.Clone(data[:n])})
			}
		}
	}))
}

func stamp(control []byte) time.Time {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil || len(messages) != 1 || len(messages[0].Data) < 16 {
		return time.Time{}
	}
	d := messages[0].Data
	return time.Unix(int64(binary.NativeEndian.Uint64(d)), int64(binary.NativeEndian.Uint64(d[8:])))
}

// announcement is a frame that announces an address.
type announcement struct {
	at   time.Time
	kind string // "request", "reply", "na" or "na-router"
	addr netip.Addr
	mac  hwAddr
}

func asAnnouncement(f capturedFrame) (announcement, bool) {
	if a, err := parseARP(f.data); err == nil && a.sender == a.target && a.dst == broadcast {
		kind := map[uint16]string{arpRequest: "request", arpReply: "reply"}[a.op]
		return announcement{f.at, kind, a.sender, a.senderMAC}, true
	}
	if a, err := parseNA(f.data); err == nil && a.flags&naOverride != 0 && a.from == a.target && a.to == allNodes {
		kind := "na"
		if a.flags&naRouter != 0 {
			kind = "na-router"
		}
		return announcement{f.at, kind, a.target, a.mac}, true
	}
	return announcement{}, false
}

// kinds are the announcements of one address that have arrived, as "request reply".
func (l *lab) kinds(addr string) string {
	l.t.Helper()
	var kinds []string
	for _, a := range l.heard() {
		if a.addr == netip.MustParseAddr(addr) {
			kinds = append(kinds, a.kind)
		}
	}
	return strings.Join(kinds, " ")
}

// vips makes VIPs on eth0.
func vips(prefixes ...string) []VIP {
	var list []VIP
	for _, p := range prefixes {
		list = append(list, VIP{netip.MustParsePrefix(p), "eth0"})
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
