package fence

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Virtual MACs of the tests: of both families, at another interface, and of nobody.
var (
	virtual4  = [6]byte{0, 0, 0x5e, 0, 1, 51}
	virtual6  = [6]byte{0, 0, 0x5e, 0, 2, 51}
	elsewhere = [6]byte{0, 0, 0x5e, 0, 1, 52}
	stranger  = [6]byte{0, 0, 0x5e, 0, 1, 53}
)

// from is a frame with another source MAC.
func from(mac [6]byte, frame []byte) []byte {
	return slices.Concat(frame[:6], mac[:], frame[12:])
}

func to(mac [6]byte, frame []byte) []byte { return slices.Concat(mac[:], frame[6:]) }

func ofProtocol(number byte) func([]byte) { return func(p []byte) { p[9] = number } }

// macRows are frames that leave. What is dropped is so while the MAC's lease is over.
func macRows() []row {
	advert4 := ipv4(theNode4, thePeer4, ofProtocol(112))
	advert6 := ipv6(theNode6, thePeer6, 112, make([]byte, 20)...)
	return []row{
		dropped("IPv4", from(virtual4, ipv4(theNode4, thePeer4))),
		dropped("ARP", from(virtual4, arp(1, theNode4, thePeer4))),
		dropped("neighbor solicitation", from(virtual6, nd(135, theNode6, thePeer6))),
		dropped("MLD report", from(virtual6, nd(143, theNode6, thePeer6, hop))),
		dropped("IGMP report", from(virtual4, ipv4(theNode4, thePeer4, ofProtocol(unix.IPPROTO_IGMP)))),
		dropped("another protocol", from(virtual4, ether(0x88b5, make([]byte, 40)))),
		dropped("another protocol, short", from(virtual4, ether(0x88b5, make([]byte, 1)))),
		passes("advert over IPv4", from(virtual4, advert4)),
		passes("advert over IPv6", from(virtual6, advert6)),
		passes("advert with AH over IPv4", from(virtual4, ipv4(theNode4, thePeer4, ofProtocol(51)))),
		passes("advert with AH over IPv6", from(virtual6, ipv6(theNode6, thePeer6, 51, make([]byte, 20)...))),
		dropped("behind options", from(virtual6, ipv6(theNode6, thePeer6, hop, 112, 0, 0, 0, 0, 0, 0, 0))),
		dropped("with a tag", from(virtual4, tagged(advert4, unix.ETH_P_8021Q))),
		dropped("ARP that looks like an advert", from(virtual4, arp(112, theNode4, thePeer4, ofProtocol(112)))),
		passes("of nobody", from(stranger, ipv4(theNode4, thePeer4))),
		passes("of another interface", from(elsewhere, ipv4(theNode4, thePeer4))),
		passes("a MAC that begins otherwise", from([6]byte{0, 0, 0x5e, 1, 1, 51}, ipv4(theNode4, thePeer4))),
		passes("to the MAC", to(virtual4, ipv4(theNode4, thePeer4))),
	}
}

func TestMACRule(t *testing.T) {
	w := newWorld(t)
	for _, r := range macRows() {
		for _, p := range w.all {
			if !testable(r.frame) {
				t.Fatalf("%s cannot be tested", r.name)
			}
			for _, running := range []lease{clusterLease, 1, 2} {
				want := r.forHosts && p.hasMACRule() && running != 1
				w.run(running)
				if got := w.drops(p, r.frame); got != want {
					t.Errorf("%s, lease %d runs: %s dropped %v, want %v", p.name, running, r.name, got, want)
				}
			}
			w.agree(r.frame)
		}
	}
}

// Cut short behind the EtherType, nothing tells that it is an advert.
func TestShortFrameOfMAC(t *testing.T) {
	w := newWorld(t)
	for _, p := range w.all {
		if !p.hasMACRule() {
			continue
		}
		for _, kind := range []int{0x8100, 0x88a8} {
			if !w.drops(p, from(virtual4, ether(kind, []byte{0, 0}))) {
				t.Errorf("%s: a frame of %x passes", p.name, kind)
			}
		}
	}
}

// The MAC's lease is asked for first, and then those of the VIPs.
func TestMACAndVIP(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		running lease
		want    bool
	}{{clusterLease, false}, {1, true}, {2, true}} {
		w.run(c.running)
		frame := from(virtual4, ipv4(theVIP4, thePeer4, ofProtocol(112)))
		for _, p := range w.all {
			if got := w.drops(p, frame); p.direction == egress && got != c.want {
				t.Errorf("%s, lease %d runs: advert from the cluster's VIP dropped %v", p.name, c.running, got)
			}
		}
	}
}

func TestRefusedMACs(t *testing.T) {
	b := newBench(t)
	for _, c := range []struct {
		mac  MAC
		want string
	}{
		{MAC{virtual4, 0}, "virtual MAC 00:00:5e:00:01:33 of interface 0: no interface"},
		{MAC{virtual4, -1}, "no interface"},
		{MAC{[6]byte{2, 0, 0x5e, 0, 1, 51}, 1}, "not 00:00:5e:00:01:XX"},
		{MAC{[6]byte{0, 0, 0x5e, 0, 3, 51}, 1}, "or 00:00:5e:00:02:XX"},
	} {
		if err := b.vips.protect(1, nil, []MAC{c.mac}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.mac, err)
		}
	}
	if b.vips.memory.further.Load() != 0 {
		t.Error("something is under a further lease")
	}
}
