package vrrpnet

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/vrrp"
)

// needNetwork skips a test that may not make network namespaces.
func needNetwork(t testing.TB) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatal("network namespaces need root, and CI must not skip")
	}
	t.Skip("network namespaces need root")
}

// node is a network namespace with an eth0, and an engine in it.
type node struct {
	t     testing.TB
	fd    int
	nl    *netlink.Handle
	own   []netip.Addr
	lease map[string]*lease
	log   *slog.Logger

	*Engine
	done chan error
}

// newPair makes two nodes, joined by their eth0. The thread of the test ends with it.
func newPair(t testing.TB) (a, b *node) {
	t.Helper()
	needNetwork(t)
	runtime.LockOSThread()
	a, b = newNode(t, 1), newNode(t, 2)
	join(t, a, b, 0)
	return a, b
}

// join joins two nodes by their eth0. That of a has an index, or any if it is 0.
func join(t testing.TB, a, b *node, index int) {
	t.Helper()
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.Index = "eth0", index
	must(t, a.nl.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "eth0", PeerNamespace: netlink.NsFd(b.fd)}))
	for _, n := range []*node{a, b} {
		for _, address := range n.own {
			bits := 24
			if address.Is6() {
				bits = 64
			}
			n.addAddr(netip.PrefixFrom(address, bits))
		}
		must(t, n.nl.LinkSetUp(n.link("eth0")))
	}
	a.joined(b)
}

