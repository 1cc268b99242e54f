package fence

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// network is two network namespaces: a node, in which the test runs, and a client
// that sees what leaves it. ethN of the node is joined to peerN of the client.
type network struct {
	t            testing.TB
	node, client namespace
	wires        map[string]int // packet sockets by interface, of both
}

type namespace struct {
	fd int
	nl *netlink.Handle
}

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

// newNetwork moves the goroutine of the test into a network namespace of its own,
// which ends with it: the thread stays locked, so that the runtime throws it away.
func newNetwork(t testing.TB) *network {
	t.Helper()
	needNetwork(t)
	runtime.LockOSThread()
	n := &network{t: t, wires: map[string]int{}}
	n.client = n.unshare()
	n.node = n.unshare()
	t.Cleanup(func() {
		for _, fd := range n.wires {
			unix.Close(fd)
		}
	})
	return n
}

func (n *network) must(err error) {
	n.t.Helper()
	if err != nil {
		n.t.Fatal(err)
	}
}

// unshare moves the thread into a new namespace, in which addresses work at once and
// nothing is said too seldom.
func (n *network) unshare() namespace {
	n.t.Helper()
	n.must(unix.Unshare(unix.CLONE_NEWNET))
	fd, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	n.must(err)
	nl, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	n.must(err)
	n.t.Cleanup(func() { nl.Close(); unix.Close(fd) })
	n.sysctl("ipv6/conf/default/accept_dad", "0")
	n.sysctl("ipv6/conf/default/addr_gen_mode", "1") // no addresses but ours
	for _, conf := range []string{"ipv4/conf/all/", "ipv4/conf/default/"} {
		n.sysctl(conf+"rp_filter", "0")
		n.sysctl(conf+"arp_ignore", "0")
		n.sysctl(conf+"arp_filter", "0")
	}
	n.sysctl("ipv4/icmp_ratelimit", "0")
	n.sysctl("ipv6/icmp/ratelimit", "0")
	n.must(nl.LinkSetUp(n.linkOf(nl, "lo")))
	return namespace{fd, nl}
}

// sysctl sets net/NAME in the namespace where the thread is.
func (n *network) sysctl(name, value string) {
	n.t.Helper()
	n.must(os.WriteFile("/proc/sys/net/"+name, []byte(value), 0))
}

// atClient runs f in the namespace of the client.
func (n *network) atClient(f func()) {
	n.t.Helper()
	n.must(unix.Setns(n.client.fd, unix.CLONE_NEWNET))
	defer func() { n.must(unix.Setns(n.node.fd, unix.CLONE_NEWNET)) }()
	f()
}

// wire joins eth to peer, and listens on both.
func (n *network) wire(eth, peer string) {
	n.t.Helper()
	attrs := netlink.NewLinkAttrs()
	attrs.Name = eth
	n.must(n.node.nl.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: peer, PeerNamespace: netlink.NsFd(n.client.fd)}))
	n.must(n.client.nl.LinkSetUp(n.linkOf(n.client.nl, peer)))
	n.must(n.node.nl.LinkSetUp(n.link(eth)))
	n.eventually(eth+" runs", func() bool { return n.link(eth).Attrs().RawFlags&unix.IFF_RUNNING != 0 })
	n.listen(eth, n.link(eth))
	n.atClient(func() { n.listen(peer, n.linkOf(n.client.nl, peer)) })
}

// listen opens a packet socket on an interface of the thread's namespace.
func (n *network) listen(name string, l netlink.Link) {
	n.t.Helper()
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	n.must(err)
	n.wires[name] = fd
	n.must(unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 8<<20))
	all := uint16(unix.ETH_P_ALL)
	n.must(unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all<<8 | all>>8, Ifindex: l.Attrs().Index}))
}

