package vrrp

import (
	"net/netip"
	"testing"
	"time"
)

// refused has at least one packet for each Drop.
var refused = []struct {
	name  string
	ours  func(*WireConfig)
	spoil func(theirs *Wire) Packet
	want  Drop
}{
	{"of another router", alike, func(w *Wire) Packet { w.own.VRID = 52; return w.say(100) }, OtherVRID},
	{"of one before", alike, func(w *Wire) Packet { w.own.VRID = 50; return w.say(100) }, OtherVRID},
	{"of another family", alike, func(w *Wire) Packet { p := w.say(100); p.Src = ll1; return p }, OtherVRID},
	{"to another family", alike, func(w *Wire) Packet { p := w.say(100); p.Dst = Group6; return p }, OtherVRID},
	{"seven bytes", alike, func(w *Wire) Packet { p := w.say(100); p.Payload = p.Payload[:7]; return p }, BadLength},
	{"without an IP header", alike, func(w *Wire) Packet { p := w.say(100); p.Header = nil; return p }, BadLength},
	{"with our address", alike, func(w *Wire) Packet { w.cfg.Source = lb2; return w.say(100) }, SameSource},
	{"with AH", version2, func(w *Wire) Packet { w.ah, w.own.Auth = newSigner(secret12), AH; return w.say(100) }, UnexpectedAH},
	{"without AH", behindAH, func(w *Wire) Packet { w.ah = nil; return w.say(100) }, NoAH},
	{"AH and seven bytes", behindAH, func(w *Wire) Packet { p := w.say(100); p.Payload = p.Payload[:ahLength+7]; return p }, BadLength},
	{"an address too few", alike, func(w *Wire) Packet { p := w.say(100); p.Payload = p.Payload[:15]; return p }, BadLength},
	{"four bytes more", alike, func(w *Wire) Packet { p := w.say(100); p.Payload = append(p.Payload, 0, 0, 0, 0); return p }, BadLength},
	{"padded over IPv6", overIPv6, func(w *Wire) Packet { p := w.say(100); p.Payload = append(p.Payload, 0, 0, 0, 0, 0, 0); return p }, BadLength},
	{"another length in the IP header", alike, func(w *Wire) Packet { p := w.say(100); p.Header[3]++; return p }, BadLength},
	{"TTL 254", alike, func(w *Wire) Packet { p := w.say(100); p.TTL = 254; return p }, BadTTL},
	{"hop limit 254", overIPv6, func(w *Wire) Packet { p := w.say(100); p.TTL = 254; return p }, BadTTL},
	{"of version 2", alike, func(w *Wire) Packet { w.own.Version = V2; return w.say(100) }, BadVersion},
	{"of version 3", version2, func(w *Wire) Packet { w.own.Version = V3; return w.say(100) }, BadVersion},
	{"of version 4", alike, func(w *Wire) Packet { p := w.say(100); p.Payload[0] = 0x41; return p }, BadVersion},
	{"with a password", version2, func(w *Wire) Packet { w.own.Auth = Password; return w.say(100) }, BadAuth},
	{"without a password", passwords, func(w *Wire) Packet { w.own.Auth = NoAuth; return w.say(100) }, BadAuth},
	{"with another password", passwords, func(w *Wire) Packet { w.own.Secret[7]++; return w.say(100) }, BadPassword},
	{"with another key", behindAH, func(w *Wire) Packet { w.ah = newSigner(Secret{}); return w.say(100) }, BadSignature},
	{"with another SPI", behindAH, func(w *Wire) Packet { p := w.say(100); p.Payload[4]++; return p }, BadAH},
	{"with AH and IP options", behindAH, func(w *Wire) Packet { p := w.say(100); p.Header = append(p.Header, 1, 1, 1, 1); return p }, BadAH},
	{"without a signature", signed, func(w *Wire) Packet { w.keys = nil; return w.say(100) }, NoTrailer},
	{"with a signature", alike, func(w *Wire) Packet { w.keys = newKeyring(keys12, w.stamps); return w.say(100) }, UnexpectedTrailer},
	{"with another kind of signature", signed, func(w *Wire) Packet { p := w.say(100); p.Payload[16]++; return p }, BadTrailer},
	{"something else that is reserved", signed, func(w *Wire) Packet { p := w.say(100); p.Payload[18]++; return p }, BadTrailer},
	{"something reserved", signed, func(w *Wire) Packet { p := w.say(100); p.Payload[19]++; return p }, BadTrailer},
	{"28 bytes of something else", alike, func(w *Wire) Packet { p := w.say(100); p.Payload = append(p.Payload, make([]byte, 28)...); return p }, BadLength},
	{"with a key that is unknown", signed, func(w *Wire) Packet { p := w.say(100); p.Payload[17] = 3; return p }, UnknownKey},
	{"signed too early", signed, func(w *Wire) Packet { return w.sayAt(noon.Add(-6 * time.Second)) }, BadClock},
	{"signed too late", signed, func(w *Wire) Packet { return w.sayAt(noon.Add(6 * time.Second)) }, BadClock},
	{"with a forged signature", signed, func(w *Wire) Packet { p := w.say(100); p.Payload[43]++; return p }, BadSignature},
	{"another interval", version2, func(w *Wire) Packet { w.own.Interval *= 2; return w.say(100) }, BadInterval},
	{"another type", alike, func(w *Wire) Packet { p := w.say(100); p.Payload[0]++; return p }, BadType},
	{"another checksum", alike, func(w *Wire) Packet { p := w.say(100); p.Payload[6]++; return p }, BadChecksum},
	{"to this router alone", alike, func(w *Wire) Packet { return received(w.Append(nil, lb2, 100, noon), lb1, lb2) }, BadDestination},
	{"to the group", unicast, func(w *Wire) Packet { return received(w.Append(nil, Group4, 100, noon), lb1, Group4) }, BadDestination},
	{"to another group", alike, func(w *Wire) Packet { return received(w.Append(nil, group18, 100, noon), lb1, group18) }, BadDestination},
	{"to the usual group", ofGroup18, func(w *Wire) Packet { return received(w.Append(nil, Group4, 100, noon), lb1, Group4) }, BadDestination},
	{"of an unknown peer", unicast, func(w *Wire) Packet { w.cfg.Source = netip.MustParseAddr("198.18.0.9"); return w.say(100) }, UnknownPeer},
	{"of too near a peer", far, func(w *Wire) Packet { w.cfg.TTL = 254; return w.say(100) }, BadDistance},
	{"of too far a peer", far, func(w *Wire) Packet { w.cfg.TTL = 249; return w.say(100) }, BadDistance},
	{"no interval", alike, func(w *Wire) Packet { w.own.Interval = 0; return w.say(100) }, NoInterval},
	{"no addresses", alike, func(w *Wire) Packet { w.own.Addresses = nil; return w.say(100) }, NoAddresses},
}

