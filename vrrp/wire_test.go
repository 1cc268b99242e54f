package vrrp

import (
	"encoding/hex"
	"net/netip"
	"slices"
	"testing"
	"time"
)

var noon = time.Unix(1_800_000_000, 0)

// wire makes one with the source lb2, changed by the given functions, beside one of lb1
// that is set up alike.
func wires(change ...func(*WireConfig)) (ours, theirs *Wire) {
	cfg := WireConfig{Version: V3, VRID: 51, Interval: time.Second, Source: lb2, Addresses: two4}
	for _, c := range change {
		c(&cfg)
	}
	peer := cfg
	if peer.Source = lb1; cfg.Source.Is6() {
		peer.Source = ll1
	}
	for _, p := range cfg.Peers {
		if p.Address == peer.Source {
			peer.Peers = []Peer{{Address: cfg.Source}}
		}
	}
	return NewWire(cfg), NewWire(peer)
}

func version2(c *WireConfig)  { c.Version = V2 }
func overIPv6(c *WireConfig)  { c.Source, c.Addresses = netip.MustParseAddr("fe80::2"), two6 }
func unicast(c *WireConfig)   { c.Peers = []Peer{{Address: lb1}, {Address: lb3}} }
func behindAH(c *WireConfig)  { version2(c); c.Auth = Authentication{Kind: AH, Secret: secret12} }
func passwords(c *WireConfig) { version2(c); c.Auth = Authentication{Kind: Password, Secret: secret12} }

var (
	lb3      = netip.MustParseAddr("198.18.0.3")
	secret12 = Secret([]byte("secret12"))
)

// received is a packet that Append made, as the kernel hands it to us.
func received(b []byte, src, dst netip.Addr) Packet {
	if src.Is6() {
		return Packet{Src: src, Dst: dst, TTL: 255, Protocol: protocol, Payload: b}
	}
	return Packet{Src: src, Dst: dst, TTL: b[8], Header: b[:20:20], Protocol: b[9], Payload: b[20:]}
}

// say returns what a router sends where the other one hears it.
func (w *Wire) say(priority uint8) Packet { return w.sends(priority, noon) }

func (w *Wire) sayAt(wall time.Time) Packet { return w.sends(100, wall) }

func (w *Wire) sends(priority uint8, wall time.Time) Packet {
	dst := w.family.Group()
	if w.unicast() {
		dst = w.cfg.Peers[0].Address
	}
	return received(w.Append(nil, dst, priority, wall), w.cfg.Source, dst)
}

func TestPacketOfKeepalived(t *testing.T) {
	_, w := wires(behindAH)
	want := goldenIP + goldenAH + goldenBehind
	if got := hex.EncodeToString(w.Append(nil, Group4, 200, noon)); got != want {
		t.Errorf("made\n%s, want\n%s", got, want)
	}
}

