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
		{V3, IPv6, 1500, Authentication{}, 89},
		{V3, IPv6, 1484, Authentication{}, 88}, // as keepalived 2.2.7
		{V3, IPv6, 1488, Authentication{}, 89},
		{V3, IPv6, 1504, Authentication{}, 90},
		{V2, IPv6, 1500, Authentication{}, 89},
		{V3, IPv6, 48 + 16 + 28 + 16*7, keys, 7},
		{V3, IPv6, 9000, Authentication{}, 255},
		{V3, IPv4, 20, Authentication{}, 0},
		{V3, IPv4, 28 + 4*7, Authentication{Kind: AH}, 7}, // version 2 over IPv4 alone has it
		{V2, IPv6, 48 + 16 + 16*7, Authentication{Kind: AH}, 7},
	} {
		if got := Capacity(tt.version, tt.family, tt.mtu, tt.auth); got != tt.want {
			t.Errorf("%+v: %d", tt, got)
		}
	}
}

// What was counted goes on, or the others would take new adverts for old ones.
func TestReconfigureGoesOnCounting(t *testing.T) {
	hmacs := func(c *WireConfig) {
		c.Auth = Authentication{Keys: map[uint8][]byte{1: make([]byte, 32)}, Active: 1, Window: time.Minute}
	}
	for name, change := range map[string]func(*WireConfig){"AH": behindAH, "HMAC": hmacs} {
		ours, theirs := wires(change)
		for range 3 {
			if _, drop := ours.Judge(theirs.say(100), noon); drop != 0 {
				t.Fatal(name, drop)
			}
		}
		replayed := theirs.say(100)
		cfg := theirs.cfg
		cfg.Addresses, cfg.Source = cfg.Addresses[:1], netip.Addr{}
		theirs.Reconfigure(cfg)
		ours.Reconfigure(ours.cfg)
		advert, drop := ours.Judge(theirs.say(100), noon)
		if drop != 0 || len(advert.Addresses) != 1 {
			t.Errorf("%s: %v with %d addresses", name, drop, len(advert.Addresses))
		}
		if _, drop := ours.Judge(replayed, noon); drop != Replayed {
			t.Errorf("%s: an older advert is %v", name, drop)
		}
	}
}

func TestReconfigureKeepsWhatWasLearnt(t *testing.T) {
	ours, theirs := wires(func(c *WireConfig) { c.Checksum = Auto })
	theirs.cfg.Checksum = WithoutIt
	ours.Judge(theirs.say(100), noon)
	ours.Record(0)
	ours.Reconfigure(ours.cfg)
	if form := ours.Form(); form != MessageOnly {
		t.Errorf("it sends %s", form)
	}
	if len(ours.AppendSenders(nil)) != 1 {
		t.Error("who was heard is forgotten")
	}
}
