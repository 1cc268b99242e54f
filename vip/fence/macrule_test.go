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
	unlike    = [6]byte{2, 0, 0, 0, 0xff, 51} // those of the RFC
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

// A router may have a MAC that is not like those of the RFC.
func TestMACUnlikeThoseOfTheRFC(t *testing.T) {
	w := newWorld(t)
	others := map[string][6]byte{
		"another end": {2, 0, 0, 0, 0xff, 52}, "another middle": {2, 0, 0, 0, 0xfe, 51}, "another beginning": {6, 0, 0, 0, 0xff, 51},
	}
	want := func(dropped bool) {
		t.Helper()
		for _, p := range w.all {
			if got := w.drops(p, from(unlike, ipv4(theNode4, thePeer4))); got != (dropped && p.hasMACRule()) {
				t.Errorf("%s: dropped %v", p.name, got)
			}
			if w.drops(p, from(unlike, ipv4(theNode4, thePeer4, ofProtocol(112)))) {
				t.Errorf("%s: an advert is dropped", p.name)
			}
			for name, mac := range others {
				if w.drops(p, from(mac, ipv4(theNode4, thePeer4))) {
					t.Errorf("%s: %s: dropped", p.name, name)
				}
			}
			if got := w.drops(p, from(virtual4, ipv4(theNode4, thePeer4))); got != p.hasMACRule() {
				t.Errorf("%s: a MAC of the RFC: dropped %v", p.name, got)
			}
		}
	}
	want(false)
	must(t, w.bench.vips.protect(1, nil, []MAC{{virtual4, 1}, {unlike, 1}}))
	want(true)
	must(t, w.bench.vips.protect(1, nil, []MAC{{virtual4, 1}, {unlike, 2}}))
	want(false)
	must(t, w.bench.vips.protect(1, nil, []MAC{{virtual4, 1}, {unlike, 1}}))
	w.run(1)
	if p := w.all[1]; w.drops(p, from(unlike, ipv4(theNode4, thePeer4))) {
		t.Error("dropped while the lease runs")
	}
	w.run(2)
	must(t, w.bench.vips.protect(1, nil, []MAC{{virtual4, 1}}))
	want(false)
	if w.bench.vips.memory.unusual.Load() != 0 {
		t.Error("programs still look for such MACs")
	}
}

// One that could be added is silent, though what was there before cannot be taken away.
func TestMACUnlikeThoseOfTheRFCBesideAnError(t *testing.T) {
	w := newWorld(t)
	must(t, w.bench.vips.protect(1, []VIP{host(routersVIP4)}, nil))
	must(t, w.bench.vips.hosts.Close())
	if err := w.bench.vips.protect(1, nil, []MAC{{unlike, 1}}); err == nil {
		t.Fatal("taken away from a map that is closed")
	}
	for _, p := range w.all {
		if got := w.drops(p, from(unlike, ipv4(theNode4, thePeer4))); got != p.hasMACRule() {
			t.Errorf("%s: dropped %v", p.name, got)
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
		{MAC{[6]byte{1, 0, 0x5e, 0, 0, 18}, 1}, "virtual MAC 01:00:5e:00:00:12 of interface 1: not that of one station"},
		{MAC{[6]byte{}, 1}, "virtual MAC 00:00:00:00:00:00 of interface 1: not that of one station"},
	} {
		if err := b.vips.protect(1, nil, []MAC{c.mac}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.mac, err)
		}
	}
	if b.vips.memory.further.Load() != 0 {
		t.Error("something is under a further lease")
	}
}
