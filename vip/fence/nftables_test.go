package fence

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
)

// openTables opens the mechanism in the namespace of the test.
func openTables(t testing.TB, log *slog.Logger) *nftFence {
	t.Helper()
	m, err := openNFTables(log)
	if err != nil {
		t.Fatal(err)
	}
	n := m.(*nftFence)
	t.Cleanup(func() {
		if n.rules.Conn != nil {
			_ = n.Close() // the test may have closed it
		}
	})
	return n
}

// killed leaves the tables behind, as a process does that is killed.
func (n *nftFence) killed(t testing.TB) {
	t.Helper()
	if err := n.closeSockets(); err != nil {
		t.Fatal(err)
	}
}

// keptUp runs Watch and Audit, as a Fence does, until the test ends.
func (n *nftFence) keptUp(t testing.TB) {
	t.Helper()
	f := &Fence{kind: NFTables, log: slog.New(slog.DiscardHandler), kernel: n}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- f.Run(ctx, func() {}) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// TestNFTablesUnwatchedInterface removes the table that is attached to interfaces one
// by one: what the kernel itself says stays fenced on one that is not attached yet.
func TestNFTablesUnwatchedInterface(t *testing.T) {
	h := newHouse(t)
	n := openTables(t, slog.New(slog.DiscardHandler))
	h.must(n.Protect(h.protected()))
	h.addVIPs()
	h.must(n.Set(boottime() + lasting))
	h.nft("delete table netdev perch")
	probes := h.kernels()
	h.try("open", probes, true)
	h.nft("flush set inet perch " + n.name + "\nflush set arp perch " + n.name)
	h.try("shut", probes, false)
}

// pinged tells whether the VIP of a small network answers now.
func (n *network) pinged(addr netip.Addr) bool {
	n.t.Helper()
	n.arrived("peer0")
	protocol, data := echo(addr, echoNumber)
	n.send("peer0", ethernet(n.mac("eth0"), n.mac("peer0"), 0x0800, ipPacket(client4, addr, protocol, data)))
	// A veth passes the question and the answer on before send returns.
	time.Sleep(5 * time.Millisecond)
	for _, f := range n.arrived("peer0") {
		if f.icmpFrom(addr, echoReply4, echoReply6) {
			return true
		}
	}
	return false
}

// smallNetwork is one wire, with an IPv4 VIP on the node.
func smallNetwork(t testing.TB) *network {
	t.Helper()
	n := newNetwork(t)
	n.wire("eth0", "peer0")
	n.address("eth0", "198.18.0.1/24")
	n.address("peer0", "198.18.0.2/24")
	n.address("eth0", "198.18.0.100/24")
	return n
}

func hosts(addrs ...netip.Addr) []netip.Prefix {
	var list []netip.Prefix
	for _, a := range addrs {
		list = append(list, netip.PrefixFrom(a, a.BitLen()))
	}
	return list
}

// TestNFTablesPredecessor has a process be killed and another take over: its VIPs
// stay fenced before the successor knows them, its lease does not outlive it, and
// when it was only asleep it cannot open what is not its own any more.
func TestNFTablesPredecessor(t *testing.T) {
	net := smallNetwork(t)
	log := slog.New(slog.DiscardHandler)
	old := openTables(t, log)
	net.must(old.Protect(hosts(vip4, vip6)))
	if net.pinged(vip4) {
		t.Fatal("it answers before it is opened")
	}
	net.must(old.Set(boottime() + lasting))
	if !net.pinged(vip4) {
		t.Fatal("no answer")
	}

	successor := openTables(t, log)
	if net.pinged(vip4) {
		t.Error("the lease of the predecessor goes on")
	}
	if err := old.Set(boottime() + 2*lasting); err == nil || net.pinged(vip4) {
		t.Errorf("the predecessor opened the fence of its successor: %v", err)
	}
	net.must(successor.Set(boottime() + lasting))
	if !net.pinged(vip4) {
		t.Error("no answer from the successor")
	}
	old.killed(t)
	if !net.pinged(vip4) {
		t.Error("no answer after the end of the predecessor")
	}
	net.must(successor.Close())
	if out, err := exec.Command("nft", "list", "ruleset").CombinedOutput(); err != nil || len(out) != 0 {
		t.Errorf("left behind: %s %v", out, err)
	}
}

// TestNFTablesKilled leaves the tables alone: the lease ends, and the VIP stays fenced.
func TestNFTablesKilled(t *testing.T) {
	net := smallNetwork(t)
	n := openTables(t, slog.New(slog.DiscardHandler))
	net.must(n.Protect(hosts(vip4)))
	until := boottime() + 200*time.Millisecond
	net.must(n.Set(until))
	if !net.pinged(vip4) {
		t.Error("no answer")
	}
	n.killed(t)
	time.Sleep(until - boottime())
	if net.pinged(vip4) {
		t.Error("it answers after the end of the lease")
	}
}

// TestNFTablesMended changes the tables in every way that others may, open and shut.
func TestNFTablesMended(t *testing.T) {
	for name, change := range map[string]string{
		"ruleset flushed":           "flush ruleset",
		"table deleted":             "delete table arp perch",
		"rules flushed":             "flush table inet perch",
		"chain flushed":             "flush chain netdev perch egress",
		"interface's chain deleted": "delete chain netdev perch device%[2]d",
		"rule in front":             "insert rule inet perch prerouting accept",
		"rule added":                "add rule inet perch gate accept",
		"chain added":               "add chain inet perch other",
		"dormant":                   "add table inet perch { flags dormant; }",
		"VIP deleted":               "delete element inet perch vip4 { 198.18.0.100 }",
		"VIP added":                 "add element inet perch vip4 { 198.18.0.1 }",
		"IPv6 VIPs flushed":         "flush set netdev perch vip6",
		"lease set flushed":         "flush set inet perch %[1]s",
		"lease without an end":      "add element inet perch %[1]s { ipv4 }; add element inet perch %[1]s { ipv6 }",
	} {
		t.Run(name, func(t *testing.T) {
			net := smallNetwork(t)
			var said bytes.Buffer
			n := openTables(t, slog.New(slog.NewTextHandler(&said, nil)))
			net.must(n.Protect(hosts(vip4, vip6)))
			change := strings.ReplaceAll(fmt.Sprintf(change+"%[1]s%[2]d", n.name, net.index("eth0")), "; ", "\n")
			change = strings.TrimSuffix(change, fmt.Sprint(n.name, net.index("eth0")))
			for _, open := range []bool{false, true} {
				net.must(n.Audit())
				if open {
					net.must(n.Set(boottime() + lasting))
				}
				net.nft(change)
				said.Reset()
				net.must(n.Audit())
				if noticed := said.Len() > 0; noticed == strings.HasPrefix(name, "lease") {
					t.Errorf("said: %q", &said)
				}
				if err := n.inspect(); err != nil {
					t.Error("not mended:", err)
				}
				if net.pinged(vip4) != open || !net.pinged(node4) {
					t.Errorf("open is %v, VIP %v, node %v", open, net.pinged(vip4), net.pinged(node4))
				}
			}
		})
	}
}

// TestNFTablesMendedAtOnce waits for the mending after an event, and not for a second.
func TestNFTablesMendedAtOnce(t *testing.T) {
	net := smallNetwork(t)
	n := openTables(t, slog.New(slog.DiscardHandler))
	net.must(n.Protect(hosts(vip4)))
	n.keptUp(t)
	net.must(n.Set(boottime() + lasting))
	for range 3 {
		net.nft("flush ruleset")
		start := time.Now()
		net.eventually("the tables are back", func() bool {
			return exec.Command("nft", "list", "table", "netdev", "perch").Run() == nil
		})
		t.Logf("after %v", time.Since(start))
	}
	net.must(n.Set(0))
	net.nft("flush ruleset")
	net.eventually("the VIP is fenced again", func() bool { return !net.pinged(vip4) })
}

// TestNFTablesOwnChanges are no reason to look at the tables, nor are those of other
// tables.
func TestNFTablesOwnChanges(t *testing.T) {
	net := smallNetwork(t)
	n := openTables(t, slog.New(slog.DiscardHandler))
	var calls atomic.Int32
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- n.Watch(ctx, func() { calls.Add(1) }) }()
	net.nft("add chain inet perch other")
	net.eventually("a foreign change is heard of", func() bool { return calls.Load() > 0 })
	net.must(n.Audit())
	inspected, before := n.inspected, calls.Load()
	net.must(n.Protect(hosts(vip4)))
	net.nft("add table inet foreign\nadd chain inet foreign other")
	for range 50 {
		net.must(n.Set(boottime() + lasting))
		net.must(n.Audit())
	}
	net.must(n.Set(0))
	net.must(n.Audit())
	if calls.Load() != before || n.inspected != inspected {
		t.Errorf("own changes: %d calls, looked at %v later", calls.Load()-before, n.inspected-inspected)
	}
	net.nft("add chain inet perch other")
	net.eventually("a foreign change is heard of", func() bool { return calls.Load() > before })
	cancel()
	net.must(<-ended)
}

