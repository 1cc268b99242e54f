package vrrpnet

import (
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/vrrp"
)

// unknown returns who is remembered, in words.
func (n *node) unknown() string {
	var all []string
	for _, s := range n.Unknown() {
		all = append(all, fmt.Sprintf("%s %s %d", s.Interface, s.Address, s.VRID))
	}
	return strings.Join(all, ", ")
}

// sees waits until those are remembered.
func (n *node) sees(want string) {
	n.t.Helper()
	for end := time.Now().Add(time.Minute); n.unknown() != want; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			n.t.Fatalf("sees %q, want %q", n.unknown(), want)
		}
	}
}

// Routers of VRIDs that this node does not have are logged, by multicast and unicast, and
// over the families that it has. Nobody is who has a VRID of its own.
func TestUnknownVRIDs(t *testing.T) {
	a, b := newPair(t)
	var log lines
	a.log = slog.New(slog.NewTextHandler(&log, nil))
	stop := a.run()
	b.run()
	must(t, a.WatchUnknown())
	a.configure(instance(7, 100))
	b.configure(
		instance(7, 200),
		instance(8, 200),
		instance(9, 200, unicast(a.own[0])),
		instance(10, 200, version2, auth(vrrp.AH, "secret")),
		instance(7, 200, ipv6, named("six")),
	)
	a.sees("eth0 198.18.0.2 8, eth0 198.18.0.2 9, eth0 198.18.0.2 10")
	if s := a.Unknown()[0]; s.Version != vrrp.V3 || s.Priority != 200 || s.Interval != adv || s.Last == 0 {
		t.Errorf("%+v", s)
	}
	a.is("v7", vrrp.Backup)

	a.configure(instance(7, 100), instance(8, 100, ipv6, named("eight")))
	a.sees("eth0 fe80::2 7, eth0 198.18.0.2 8, eth0 198.18.0.2 9, eth0 198.18.0.2 10")
	a.configure(instance(7, 100), instance(8, 100))
	a.sees("eth0 198.18.0.2 9, eth0 198.18.0.2 10")
	stop()
	for vrid := 8; vrid <= 10; vrid++ {
		line := fmt.Sprintf("interface=eth0 vrid=%d router=198.18.0.2 version=", vrid)
		if n := strings.Count(log.String(), line); n != 1 {
			t.Errorf("VRID %d is logged %d times", vrid, n)
		}
	}
}

// Without being asked nobody listens, and afterwards all is forgotten.
func TestUnknownVRIDsOnlyIfWanted(t *testing.T) {
	a, b := newPair(t)
	a.run()
	b.run()
	a.configure(instance(7, 100))
	b.configure(instance(8, 200))
	b.is("v8", vrrp.Master)
	if n := a.lookouts(); n != 0 || a.unknown() != "" {
		t.Errorf("%d lookouts see %q", n, a.unknown())
	}
	must(t, a.WatchUnknown())
	a.sees("eth0 198.18.0.2 8")
	if n := a.lookouts(); n != 2 {
		t.Errorf("%d lookouts", n)
	}
	must(t, a.IgnoreUnknown())
	a.sees("")
	if n := a.lookouts(); n != 0 {
		t.Errorf("%d lookouts are left", n)
	}
}

func (n *node) lookouts() (count int) {
	n.t.Helper()
	must(n.t, n.commands.call(func() { count = len(n.posts.lookouts) }))
	return count
}

// Of instances with devices of their own none takes the others for strangers, and who is
// strange is seen once.
func TestUnknownVRIDsBesideDevices(t *testing.T) {
	a, b := newPair(t)
	parent := a.link("eth0")
	onDevice := func(vrid uint8) Instance {
		name := fmt.Sprintf("vrrp.%d", vrid)
		attrs := netlink.NewLinkAttrs()
		attrs.Name, attrs.ParentIndex = name, parent.Attrs().Index
		attrs.HardwareAddr = []byte{0, 0, 0x5e, 0, 1, vrid}
		must(t, a.nl.LinkAdd(&netlink.Macvlan{LinkAttrs: attrs, Mode: netlink.MACVLAN_MODE_PRIVATE}))
		must(t, a.nl.LinkSetUp(a.link(name)))
		return instance(vrid, 100, func(i *Instance) { i.Device = name })
	}
	first, second := onDevice(7), onDevice(8)
	a.run()
	b.run()
	must(t, a.WatchUnknown())
	a.configure(first, second, instance(9, 100))
	b.configure(instance(7, 200), instance(8, 200), instance(9, 200), instance(10, 200), instance(11, 200, unicast(a.own[0])))
	a.sees("eth0 198.18.0.2 10, eth0 198.18.0.2 11")
	for _, name := range []string{"v7", "v8", "v9"} {
		a.is(name, vrrp.Backup)
	}
	if n := a.lookouts(); n != 2 {
		t.Errorf("%d lookouts", n)
	}
}

