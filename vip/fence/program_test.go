package fence

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

func needRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatal("BPF needs root, and CI must not skip")
	}
	t.Skip("BPF needs root")
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// bench is the programs without an interface.
type bench struct {
	testing.TB
	vips *bpfVIPs
	all  []benched
}

// benched is a program and how it is to be tested.
type benched struct {
	program
	name string
	*ebpf.Program
}

// newBench loads the programs, and those with an Ethernet header also without their
// short cut, so that the rules show.
func newBench(t testing.TB, vips ...netip.Prefix) *bench {
	t.Helper()
	needRoot(t)
	set, err := newBPFVIPs()
	must(t, err)
	must(t, set.replace(vips))
	b := &bench{TB: t, vips: set}
	t.Cleanup(func() { must(t, set.close()) })
	for _, p := range programs {
		whole, err := p.load(set.tables)
		must(t, err)
		b.all = append(b.all, benched{p, fmt.Sprintf("%s %s", p.direction, p.framing), whole})
		if p.framing == etherFraming {
			rules, err := load("rules", p.decide(set.tables))
			must(t, err)
			b.all = append(b.all, benched{p, fmt.Sprintf("%s rules", p.direction), rules})
		}
	}
	t.Cleanup(func() {
		for _, p := range b.all {
			p.Close()
		}
	})
	return b
}

// replace makes vips those of the cluster.
func (s *bpfVIPs) replace(vips []netip.Prefix) error {
	return s.protect(clusterLease, everywhere(vips), nil)
}

// drops tells what a program does with a frame.
func (b *bench) drops(p benched, frame []byte) bool {
	b.Helper()
	verdict, err := p.Run(&ebpf.RunOptions{Data: frame})
	must(b, err)
	switch int32(verdict) {
	case verdictDrop:
		return true
	case verdictGoOn:
		return false
	}
	b.Fatalf("verdict %d", int32(verdict))
	return false
}

// testable tells whether the kernel runs a program on a frame: it refuses less than an
// IP header. Behind a tag it does not look.
func testable(frame []byte) bool {
	switch binary.BigEndian.Uint16(frame[12:]) {
	case unix.ETH_P_IP:
		return len(frame) >= etherShort
	case unix.ETH_P_IPV6:
		return len(frame) >= etherShort6
	}
	return len(frame) > etherSize
}

// row is a frame, and the sets of VIPs with which it is dropped while the fence is
// shut: those of one address, or the ranges, too.
type row struct {
	name      string
	frame     []byte
	forHosts  bool
	forRanges bool
}

func dropped(name string, frame []byte) row { return row{name, frame, true, true} }
func inRange(name string, frame []byte) row { return row{name, frame, false, true} }
func passes(name string, frame []byte) row  { return row{name, frame, false, false} }

const (
	hop     = unix.IPPROTO_HOPOPTS
	routing = unix.IPPROTO_ROUTING
	options = unix.IPPROTO_DSTOPTS
)

func fragment(p []byte) { p[6], p[7] = 0x20, 0x10 }
func looksLikeARP(p []byte) {
	copy(p, arp(1, thePeer4, theVIP4)[etherSize:][:8])
	copy(p[24:], theVIP4.AsSlice())
}
func otherARP(p []byte)  { p[2] = 0x86 }
func otherSize(p []byte) { p[5] = 16 }

// longARP makes the hardware addresses 8 bytes long.
func longARP(sender, target netip.Addr) []byte {
	return ether(unix.ETH_P_ARP, slices.Concat(be16(24), be16(unix.ETH_P_IP), []byte{8, 4}, be16(1),
		make([]byte, 8), sender.AsSlice(), make([]byte, 8), target.AsSlice()))
}