func alike(*WireConfig) {}

func without(c *WireConfig) { c.Addresses = nil }

// A router without addresses heeds adverts with none, whatever signs them, and those
// with some (RFC 9568 section 5.2.5 is for routers that have one).
func TestRoutersWithoutAddresses(t *testing.T) {
	for name, kind := range map[string]func(*WireConfig){
		"version 3": alike, "version 2": version2, "IPv6": overIPv6, "unicast": unicast, "password": passwords, "AH": behindAH, "signed": signed,
	} {
		t.Run(name, func(t *testing.T) {
			ours, theirs := wires(kind, without)
			advert, drop := ours.Judge(theirs.say(100), noon)
			if drop != 0 || len(advert.Addresses) > 0 {
				t.Fatalf("drop %s, addresses %v", drop, advert.Addresses)
			}
			ours.Record(0)
			if s, due := ours.Due(0); due {
				t.Errorf("it is remarked on: %s", s.Explain(ours.cfg))
			}
		})
	}
	ours, _ := wires(without)
	_, theirs := wires()
	if _, drop := ours.Judge(theirs.say(100), noon); drop != 0 {
		t.Errorf("with addresses: %s", drop)
	}
	ours.Record(0)
	const want = "it advertises other addresses (2 addresses, and we 0 addresses): set the same on both, or keepalived before 2.3.3 will not heed ours"
	if s, _ := ours.Due(0); s.Explain(ours.cfg) != want {
		t.Errorf("explained as %q", s.Explain(ours.cfg))
	}
}

// What Ethernet adds to so short a packet is no part of it.
func TestPaddedAdvertWithoutAddresses(t *testing.T) {
	ours, theirs := wires(without)
	p := theirs.say(100)
	p.Payload = append(p.Payload, make([]byte, minFrame-len(p.Header)-len(p.Payload))...)
	if _, drop := ours.Judge(p, noon); drop != 0 {
		t.Error(drop)
	}
}

func signed(c *WireConfig) { c.Auth = keys12 }

var keys12 = Authentication{
	Keys:   map[uint8][]byte{1: []byte("0123456789abcdef0123456789abcdef"), 2: []byte("fedcba9876543210fedcba9876543210")},
	Active: 1,
	Window: 5 * time.Second,
}

var group18 = netip.MustParseAddr("224.0.1.18")

func ofGroup18(c *WireConfig) { c.Multicast = group18 }