// An interface that goes takes its lookouts with it, and brings them back.
func TestUnknownVRIDsWhereAnInterfaceComesBack(t *testing.T) {
	a, b := newPair(t)
	a.run()
	b.run()
	must(t, a.WatchUnknown())
	a.configure(instance(7, 100))
	b.configure(instance(8, 200))
	a.sees("eth0 198.18.0.2 8")
	must(t, a.nl.LinkDel(a.link("eth0")))
	a.refresh()
	a.sees("")
	if n := a.lookouts(); n != 0 {
		t.Errorf("%d lookouts are left", n)
	}
	join(t, a, b, 0)
	a.sees("eth0 198.18.0.2 8")
	if n := a.lookouts(); n != 2 {
		t.Errorf("%d lookouts", n)
	}
	a.configure(instance(7, 100), instance(8, 100, func(i *Instance) { i.Device = "vrrp.8" }))
	a.sees("") // though there is no such device yet
	a.configure()
	if n := a.lookouts(); n != 0 {
		t.Errorf("%d lookouts are left without a router", n)
	}
}

// No socket is left of those that are not needed any more, be it by a reload or at the end.
func TestUnknownVRIDsLeaveNoSocket(t *testing.T) {
	a, _ := newPair(t)
	stop := a.run()
	a.configure(instance(7, 100))
	must(t, a.WatchUnknown())
	first := a.sockets()
	must(t, a.IgnoreUnknown())
	within(t, "the sockets are closed", func() bool { return !anyOpen(first) })
	must(t, a.WatchUnknown())
	second := a.sockets()
	if len(second) != 2 || !anyOpen(second) {
		t.Errorf("lookouts have %q", second)
	}
	stop()
	if anyOpen(second) {
		t.Error("a socket is left at the end")
	}
}

// sockets returns what the lookouts have open.
func (n *node) sockets() (list []string) {
	n.t.Helper()
	within(n.t, "there are lookouts", func() bool { return n.lookouts() > 0 })
	must(n.t, n.commands.call(func() {
		for _, l := range n.posts.lookouts {
			if name, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", l.fd)); err == nil {
				list = append(list, name)
			}
		}
	}))
	return list
}

func anyOpen(sockets []string) bool {
	all, _ := filepath.Glob("/proc/self/fd/*")
	return slices.ContainsFunc(all, func(fd string) bool {
		name, _ := os.Readlink(fd)
		return slices.Contains(sockets, name)
	})
}

// One that cannot be made at first is made when it can.
func TestUnknownVRIDsTriedAgain(t *testing.T) {
	a, b := newPair(t)
	a.run()
	b.run()
	a.configure(instance(7, 100))
	b.configure(instance(8, 200))
	a.is("v7", vrrp.Backup)
	kind := receiverKind{link{"eth9", 999}, false, protocolVRRP}
	var failed error
	must(t, a.commands.call(func() {
		a.posts.wanted = true
		a.posts.man(kind, vrrp.Group4)
		_, _, failed = a.duties()
	}))
	if failed == nil {
		t.Error("a lookout on nothing is no trouble")
	}
	a.sees("eth0 198.18.0.2 8")
}

// A flood with made-up addresses costs nobody an advert, and what was there before it is
// still remembered.
func TestFloodOfUnknownVRIDs(t *testing.T) {
	a, b := newPair(t)
	a.run()
	b.run()
	must(t, a.WatchUnknown())
	a.configure(instance(7, 100))
	b.configure(instance(7, 200), instance(8, 200))
	a.sees("eth0 198.18.0.2 8")
	a.is("v7", vrrp.Backup)
	since := a.status("v7").Since

	b.here()
	fd, err := openSocket(unix.AF_INET, unix.IPPROTO_RAW, link{"eth0", b.link("eth0").Attrs().Index}, nil)
	must(t, err)
	defer unix.Close(fd)
	to := &unix.SockaddrInet4{Addr: vrrp.Group4.As4()}
	for n := range 60000 {
		source := netip.AddrFrom4([4]byte{198, 18, byte(n >> 8), byte(n)})
		wire := vrrp.NewWire(vrrp.WireConfig{Version: vrrp.V3, VRID: byte(9 + n%200), Interval: adv, Source: source, Addresses: []netip.Addr{source}})
		if err := unix.Sendto(fd, wire.Append(nil, vrrp.Group4, 255, time.Time{}), 0, to); err != nil && err != unix.ENOBUFS {
			t.Fatal(err)
		}
	}
	within(t, "the flood is seen", func() bool { return len(a.Unknown()) > 100 })
	if s := a.status("v7"); s.State != vrrp.Backup || !s.Since.Equal(since) {
		t.Errorf("%+v", s)
	}
	if n := len(a.Unknown()); n > 256 {
		t.Errorf("%d are remembered", n)
	}
	if !strings.Contains(a.unknown(), "eth0 198.18.0.2 8") {
		t.Error("who was there before is forgotten")
	}
}

// What nobody knows passes, and nothing else.
func TestFilterPassesOthers(t *testing.T) {
	var known vrids
	for _, vrid := range []uint8{1, 31, 32, 51, 255} {
		known.add(vrid)
	}
	vm, err := bpf.NewVM(known.others().filter(receiverKind{ipv6: true, protocol: protocolVRRP}))
	must(t, err)
	for vrid := range 256 {
		n, err := vm.Run([]byte{0x31, byte(vrid), 100, 1, 0, 100, 0, 0})
		must(t, err)
		if passes := n > 0; passes == known.has(uint8(vrid)) {
			t.Errorf("VRID %d passes: %t", vrid, passes)
		}
	}
}