func ingressRows() []row {
	return []row{
		dropped("IPv4 to the VIP", ipv4(thePeer4, theVIP4)),
		dropped("IPv4 fragment to the VIP", ipv4(thePeer4, theVIP4, fragment)),
		dropped("IPv4 cut behind the destination", ipv4(thePeer4, theVIP4)[:34]),
		passes("IPv4 cut in the destination", ipv4(thePeer4, theVIP4)[:33]),
		inRange("IPv4 to the range", ipv4(thePeer4, ofRange4)),
		passes("IPv4 from the VIP", ipv4(theVIP4, theNode4)),
		passes("IPv4 to the node", ipv4(thePeer4, theNode4)),
		passes("IPv4 that looks like ARP for the VIP", ipv4(thePeer4, theNode4, looksLikeARP)),
		dropped("ARP for the VIP", arp(1, thePeer4, theVIP4)),
		dropped("ARP probe for the VIP", arp(1, zero4, theVIP4)),
		dropped("ARP reply to the VIP", arp(2, thePeer4, theVIP4)),
		dropped("ARP with long hardware addresses", longARP(thePeer4, theVIP4)),
		inRange("ARP for the range", arp(1, thePeer4, ofRange4)),
		passes("ARP announcement, request", arp(1, theVIP4, theVIP4)),
		passes("ARP announcement, reply", arp(2, theVIP4, theVIP4)),
		passes("ARP reply from the VIP", arp(2, theVIP4, theNode4)),
		passes("ARP for the node", arp(1, thePeer4, theNode4)),
		passes("ARP of another protocol", arp(1, thePeer4, theVIP4, otherARP)),
		passes("ARP with long addresses", arp(1, thePeer4, theVIP4, otherSize)),
		passes("ARP cut in the target", arp(1, thePeer4, theVIP4)[:41]),
		dropped("IPv6 to the VIP", tcp6(thePeer6, theVIP6)),
		dropped("IPv6 fragment to the VIP", ipv6(thePeer6, theVIP6, unix.IPPROTO_FRAGMENT, make([]byte, 16)...)),
		dropped("IPv6 cut behind the header", tcp6(thePeer6, theVIP6)[:54]),
		passes("IPv6 cut in the destination", tcp6(thePeer6, theVIP6)[:53]),
		inRange("IPv6 to the range", tcp6(thePeer6, ofRange6)),
		passes("IPv6 from the VIP", tcp6(theVIP6, theNode6)),
		passes("IPv6 to the node", tcp6(thePeer6, theNode6)),
		dropped("solicitation for the VIP", nd(135, thePeer6, theVIP6)),
		dropped("solicitation for the VIP, claiming it", nd(135, zero6, theVIP6)),
		dropped("solicitation behind hop-by-hop options", nd(135, thePeer6, theVIP6, hop)),
		dropped("solicitation behind routing", nd(135, thePeer6, theVIP6, routing)),
		dropped("solicitation behind destination options", nd(135, thePeer6, theVIP6, options)),
		dropped("solicitation behind two headers", nd(135, thePeer6, theVIP6, hop, options)),
		dropped("solicitation behind three headers", nd(135, thePeer6, theVIP6, hop, routing, options)),
		inRange("solicitation for the range", nd(135, thePeer6, ofRange6)),
		passes("solicitation behind four headers", nd(135, thePeer6, theVIP6, hop, options, routing, options)),
		passes("solicitation behind a fragment header", nd(135, thePeer6, theVIP6, unix.IPPROTO_FRAGMENT)),
		passes("solicitation for the node", nd(135, thePeer6, theNode6)),
		passes("solicitation for the node behind options", nd(135, thePeer6, theNode6, hop)),
		passes("solicitation cut in the target", nd(135, thePeer6, theVIP6)[:77]),
		passes("solicitation cut in an option header", nd(135, thePeer6, theVIP6, hop)[:55]),
		passes("advertisement of the VIP", nd(136, theVIP6, theVIP6)),
		passes("router advertisement that looks like it", nd(134, thePeer6, theVIP6)),
		passes("TCP that looks like a solicitation", likeND(unix.IPPROTO_TCP, 135, thePeer6, theVIP6)),
		passes("TCP that looks like it, behind a header", likeND(unix.IPPROTO_TCP, 135, thePeer6, theVIP6, hop)),
		passes("TCP that looks like it, behind three", likeND(unix.IPPROTO_TCP, 135, thePeer6, theVIP6, hop, hop, hop)),
		passes("another protocol", ether(0x88b5, ipv4(thePeer4, theVIP4)[14:])),
		passes("too short for anything", ipv4(thePeer4, theVIP4)[:14]),
	}
}

