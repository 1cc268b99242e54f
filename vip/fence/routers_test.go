package fence

import (
	"bufio"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// openLeases makes a bpf fence with a lease for each VIP.
func openLeases(t testing.TB, vips ...netip.Addr) (*Fence, []*Lease) {
	t.Helper()
	f, err := New(BPF, slog.New(slog.DiscardHandler))
	must(t, err)
	var leases []*Lease
	for _, v := range vips {
		l := newLease(t, f)
		must(t, l.Protect([]VIP{host(v)}, nil))
		leases = append(leases, l)
	}
	return f, leases
}

func TestRoutersOnTheWire(t *testing.T) {
	w := newWire(t)
	f, leases := openLeases(t, theVIP4, theVIP6)
	defer func() { must(t, f.Close()) }()
	four, six := leases[0], leases[1]
	want := func(answers4, answers6 bool) {
		t.Helper()
		w.wantAnswers(answers4, theVIP4)
		w.wantAnswers(answers6, theVIP6)
		w.wantAnswers(true, theNode4, theNode6)
	}
	want(false, false)
	four.Open(bootTime(t) + time.Hour)
	want(true, false)
	end := bootTime(t) + 2*time.Second
	six.Open(end)
	w.wantAnswers(true, theVIP6)
	time.Sleep(end - bootTime(t))
	want(true, false)
	four.Shut()
	six.Open(bootTime(t) + time.Hour)
	want(false, true)
	must(t, four.Close())
	want(true, true)
	must(t, f.Protect([]netip.Prefix{netip.PrefixFrom(theVIP4, 32)})) // of the cluster from now on
	want(false, true)
}

// TestFrozen is the process that TestFreeze stops. By itself it is not a test.
func TestFrozen(t *testing.T) {
	if os.Getenv(childEnv) == "" {
		return
	}
	_, leases := openLeases(t, theVIP4)
	leases[0].Open(bootTime(t) + time.Second)
	fmt.Println("open")
	until := bootTime(t) + time.Second
	must(t, syscall.Kill(os.Getpid(), syscall.SIGSTOP))
	leases[0].Open(until) // what was reckoned before the freeze
	fmt.Println("thawed")
	time.Sleep(time.Minute)
}

// A router that freezes is dark when its lease is over, and what it reckoned before
// opens nothing after the thaw.
func TestFreeze(t *testing.T) {
	w := newWire(t)
	child := owner()
	child.Args[1] = "-test.run=^TestFrozen$"
	out, err := child.StdoutPipe()
	must(t, err)
	must(t, child.Start())
	defer func() { _ = child.Process.Kill(); _ = child.Wait() }()
	lines := bufio.NewScanner(out)
	said := func(want string) {
		t.Helper()
		if !lines.Scan() || lines.Text() != want {
			t.Fatalf("it said %q, not %q", lines.Text(), want)
		}
	}
	said("open")
	eventually(t, "it is dark", func() bool { return !w.answers(theVIP4) })
	time.Sleep(time.Second) // at least the rest of the lease
	w.wantAnswers(false, theVIP4)
	must(t, child.Process.Signal(syscall.SIGCONT))
	said("thawed")
	w.wantAnswers(false, theVIP4)
	w.wantAnswers(true, theNode4)
}

// chatty is a node with a macvlan that has a virtual MAC.
type chatty struct{ *network }

func newChatty(t testing.TB) chatty {
	n := chatty{newNetwork(t)}
	n.wire("eth0", "peer0")
	n.address("eth0", "198.18.0.1/24")
	n.address("eth0", "2001:db8::1/64")
	n.sysctl("ipv4/conf/default/arp_notify", "1")
	n.sysctl("ipv6/conf/default/ndisc_notify", "1")
	n.sysctl("ipv6/conf/default/keep_addr_on_down", "1")
	return n
}

// stack adds the macvlan, which talks from then on.
func (n chatty) stack() {
	n.t.Helper()
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.ParentIndex, attrs.HardwareAddr = "macvlan0", n.index("eth0"), virtual4[:]
	n.must(n.node.nl.LinkAdd(&netlink.Macvlan{LinkAttrs: attrs, Mode: netlink.MACVLAN_MODE_BRIDGE}))
	n.must(n.node.nl.LinkSetUp(n.link("macvlan0")))
	n.listen("macvlan0", n.link("macvlan0"))
	n.address("macvlan0", "198.18.0.150/32")
	n.address("macvlan0", "2001:db8::150/64")
}

// talk has the kernel say all that it says of the macvlan, then packets be sent that are
// too short, and then an advert of each family.
func (n chatty) talk() {
	n.t.Helper()
	n.must(n.node.nl.LinkSetDown(n.link("macvlan0")))
	n.must(n.node.nl.LinkSetUp(n.link("macvlan0")))
	n.arrived("macvlan0") // and that it was down
	n.send("macvlan0", ethernet(everybody, mac(virtual4), unix.ETH_P_IP, make([]byte, 9)))
	n.send("macvlan0", ethernet(everybody, mac(virtual4), unix.ETH_P_IPV6, make([]byte, 6)))
	n.send("macvlan0", ethernet(mac{1, 0, 0x5e, 0, 0, 18}, mac(virtual4), unix.ETH_P_IP,
		ipPacket(node4, netip.MustParseAddr("224.0.0.18"), 112, make([]byte, 20))))
	n.send("macvlan0", ethernet(mac{0x33, 0x33, 0, 0, 0, 18}, mac(virtual4), unix.ETH_P_IPV6,
		ipPacket(node6, netip.MustParseAddr("ff02::12"), 112, make([]byte, 20))))
}

// heard is what has come from the virtual MAC: the protocol of IP packets, 0 for MLD,
// which has options, "ARP", and "nothing" for what is too short.
func (n chatty) heard(so map[string]bool) map[string]bool {
	n.t.Helper()
	for _, f := range n.arrived("peer0") {
		switch {
		case f.source != mac(virtual4):
		case f.arp != 0:
			so["ARP"] = true
		case !f.dst.IsValid():
			so["nothing"] = true
		case f.dst.Is4():
			so[fmt.Sprint("IPv4 ", f.protocol)] = true
		default:
			so[fmt.Sprint("IPv6 ", f.protocol)] = true
		}
	}
	return so
}

// A backup's macvlan would teach the switches that the virtual MAC is here.
func TestVirtualMACIsSilent(t *testing.T) {
	n := newChatty(t)
	f := startFence(t, BPF, openBPF)
	l := newLease(t, f)
	n.must(l.Protect(nil, []MAC{{virtual4, n.index("eth0")}}))
	n.must(f.Guard(n.index("eth0")))
	adverts := []string{"IPv4 112", "IPv6 112"}
	all := append([]string{"ARP", "nothing", "IPv6 0", "IPv6 58"}, adverts...)
	want := func(state string, kinds []string) {
		t.Helper()
		so := map[string]bool{}
		var said time.Time
		n.eventually(fmt.Sprint(state, ": ", kinds), func() bool {
			// The kernel drops what is sent while a device is not quite up yet.
			if time.Since(said) > time.Second {
				n.talk()
				said = time.Now()
			}
			n.heard(so)
			return !slices.ContainsFunc(kinds, func(k string) bool { return !so[k] })
		})
		if len(kinds) > len(adverts) {
			return
		}
		time.Sleep(quiet)
		for kind := range n.heard(so) {
			if !slices.Contains(kinds, kind) {
				t.Errorf("%s: %s came", state, kind)
			}
		}
	}
	n.stack()
	want("shut", adverts)
	l.Open(boottime() + lasting)
	want("open", all)
	l.Shut()
	want("shut again", adverts)
	until := boottime() + 20*time.Millisecond
	l.Open(until)
	time.Sleep(until - boottime())
	n.arrived("peer0")
	want("over", adverts)
	n.must(l.Protect(nil, []MAC{{virtual4, n.index("eth0") + 1000}}))
	want("of another interface", all)
}