func TestIPv4Header(t *testing.T) {
	for _, tt := range []struct {
		name  string
		ttl   uint8
		dst   netip.Addr
		count int
		want  string // the header, its checksum worked out by hand
	}{
		{"multicast", 64, Group4, 1, "45c0002400010000ff701482c6120002e0000012"},
		{"the second", 0, Group4, 2, "45c0002400020000ff701481c6120002e0000012"},
		{"to a peer", 0, lb1, 1, "45c0002400010000ff702e81c6120002c6120001"},
		{"to a distant peer", 64, lb1, 1, "45c00024000100004070ed81c6120002c6120001"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w, _ := wires(func(c *WireConfig) { c.TTL = tt.ttl })
			var got []byte
			for range tt.count {
				got = w.Append([]byte("before"), tt.dst, 100, noon)
			}
			if got := hex.EncodeToString(got[6:26]); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

func TestIdentificationIsNeverZero(t *testing.T) {
	w, _ := wires()
	w.id = 0xffff
	if got := w.Append(nil, Group4, 100, noon); got[4] != 0 || got[5] != 1 {
		t.Errorf("identification %x", got[4:6])
	}
}

// What one says the other one hears.
func TestWires(t *testing.T) {
	for name, change := range map[string]func(*WireConfig){
		"version 3":           func(*WireConfig) {},
		"version 3, unicast":  unicast,
		"version 3, IPv6":     overIPv6,
		"version 2":           version2,
		"version 2, IPv6":     func(c *WireConfig) { version2(c); overIPv6(c) },
		"version 2, password": passwords,
		"version 2, AH":       behindAH,
		"AH, unicast":         func(c *WireConfig) { behindAH(c); unicast(c) },
		"signed":              signed,
		"signed, version 2": func(c *WireConfig) {
			passwords(c)
			c.Auth.Keys, c.Auth.Active, c.Auth.Window = keys12.Keys, 1, keys12.Window
		},
		"signed, IPv6":     func(c *WireConfig) { signed(c); overIPv6(c) },
		"signed, unicast":  func(c *WireConfig) { signed(c); unicast(c) },
		"without a header": func(c *WireConfig) { c.Checksum = WithoutIt },
	} {
		t.Run(name, func(t *testing.T) {
			ours, theirs := wires(change)
			for range 3 {
				got, drop := ours.Judge(theirs.say(150), noon)
				if drop != 0 || got.VRID != 51 || got.Priority != 150 || got.Interval != time.Second || !slices.Equal(got.Addresses, ours.cfg.Addresses) {
					t.Errorf("heard %+v, drop %s", got, drop)
				}
			}
		})
	}
}

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
	{"with AH", version2, func(w *Wire) Packet { w.ah, w.own.Auth = NewSigner(secret12), AH; return w.say(100) }, UnexpectedAH},
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
	{"with another key", behindAH, func(w *Wire) Packet { w.ah = NewSigner(Secret{}); return w.say(100) }, BadSignature},
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
	{"of an unknown peer", unicast, func(w *Wire) Packet { w.cfg.Source = netip.MustParseAddr("198.18.0.9"); return w.say(100) }, UnknownPeer},
	{"of too near a peer", far, func(w *Wire) Packet { w.cfg.TTL = 254; return w.say(100) }, BadDistance},
	{"of too far a peer", far, func(w *Wire) Packet { w.cfg.TTL = 249; return w.say(100) }, BadDistance},
	{"no interval", alike, func(w *Wire) Packet { w.own.Interval = 0; return w.say(100) }, NoInterval},
	{"no addresses", alike, func(w *Wire) Packet { w.own.Addresses = nil; return w.say(100) }, NoAddresses},
}

func alike(*WireConfig) {}

func signed(c *WireConfig) { c.Auth = keys12 }

var keys12 = Authentication{
	Keys:   map[uint8][]byte{1: []byte("0123456789abcdef0123456789abcdef"), 2: []byte("fedcba9876543210fedcba9876543210")},
	Active: 1,
	Window: 5 * time.Second,
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
	if got, _, _ := ours.ah.Check(p.Header, p.Payload); got != 1002 {
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

func TestAutomaticForm(t *testing.T) {
	hears := func(ours, theirs *Wire, choice Checksum, wall time.Time) {
		t.Helper()
		theirs.cfg.Checksum = choice
		if _, drop := ours.Judge(theirs.say(100), wall); drop != 0 {
			t.Fatalf("heard with %d: %s", choice, drop)
		}
	}
	ours, theirs := wires()
	sends := func(want Form) {
		t.Helper()
		if got := ours.form(Group4); got != want {
			t.Errorf("sends with %s, want %s", got, want)
		}
	}
	sends(PseudoHeader)
	hears(ours, theirs, WithoutIt, noon)
	sends(MessageOnly)
	hears(ours, theirs, WithPseudoHeader, noon)
	sends(PseudoHeader)
	hears(ours, theirs, WithoutIt, noon.Add(lately-1))
	sends(PseudoHeader)
	hears(ours, theirs, WithoutIt, noon.Add(lately))
	sends(MessageOnly) // and it stays with that, whatever the time
	ours.cfg.Checksum = WithPseudoHeader
	sends(PseudoHeader)
	ours.cfg.Checksum = WithoutIt
	sends(MessageOnly)
}

// Each peer has its own form, and an old keepalived the one that it knows.
func TestAutomaticFormOfPeers(t *testing.T) {
	ours, theirs := wires(unicast)
	p := theirs.say(100)
	p.Payload = theirs.own.AppendTo(nil, lb1, lb2, MulticastPseudoHeader)
	if _, drop := ours.Judge(p, noon); drop != 0 {
		t.Fatal(drop)
	}
	if to1, to3 := ours.form(lb1), ours.form(lb3); to1 != MulticastPseudoHeader || to3 != PseudoHeader {
		t.Errorf("%s and %s", to1, to3)
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

func TestWireAllocatesNothing(t *testing.T) {
	for name, change := range map[string]func(*WireConfig){
		"version 3": alike, "password": passwords, "AH": behindAH, "IPv6": overIPv6, "unicast": unicast, "signed": signed,
	} {
		ours, theirs := wires(change)
		buf := make([]byte, 0, 256)
		dst := theirs.family.Group()
		if theirs.unicast() {
			dst = ours.cfg.Source
		}
		if n := testing.AllocsPerRun(100, func() {
			buf = theirs.Append(buf[:0], dst, 100, noon)
			if _, drop := ours.Judge(received(buf, theirs.cfg.Source, dst), noon); drop != 0 {
				t.Fatalf("%s: %s", name, drop)
			}
		}); n > 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func TestCapacity(t *testing.T) {
	keys := Authentication{Keys: map[uint8][]byte{1: make([]byte, 32)}}
	for _, tt := range []struct {
		version Version
		family  Family
		mtu     int
		auth    Authentication
		want    int
	}{
		{V3, IPv4, 1500, Authentication{}, 255},
		{V3, IPv4, 28 + 4*7, Authentication{}, 7},
		{V3, IPv4, 28 + 4*7 + 3, Authentication{}, 7},
		{V2, IPv4, 36 + 4*7, Authentication{}, 7},
		{V2, IPv4, 36 + 4*7, Authentication{Kind: Password}, 7},
		{V2, IPv4, 36 + 24 + 4*7, Authentication{Kind: AH}, 7},
		{V3, IPv4, 28 + 28 + 4*7, keys, 7},
		{V3, IPv6, 1500, Authentication{}, 90},
		{V2, IPv6, 1500, Authentication{}, 90},
		{V3, IPv6, 48 + 28 + 16*7, keys, 7},
		{V3, IPv6, 9000, Authentication{}, 255},
		{V3, IPv4, 20, Authentication{}, 0},
		{V3, IPv4, 28 + 4*7, Authentication{Kind: AH}, 7}, // version 2 over IPv4 alone has it
		{V2, IPv6, 48 + 16*7, Authentication{Kind: AH}, 7},
	} {
		if got := Capacity(tt.version, tt.family, tt.mtu, tt.auth); got != tt.want {
			t.Errorf("%+v: %d", tt, got)
		}
	}
}