func egressRows() []row {
	return []row{
		dropped("IPv4 from the VIP", ipv4(theVIP4, thePeer4)),
		dropped("IPv4 fragment from the VIP", ipv4(theVIP4, thePeer4, fragment)),
		dropped("IPv4 cut behind the source", ipv4(theVIP4, thePeer4)[:30]),
		passes("IPv4 cut in the source", ipv4(theVIP4, thePeer4)[:29]),
		inRange("IPv4 from the range", ipv4(ofRange4, thePeer4)),
		passes("IPv4 to the VIP", ipv4(theNode4, theVIP4)),
		passes("IPv4 from the node", ipv4(theNode4, thePeer4)),
		dropped("ARP reply from the VIP", arp(2, theVIP4, thePeer4)),
		dropped("ARP for somebody from the VIP", arp(1, theVIP4, thePeer4)),
		dropped("ARP announcement, request", arp(1, theVIP4, theVIP4)),
		dropped("ARP announcement, reply", arp(2, theVIP4, theVIP4)),
		dropped("ARP with long hardware addresses", longARP(theVIP4, thePeer4)),
		dropped("ARP cut behind the sender", arp(1, theVIP4, thePeer4)[:32]),
		inRange("ARP from the range", arp(2, ofRange4, thePeer4)),
		passes("ARP for the VIP", arp(1, theNode4, theVIP4)),
		passes("ARP probe for the VIP", arp(1, zero4, theVIP4)),
		passes("ARP from the node", arp(1, theNode4, thePeer4)),
		passes("ARP of another protocol", arp(1, theVIP4, thePeer4, otherARP)),
		passes("ARP with long addresses", arp(1, theVIP4, thePeer4, otherSize)),
		passes("ARP cut in the sender", arp(1, theVIP4, thePeer4)[:31]),
		dropped("IPv6 from the VIP", tcp6(theVIP6, thePeer6)),
		dropped("IPv6 fragment from the VIP", ipv6(theVIP6, thePeer6, unix.IPPROTO_FRAGMENT, make([]byte, 16)...)),
		dropped("IPv6 cut behind the source", tcp6(theVIP6, thePeer6)[:38]),
		passes("IPv6 cut in the source", tcp6(theVIP6, thePeer6)[:37]),
		inRange("IPv6 from the range", tcp6(ofRange6, thePeer6)),
		passes("IPv6 to the VIP", tcp6(theNode6, theVIP6)),
		passes("IPv6 from the node", tcp6(theNode6, thePeer6)),
		dropped("advertisement of the VIP, from it", nd(136, theVIP6, theVIP6)),
		dropped("advertisement of the VIP, from the node", nd(136, theNode6, theVIP6)),
		dropped("advertisement behind hop-by-hop options", nd(136, theNode6, theVIP6, hop)),
		dropped("advertisement behind routing", nd(136, theNode6, theVIP6, routing)),
		dropped("advertisement behind three headers", nd(136, theNode6, theVIP6, hop, options, options)),
		inRange("advertisement of the range", nd(136, theNode6, ofRange6)),
		passes("advertisement of the node", nd(136, theNode6, theNode6)),
		passes("advertisement behind four headers", nd(136, theNode6, theVIP6, hop, options, routing, options)),
		passes("advertisement cut in the target", nd(136, theNode6, theVIP6)[:77]),
		dropped("solicitation that claims the VIP", nd(135, zero6, theVIP6)),
		inRange("solicitation that claims one of the range", nd(135, zero6, ofRange6)),
		dropped("solicitation from the VIP", nd(135, theVIP6, thePeer6)),
		passes("solicitation for the VIP", nd(135, theNode6, theVIP6)),
		passes("solicitation from an address with an empty half", nd(135, netip.MustParseAddr("::1"), theVIP6)),
		passes("solicitation from an address with the otherFraming", nd(135, netip.MustParseAddr("2001::"), theVIP6)),
		passes("solicitation that claims the node", nd(135, zero6, theNode6)),
		passes("TCP that looks like an advertisement", likeND(unix.IPPROTO_TCP, 136, theNode6, theVIP6)),
		passes("TCP that looks like it, behind three headers", likeND(unix.IPPROTO_TCP, 136, theNode6, theVIP6, hop, hop, hop)),
		passes("router solicitation that looks like it", nd(133, zero6, theVIP6)),
		passes("another protocol", ether(0x88b5, ipv4(theVIP4, thePeer4)[14:])),
		passes("too short for anything", ipv4(theVIP4, thePeer4)[:14]),
	}
}