// A group of one's own is as good as the usual one.
func TestOtherGroup(t *testing.T) {
	ours, theirs := wires(ofGroup18)
	if _, drop := ours.Judge(received(theirs.Append(nil, group18, 100, noon), lb1, group18), noon); drop != 0 {
		t.Error(drop)
	}
}

func far(c *WireConfig) { c.Peers = []Peer{{Address: lb1, MinTTL: 250, MaxTTL: 253}} }

func TestRefusedPackets(t *testing.T) {
	for _, tt := range refused {
		t.Run(tt.name, func(t *testing.T) {
			ours, theirs := wires(tt.ours)
			if _, drop := ours.Judge(tt.spoil(theirs), noon); drop != tt.want {
				t.Errorf("%s, want %s", drop, tt.want)
			}
		})
	}
}

// Each reason has a packet, here or in the tests of what came before.
func TestEachReasonHasAPacket(t *testing.T) {
	seen := map[Drop]bool{Looped: true, Replayed: true}
	for _, tt := range refused {
		seen[tt.want] = true
	}
	for _, d := range Drops() {
		if !seen[d] || d.String() == "" {
			t.Errorf("none for %d, %q", d, d)
		}
	}
}

// The checks come in keepalived's order: a packet that is wrong in many ways is refused
// for the first of them, and when that is mended for the next one.
func TestOrderOfChecks(t *testing.T) {
	ours, theirs := wires(passwords)
	spoils := []struct {
		want Drop
		mend func(*Packet)
	}{
		{BadTTL, func(p *Packet) { p.TTL, p.Dst = 255, lb2 }}, // that of unicast may be any
		{BadVersion, func(p *Packet) { p.Payload[0] = 0x22 }},
		{BadAuth, func(p *Packet) { p.Payload[4] = 1 }},
		{BadPassword, func(p *Packet) { copy(p.Payload[16:], secret12[:]) }},
		{BadInterval, func(p *Packet) { p.Payload[5] = 1 }},
		{BadType, func(p *Packet) { p.Payload[0] = 0x21 }},
		{BadLength, func(p *Packet) { p.Header[3]-- }},
		{BadChecksum, func(p *Packet) { copy(p.Payload, theirs.say(100).Payload) }},
		{BadDestination, func(p *Packet) { p.Dst = Group4 }},
	}
	p := theirs.say(100)
	p.TTL = 254
	p.Header[3]++
	copy(p.Payload, "\x32\x33\x64\x02\x00\x02\xff\xff")
	p.Payload = append(p.Payload[:16], "password"...)
	for _, s := range spoils {
		// As long as the version is wrong, so is the length that goes with it.
		q := p
		if s.want == BadTTL || s.want == BadVersion {
			q.Payload = p.Payload[:16]
		}
		if _, drop := ours.Judge(q, noon); drop != s.want {
			t.Errorf("%s, want %s", drop, s.want)
		}
		s.mend(&p)
	}
	if _, drop := ours.Judge(p, noon); drop != 0 {
		t.Errorf("when all is mended: %s", drop)
	}
}

// Of two mistakes the first one counts.
func TestOrderOfOtherChecks(t *testing.T) {
	for _, tt := range []struct {
		name  string
		ours  func(*WireConfig)
		spoil func(*Wire) Packet
		want  Drop
	}{
		{
			"signature and password",
			func(c *WireConfig) {
				passwords(c)
				c.Auth.Keys, c.Auth.Active, c.Auth.Window = keys12.Keys, 1, keys12.Window
			},
			func(w *Wire) Packet { w.own.Secret[0]++; p := w.say(100); p.Payload[20]++; return p },
			BadSignature,
		},
		{
			"destination and peer", unicast,
			func(w *Wire) Packet {
				w.cfg.Source = two4[0]
				return received(w.Append(nil, Group4, 100, noon), two4[0], Group4)
			},
			BadDestination,
		},
	} {
		ours, theirs := wires(tt.ours)
		if _, drop := ours.Judge(tt.spoil(theirs), noon); drop != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, drop, tt.want)
		}
	}
}

// The range of a peer's TTL includes its ends.
func TestDistanceOfPeers(t *testing.T) {
	for _, ttl := range []uint8{250, 253} {
		ours, theirs := wires(far)
		theirs.cfg.TTL = ttl
		if _, drop := ours.Judge(theirs.say(100), noon); drop != 0 {
			t.Errorf("%d: %s", ttl, drop)
		}
	}
}