// TestNFTablesInterfaces follows interfaces as they come, change their names, become
// the ports of a bridge, and go.
func TestNFTablesInterfaces(t *testing.T) {
	net := smallNetwork(t)
	n := openTables(t, slog.New(slog.DiscardHandler))
	attached := func() string {
		out, err := exec.Command("nft", "list", "table", "netdev", "perch").CombinedOutput()
		net.must(err)
		var names []string
		for _, name := range []string{"lo", "eth0", "eth1", "wan", "br0"} {
			if strings.Contains(string(out), fmt.Sprintf("hook egress device %q", name)) {
				names = append(names, name)
			}
		}
		return strings.Join(names, " ")
	}
	check := func(want string) {
		t.Helper()
		net.must(n.Audit())
		if got := attached(); got != want {
			t.Errorf("attached to %s, not %s", got, want)
		}
	}
	check("lo eth0")
	net.wire("eth1", "peer1")
	check("lo eth0 eth1")
	net.must(net.node.nl.LinkSetDown(net.link("eth1")))
	net.must(net.node.nl.LinkSetName(net.link("eth1"), "wan"))
	check("lo eth0 wan")
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "br0"
	net.must(net.node.nl.LinkAdd(&netlink.Bridge{LinkAttrs: attrs}))
	net.must(net.node.nl.LinkSetMaster(net.link("wan"), net.link("br0")))
	check("lo eth0 br0")
	net.must(n.Guard(net.link("wan").Attrs().Index))
	check("lo eth0 wan br0")
	net.must(net.node.nl.LinkDel(net.link("wan")))
	check("lo eth0 br0")
	if err := n.Guard(4711); err == nil {
		t.Error("an interface is guarded that does not exist")
	}
	check("lo eth0 br0")
}