// arrived returns the frames that have come in on an interface since the last call.
func (n *network) arrived(on string) []frame {
	n.t.Helper()
	var frames []frame
	b := make([]byte, 4096)
	for {
		size, from, err := unix.Recvfrom(n.wires[on], b, 0)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return frames
		case errors.Is(err, unix.ENETDOWN):
			continue // it was down in between
		}
		n.must(err)
		if from.(*unix.SockaddrLinklayer).Pkttype != unix.PACKET_OUTGOING {
			frames = append(frames, parseFrame(on, append([]byte{}, b[:size]...)))
		}
	}
}

// send sends a frame from an interface. A fence may swallow it, with or without an
// error.
func (n *network) send(from string, frame []byte) {
	n.t.Helper()
	to := unix.SockaddrLinklayer{Ifindex: n.index(from), Protocol: uint16(frame[13])<<8 | uint16(frame[12])}
	if err := unix.Sendto(n.wires[from], frame, 0, &to); err != nil && !errors.Is(err, unix.ENOBUFS) {
		n.t.Fatalf("send from %s: %v", from, err)
	}
}

func (n *network) index(name string) int {
	n.t.Helper()
	nl := n.node.nl
	if strings.HasPrefix(name, "peer") {
		nl = n.client.nl
	}
	return n.linkOf(nl, name).Attrs().Index
}

// mac is the MAC address of an interface of the node or the client.
func (n *network) mac(name string) mac {
	n.t.Helper()
	nl := n.node.nl
	if strings.HasPrefix(name, "peer") {
		nl = n.client.nl
	}
	return mac(n.linkOf(nl, name).Attrs().HardwareAddr)
}

func (n *network) link(name string) netlink.Link { n.t.Helper(); return n.linkOf(n.node.nl, name) }

func (n *network) linkOf(nl *netlink.Handle, name string) netlink.Link {
	n.t.Helper()
	l, err := nl.LinkByName(name)
	n.must(err)
	return l
}

// address adds an address to an interface of the node or the client.
func (n *network) address(name, prefix string) {
	n.t.Helper()
	a, err := netlink.ParseAddr(prefix)
	n.must(err)
	a.Broadcast = net.IPv4zero
	if a.IP.To4() == nil {
		a.Flags = unix.IFA_F_NODAD
	}
	nl := n.node.nl
	if strings.HasPrefix(name, "peer") {
		nl = n.client.nl
	}
	n.must(nl.AddrAdd(n.linkOf(nl, name), a))
}

// knows has the namespace know the MAC address of a neighbour, for good or until it
// hears otherwise.
func (n *network) knows(nl *netlink.Handle, name string, addr netip.Addr, at mac, state int) {
	n.t.Helper()
	n.must(nl.NeighSet(&netlink.Neigh{
		LinkIndex: n.linkOf(nl, name).Attrs().Index, State: state, IP: addr.AsSlice(), HardwareAddr: at[:],
	}))
}

// believes returns the MAC address that the node has for a neighbour on eth0.
func (n *network) believes(addr netip.Addr) mac {
	n.t.Helper()
	family := netlink.FAMILY_V6
	if addr.Is4() {
		family = netlink.FAMILY_V4
	}
	all, err := n.node.nl.NeighList(n.index("eth0"), family)
	n.must(err)
	for _, neigh := range all {
		if neigh.IP.Equal(addr.AsSlice()) && len(neigh.HardwareAddr) == len(mac{}) {
			return mac(neigh.HardwareAddr)
		}
	}
	return mac{}
}

// nft runs the command of that name in the node.
func (n *network) nft(script string) {
	n.t.Helper()
	command := exec.Command("nft", "-f", "-")
	command.Stdin = strings.NewReader(script)
	if out, err := command.CombinedOutput(); err != nil {
		n.t.Fatalf("nft: %v: %s", err, out)
	}
}

// eventually waits for a condition, at most a minute: the machine may be busy.
func (n *network) eventually(what string, ok func() bool) {
	n.t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			n.t.Fatalf("not within a minute: %s", what)
		}
	}
}