// joined waits until two nodes are joined, and tells their engines.
func (n *node) joined(other *node) {
	n.t.Helper()
	for _, n := range []*node{n, other} {
		within(n.t, "eth0 runs", func() bool { return n.link("eth0").Attrs().RawFlags&unix.IFF_RUNNING != 0 })
		if n.Engine != nil {
			n.refresh()
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newNode makes a node, and moves the thread there.
func newNode(t testing.TB, number int) *node {
	t.Helper()
	must(t, unix.Unshare(unix.CLONE_NEWNET))
	fd, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	must(t, err)
	nl, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	must(t, err)
	t.Cleanup(func() { nl.Close(); unix.Close(fd) })
	for name, value := range map[string]string{
		"ipv6/conf/default/accept_dad": "0", "ipv6/conf/default/addr_gen_mode": "1",
	} {
		must(t, os.WriteFile("/proc/sys/net/"+name, []byte(value), 0))
	}
	n := &node{t: t, fd: fd, nl: nl, own: nodeAddresses(number), lease: map[string]*lease{}}
	lo, err := nl.LinkByName("lo")
	must(t, err)
	must(t, nl.LinkSetUp(lo))
	return n
}

// nodeAddresses are those of a node, the first one of IPv4.
func nodeAddresses(number int) []netip.Addr {
	return []netip.Addr{
		netip.AddrFrom4([4]byte{198, 18, 0, byte(number)}),
		netip.MustParseAddr(fmt.Sprintf("fe80::%d", number)),
	}
}

// here moves the thread to the node.
func (n *node) here() { n.t.Helper(); must(n.t, unix.Setns(n.fd, unix.CLONE_NEWNET)) }

func (n *node) link(name string) netlink.Link {
	n.t.Helper()
	l, err := n.nl.LinkByName(name)
	must(n.t, err)
	return l
}

func (n *node) addAddr(p netip.Prefix) {
	n.t.Helper()
	must(n.t, n.nl.AddrAdd(n.link("eth0"), addr(n.t, p)))
}

func addr(t testing.TB, p netip.Prefix) *netlink.Addr {
	t.Helper()
	a, err := netlink.ParseAddr(p.String())
	must(t, err)
	if p.Addr().Is6() {
		a.Flags = unix.IFA_F_NODAD
	}
	return a
}

// run runs an engine on the node until the test ends, or stop is called.
func (n *node) run() (stop func()) {
	var err error
	n.Engine, err = New(Options{Log: n.log})
	must(n.t, err)
	n.done = make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		runtime.LockOSThread() // for ever: the thread ends with it
		if err := unix.Setns(n.fd, unix.CLONE_NEWNET); err != nil {
			n.done <- err
			return
		}
		n.done <- n.Run(ctx)
	}()
	ended := false
	stop = func() {
		if ended {
			return
		}
		ended = true
		cancel()
		if err := <-n.done; err != nil {
			n.t.Errorf("Run: %v", err)
		}
		n.Close()
	}
	n.t.Cleanup(stop)
	n.refresh()
	return stop
}

// refresh tells the engine what interfaces there are.
func (n *node) refresh() { n.t.Helper(); must(n.t, n.SetInterfaces(n.interfaces())) }

func (n *node) interfaces() []Interface {
	n.t.Helper()
	all, err := n.nl.LinkList()
	must(n.t, err)
	var list []Interface
	for _, l := range all {
		attrs := l.Attrs()
		i := Interface{Name: attrs.Name, Index: attrs.Index, MTU: attrs.MTU, MAC: attrs.HardwareAddr}
		i.Up = attrs.RawFlags&(unix.IFF_UP|unix.IFF_LOWER_UP) == unix.IFF_UP|unix.IFF_LOWER_UP
		addresses, err := n.nl.AddrList(l, netlink.FAMILY_ALL)
		must(n.t, err)
		for _, a := range addresses {
			p, _ := netip.ParsePrefix(a.IPNet.String())
			i.Addresses = append(i.Addresses, p)
		}
		list = append(list, i)
	}
	return list
}

// configure configures the engine with leases of the node.
func (n *node) configure(instances ...Instance) {
	n.t.Helper()
	for i := range instances {
		name := instances[i].Name
		if n.lease[name] == nil {
			n.lease[name] = &lease{}
		}
		instances[i].Lease = n.lease[name]
	}
	must(n.t, n.Configure(instances))
}

// lease is a Lease that remembers.
type lease struct{ until, opened, shut atomic.Int64 }

func (l *lease) Open(until time.Duration) {
	l.until.Store(max(l.until.Load(), int64(until)))
	l.opened.Add(1)
}

func (l *lease) Shut() { l.until.Store(0); l.shut.Add(1) }

// is waits until an instance is in a state, and holds its addresses if it is the master.
func (n *node) is(name string, state vrrp.State) {
	n.t.Helper()
	master := state == vrrp.Master
	within(n.t, fmt.Sprintf("%s is %s", name, state), func() bool {
		open := n.lease[name].until.Load() != 0
		return n.status(name).State == state && n.Holds(name) == master && open == master
	})
}

// hears waits until a sender that was heard for an instance is as it should be.
func (n *node) hears(name, what string, is func(vrrp.Sender) bool) {
	n.t.Helper()
	within(n.t, name+" hears "+what, func() bool { return slices.ContainsFunc(n.Heard()[name].Senders, is) })
}

func (n *node) status(name string) Status {
	n.t.Helper()
	for _, s := range n.Status() {
		if s.Name == name {
			return s
		}
	}
	n.t.Fatalf("there is no instance %s", name)
	return Status{}
}

// within waits for a condition, at most a minute: the machine may be busy.
func within(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

const adv = 100 * time.Millisecond

// instance makes an instance of version 3 on eth0, by name and priority.
func instance(vrid, priority uint8, changes ...func(*Instance)) Instance {
	vip := netip.AddrFrom4([4]byte{198, 18, 1, vrid})
	i := Instance{
		Name: fmt.Sprintf("v%d", vrid), Interface: "eth0",
		Router: vrrp.Config{Version: vrrp.V3, Priority: priority, Interval: adv, Preempt: true},
		Wire:   vrrp.WireConfig{Version: vrrp.V3, VRID: vrid, Interval: adv, Addresses: []netip.Addr{vip}},
		Held:   []netip.Addr{vip},
	}
	for _, change := range changes {
		change(&i)
	}
	return i
}

func ipv6(i *Instance) {
	i.IPv6 = true
	i.Wire.Addresses = []netip.Addr{netip.MustParseAddr("fe80::100"), netip.MustParseAddr("2001:db8::100")}
	i.Held = i.Wire.Addresses
}

// version2 has whole seconds.
func version2(i *Instance) {
	i.Router.Version, i.Wire.Version = vrrp.V2, vrrp.V2
	i.Router.Interval, i.Wire.Interval = time.Second, time.Second
}

func unicast(peers ...netip.Addr) func(*Instance) {
	return func(i *Instance) {
		for _, p := range peers {
			i.Wire.Peers = append(i.Wire.Peers, vrrp.Peer{Address: p})
		}
	}
}

func auth(kind vrrp.Auth, secret string) func(*Instance) {
	return func(i *Instance) {
		i.Wire.Auth.Kind = kind
		copy(i.Wire.Auth.Secret[:], secret)
	}
}

// wire is a packet socket on a node.
type wire struct {
	t  testing.TB
	fd int
}

func (n *node) listen() wire {
	n.t.Helper()
	n.here()
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	must(n.t, err)
	n.t.Cleanup(func() { unix.Close(fd) })
	ip := uint16(unix.ETH_P_IP)
	must(n.t, unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: ip<<8 | ip>>8, Ifindex: n.link("eth0").Attrs().Index}))
	return wire{n.t, fd}
}

// source returns the MAC address from which an advert has come, or "".
func (w wire) source() string {
	b := make([]byte, 1500)
	for {
		n, err := unix.Read(w.fd, b)
		if err != nil {
			return ""
		}
		if n > 24 && b[23] == protocolVRRP {
			return net.HardwareAddr(b[6:12]).String()
		}
	}
}

// lines is a log that others may write.
type lines struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.String()
}