// TestNFTablesProtect changes the VIPs step by step: neighbours, ranges around and
// within others, the ends of the address space.
func TestNFTablesProtect(t *testing.T) {
	net := newNetwork(t)
	n := openTables(t, slog.New(slog.DiscardHandler))
	n.foreign.Store(false)
	for _, vips := range []string{
		"198.18.0.2/32 198.18.0.3/32 198.18.0.4/32 2001:db8::2/128 2001:db8::3/128",
		"198.18.0.2/32 198.18.0.4/32 2001:db8::3/128 2001:db8::4/128",
		"198.18.0.0/24 2001:db8::/64 198.18.1.0/24",
		"198.18.0.0/25 198.18.0.128/25 2001:db8::7/128",
		"198.18.0.1/32 198.18.0.127/32 198.18.0.128/32 255.255.255.255/32 0.0.0.0/32 ffff::/16 ::/127",
		"255.255.255.254/31 ::1/128",
		"",
	} {
		var list []netip.Prefix
		for _, p := range strings.Fields(vips) {
			list = append(list, netip.MustParsePrefix(p))
		}
		net.must(n.Protect(list))
		if err := n.inspect(); err != nil || n.foreign.Load() {
			t.Errorf("%q: %v, made anew: %v", vips, err, n.foreign.Load())
		}
	}
}

// TestNFTablesRenewedMeanwhile renews a short lease all the time while thousands of
// VIPs come and go: no change of theirs may take so long that it ends.
func TestNFTablesRenewedMeanwhile(t *testing.T) {
	net := newNetwork(t)
	n := openTables(t, slog.New(slog.DiscardHandler))
	ended := make(chan struct{})
	var longest time.Duration
	go func() {
		defer close(ended)
		for _, count := range []int{5000, 2500, 0} {
			if err := n.Protect(manyHosts(count)); err != nil {
				t.Error(err)
			}
		}
	}()
	for running := true; running; {
		start := boottime()
		net.must(n.Set(start + time.Second))
		longest = max(longest, boottime()-start)
		select {
		case <-ended:
			running = false
		case <-time.After(5 * time.Millisecond):
		}
	}
	t.Logf("a renewal took at most %v", longest)
}