func rowsOf(d direction) []row {
	if d == ingress {
		return ingressRows()
	}
	return egressRows()
}

// taggings is none, one or two tags; behind three the frame is no VIP's business here.
func taggings() [][]int {
	return [][]int{nil, {0x8100}, {0x88a8}, {0x88a8, 0x8100}, {0x8100, 0x8100}, {0x88a8, 0x8100, 0x8100}}
}

func TestRules(t *testing.T) {
	t.Run("hosts", func(t *testing.T) {
		testRules(t, hostVIPs(), func(r row) bool { return r.forHosts })
	})
	t.Run("ranges", func(t *testing.T) {
		testRules(t, rangeVIPs(), func(r row) bool { return r.forRanges })
	})
}

func testRules(t *testing.T, vips []netip.Prefix, drops func(row) bool) {
	b := newBench(t, vips...)
	for _, p := range b.all {
		for _, r := range rowsOf(p.direction) {
			for _, tags := range taggings() {
				frame := tagged(r.frame, tags...)
				want := drops(r) && len(tags) < 3
				if got := (model{p.direction, shut(vips...), nil}).drops(frame); got != want {
					t.Errorf("model, %s, tags %x: dropped %v, want %v", r.name, tags, got, want)
				}
				if p.framing == otherFraming && tags != nil {
					want = false // the kernel has taken tags off
				}
				if !testable(frame) {
					continue
				}
				b.check(p, fmt.Sprintf("%s: %s, tags %x", p.name, r.name, tags), frame, want)
			}
		}
	}
}

// Of the sieve it is the address's bit that counts, and without it nothing else does.
func TestSieve(t *testing.T) {
	b := newBench(t, hostVIPs()...)
	for _, p := range b.all {
		_, from, _ := strings.Cut(p.name, " ")
		for _, vip := range []netip.Addr{theVIP4, theVIP6} {
			frame := ipv4(vip, vip)
			if vip.Is6() {
				frame = tcp6(vip, vip)
			}
			hash := sieveHash(vip)
			for i := range b.vips.memory.sieve {
				b.vips.memory.sieve[i].Store(^uint64(0))
			}
			b.vips.memory.sieve[hash/64].Store(^(uint64(1) << (hash % 64)))
			if got, want := b.drops(p, frame), from != string(etherFraming); got != want {
				t.Errorf("%s: with all bits but that of %s: dropped %v, want %v", p.name, vip, got, want)
			}
			for i := range b.vips.memory.sieve {
				b.vips.memory.sieve[i].Store(0)
			}
			b.vips.memory.sieve[hash/64].Store(uint64(1) << (hash % 64))
			if !b.drops(p, frame) {
				t.Errorf("%s: with the bit of %s alone: passes", p.name, vip)
			}
		}
	}
}

// check tries a frame with all states of the lease: the open ones are the control.
func (b *bench) check(p benched, name string, frame []byte, want bool) {
	b.Helper()
	now := bootTime(b)
	for _, lease := range []struct {
		name  string
		until time.Duration
		want  bool
	}{{"shut", 0, want}, {"expired", now, want}, {"running", now + time.Hour, false}} {
		b.vips.memory.leases[clusterLease].set(0)
		b.vips.memory.leases[clusterLease].set(lease.until)
		if got := b.drops(p, frame); got != lease.want {
			b.Errorf("%s, lease %s: dropped %v, want %v", name, lease.name, got, lease.want)
		}
	}
}

func bootTime(t testing.TB) time.Duration {
	t.Helper()
	var now unix.Timespec
	must(t, unix.ClockGettime(unix.CLOCK_BOOTTIME, &now))
	return time.Duration(now.Nano())
}