// Addresses may come with the name of an interface.
func TestZones(t *testing.T) {
	zone := func(a netip.Addr) netip.Addr { return a.WithZone("eth0") }
	wire := func(source, peer netip.Addr) *Wire {
		w, _ := wires(overIPv6, func(c *WireConfig) { c.Source, c.Peers = zone(source), []Peer{{Address: zone(peer)}} })
		return w
	}
	ll2 := netip.MustParseAddr("fe80::2")
	ours, theirs := wire(ll2, ll1), wire(ll1, ll2)
	hear := func(want Drop) {
		t.Helper()
		p := received(theirs.Append(nil, zone(ll2), 100, noon), zone(ll1), zone(ll2))
		if _, drop := ours.Judge(p, noon); drop != want {
			t.Errorf("%s, want %s", drop, want)
		}
	}
	hear(0)
	if p := ours.peer(ll1); p == nil || p.forms[PseudoHeader] != noon {
		t.Error("it was not known for the peer that it is")
	}
	ours.SetSource(zone(ll1))
	hear(SameSource)

	ours = wire(ll1, ll2)
	hear(SameSource)
}

// Ethernet makes short packets longer, and that may show (2 addresses have room in it).
func TestPadding(t *testing.T) {
	for _, tt := range []struct {
		name    string
		padding int
		total   byte
		want    Drop
	}{
		{"padded", 10, 36, 0},
		{"padded, and counted", 10, 46, 0},
		{"counted wrongly", 10, 45, BadLength},
		{"padded too little", 6, 36, BadLength},
		{"padded too much", 14, 36, BadLength},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ours, theirs := wires()
			p := theirs.say(100)
			p.Payload = append(p.Payload, make([]byte, tt.padding)...)
			p.Header[3] = tt.total
			if _, drop := ours.Judge(p, noon); drop != tt.want {
				t.Errorf("%s, want %s", drop, tt.want)
			}
		})
	}
}

// A router tells its own packets that come back from those of another with its address.
func TestOwnPacketsAreNotForeign(t *testing.T) {
	w, _ := wires()
	p := w.say(100)
	for range 10 {
		w.say(100)
	}
	for i, want := range []Drop{Looped, Looped, Looped, Looped, SameSource, SameSource} {
		if _, drop := w.Judge(p, noon); drop != want {
			t.Errorf("packet %d: %s, want %s", i, drop, want)
		}
	}
	w.say(100)
	w.SetSource(lb3)
	q := p
	q.Src = lb3
	if _, drop := w.Judge(q, noon); drop != SameSource {
		t.Errorf("of what is its address now: %s", drop)
	}
	if _, drop := w.Judge(p, noon); drop != 0 {
		t.Errorf("of what was its address: %s", drop)
	}
	if p := w.say(100); p.Header[15] != 3 {
		t.Errorf("sent from %v", p.Header[12:16])
	}
}

// The sequence numbers of authentication headers grow for each sender by itself.
func TestSequenceOfAH(t *testing.T) {
	ours, first := wires(behindAH)
	third, _ := wires(behindAH, func(c *WireConfig) { c.Source = lb3 })
	first.sequence, third.sequence = 1000, 10
	p, q := first.say(100), third.say(100)
	for _, tt := range []struct {
		name string
		p    Packet
		want Drop
	}{{"one", p, 0}, {"another", q, 0}, {"one again", p, Replayed}, {"another again", q, Replayed}, {"the next", third.say(100), 0}} {
		if _, drop := ours.Judge(tt.p, noon); drop != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, drop, tt.want)
		}
	}
	// It goes on from the highest, since keepalived has one count for all.
	p = ours.say(100)
	if got, _, _ := ours.ah.check(p.Header, p.Payload); got != 1002 {
		t.Errorf("sequence %d, want 1002", got)
	}
}

// What was refused for another reason does not move the mark.
func TestRefusedPacketsMoveNoMark(t *testing.T) {
	ours, theirs := wires(behindAH)
	p := theirs.say(100)
	p.TTL = 254
	if _, drop := ours.Judge(p, noon); drop != BadTTL {
		t.Fatalf("%s", drop)
	}
	p.TTL = 255
	if _, drop := ours.Judge(p, noon); drop != 0 {
		t.Errorf("then: %s", drop)
	}
}

func TestSameAddresses(t *testing.T) {
	a, b, c := two4[0], two4[1], lb3
	for _, tt := range []struct {
		addresses []netip.Addr
		same      bool
	}{
		{[]netip.Addr{a, b}, true},
		{[]netip.Addr{b, a}, true},
		{[]netip.Addr{a}, false},
		{[]netip.Addr{a, c}, false},
		{[]netip.Addr{a, b, c}, false},
		{[]netip.Addr{a, a}, false},
	} {
		ours, theirs := wires()
		theirs.own.Addresses = tt.addresses
		if _, drop := ours.Judge(theirs.say(100), noon); drop != 0 || ours.in.same != tt.same {
			t.Errorf("%v: drop %s, same %t", tt.addresses, drop, ours.in.same)
		}
	}
}
