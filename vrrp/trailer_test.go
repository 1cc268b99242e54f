package vrrp

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// The wire images of the appendix of the draft, which keepalived's own test has, too:
// key 00 to 1f, VRID 51, priority 200. Over IPv4 the checksum is of the message only.
var images = []struct {
	name               string
	src, dst, address  netip.Addr
	checksum           Checksum
	peersOfUs, ofOther []Peer
	bytes              string
}{
	{
		"IPv4", netip.MustParseAddr("198.51.100.10"), Group4, netip.MustParseAddr("192.0.2.100"), WithoutIt, nil, nil,
		"3133c80100644402c0000264" + "010100006800000080000000" + "1b84bc4e8e43892dc6d98448f8ee2265",
	},
	{
		"IPv6", netip.MustParseAddr("fe80::10"), netip.MustParseAddr("fe80::20"), netip.MustParseAddr("fe80::100"), Auto,
		[]Peer{{Address: netip.MustParseAddr("fe80::10")}},
		[]Peer{{Address: netip.MustParseAddr("fe80::20")}},
		"3133c8010064a2e9" + "fe800000000000000000000000000100" + "010100006800000080000000" + "c8c56146ebfd66ee10ec4d8186461b78",
	},
}

// signedAt is the stamp of the images.
var signedAt = time.Unix(0x68000000, 500_000_000)

func imageKeys() Authentication {
	key := make([]byte, 32)
	for i := range key {
		key[i] = byte(i)
	}
	return Authentication{Keys: map[uint8][]byte{1: key}, Active: 1, Window: 5 * time.Second}
}

func TestTrailerOfKeepalived(t *testing.T) {
	for _, tt := range images {
		t.Run(tt.name, func(t *testing.T) {
			cfg := WireConfig{
				Version: V3, VRID: 51, Interval: time.Second, Addresses: []netip.Addr{tt.address},
				Checksum: tt.checksum, Auth: imageKeys(), Source: tt.src, Peers: tt.ofOther,
			}
			other := NewWire(cfg)
			p := received(other.Append(nil, tt.dst, 200, signedAt), tt.src, tt.dst)
			if got := hex.EncodeToString(p.Payload); got != tt.bytes {
				t.Errorf("made\n%s, want\n%s", got, tt.bytes)
			}
			cfg.Peers = tt.peersOfUs
			if cfg.Source = tt.dst; tt.dst.IsMulticast() {
				cfg.Source = netip.MustParseAddr("198.51.100.20")
			}
			p.Payload = bytesOf(t, tt.bytes)
			if got, drop := NewWire(cfg).Judge(p, signedAt); drop != 0 || got.Priority != 200 {
				t.Errorf("heard %+v, drop %s", got, drop)
			}
		})
	}
}

// The signature of version 2, worked out the long way.
func TestTrailerOfVersion2(t *testing.T) {
	ours, _ := wires(signed, version2)
	got := ours.say(100).Payload
	advert, trailer := slices.Clone(got[:len(got)-28]), got[len(got)-28:]
	advert[6], advert[7] = 0, 0
	mac := hmac.New(sha256.New, keys12.Keys[1])
	mac.Write([]byte{4, 2, 51, 0, 198, 18, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	mac.Write(advert)
	mac.Write(trailer[:12])
	mac.Write(make([]byte, 16))
	if want := mac.Sum(nil)[:16]; !hmac.Equal(trailer[12:], want) {
		t.Errorf("%x, want %x", trailer[12:], want)
	}
}

// All that the signature covers is covered.
func TestForgedAdverts(t *testing.T) {
	for _, tt := range []struct {
		name  string
		forge func(*Packet)
		want  Drop
	}{
		{"priority", func(p *Packet) { p.Payload[2]++ }, BadSignature},
		{"interval", func(p *Packet) { p.Payload[5]++ }, BadSignature},
		{"an address", func(p *Packet) { p.Payload[15]++ }, BadSignature},
		{"seconds", func(p *Packet) { p.Payload[23]++ }, BadSignature},
		{"counter", func(p *Packet) { p.Payload[27]++ }, BadSignature},
		{"source", func(p *Packet) { p.Src = lb3 }, BadSignature},
		{"another key", func(p *Packet) { p.Payload[17] = 2 }, BadSignature},
		{"checksum", func(p *Packet) { p.Payload[6]++ }, BadChecksum},
	} {
		ours, theirs := wires(signed)
		p := theirs.say(100)
		tt.forge(&p)
		if _, drop := ours.Judge(p, noon); drop != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, drop, tt.want)
		}
	}
}

// All keys are heard, whichever is active.
func TestOtherActiveKey(t *testing.T) {
	ours, theirs := wires(signed)
	theirs.keys.active = 2
	if _, drop := ours.Judge(theirs.say(100), noon); drop != 0 {
		t.Error(drop)
	}
	theirs.keys.active = 3 // there is none: it is not a reason to panic
	if _, drop := ours.Judge(theirs.say(100), noon); drop != UnknownKey {
		t.Error(drop)
	}
}

func TestReplays(t *testing.T) {
	ours, theirs := wires(signed)
	third, _ := wires(signed, func(c *WireConfig) { c.Source = lb3 })
	second := func(n int) time.Time { return noon.Add(time.Duration(n) * time.Second) }
	first, next, of3 := theirs.sayAt(second(0)), theirs.sayAt(second(1)), third.sayAt(second(0))
	for _, tt := range []struct {
		name string
		p    Packet
		at   int
		want Drop
	}{
		{"the first", first, 0, 0},
		{"again", first, 0, Replayed},
		{"the next", next, 1, 0},
		{"the first again", first, 2, Replayed},
		{"of another router", of3, 2, 0},
		{"the next again", next, 6, Replayed},
		{"and when it is out of time", next, 7, BadClock},
	} {
		if _, drop := ours.Judge(tt.p, second(tt.at)); drop != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, drop, tt.want)
		}
	}
}

// A clock that was far ahead and is set back shuts nobody out.
func TestClocksThatAreSetBack(t *testing.T) {
	ours, theirs := wires(signed)
	later := noon.Add(time.Hour)
	for _, wall := range []time.Time{later, noon} {
		if _, drop := ours.Judge(theirs.sayAt(wall), wall); drop != 0 {
			t.Errorf("at %s: %s", wall, drop)
		}
	}
}

// Stamps grow when the time does not.
func TestStampsGrow(t *testing.T) {
	k := newKeyring(keys12, newMarks(0))
	var last uint64
	for i, wall := range []time.Time{noon, noon, noon.Add(-2 * time.Second), noon, noon.Add(time.Second)} {
		got := k.nextStamp(wall)
		if got <= last {
			t.Errorf("%d: %x after %x", i, got, last)
		}
		last = got
	}
	if want := uint64(noon.Unix()+1) << 32; last != want {
		t.Errorf("%x, want %x", last, want)
	}
	k.last = 0xffffffff_ffffffff // the year 2106
	if got := k.nextStamp(time.Unix(1<<32-1, 999_999_999)); got != 0 {
		t.Errorf("%x after the last one", got)
	}
	k.last = 0xffffffff_ffff0000
	if got := k.nextStamp(time.Unix(1<<32, 500_000_000)); got != 0x80000000 {
		t.Errorf("%x in the year after", got)
	}
}

// A mark goes when there is no room, and that is the one that was set the longest ago.
func TestMarks(t *testing.T) {
	m := newMarks(0)
	from := func(n int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, 0, byte(n)}) }
	for n := range minMarks {
		m.set(from(n), uint64(n))
	}
	m.set(from(0), 100)
	m.set(from(99), 1)
	if m.find(from(1)) != nil || m.find(from(0)).value != 100 || m.find(from(2)) == nil || m.find(from(99)) == nil {
		t.Errorf("%+v", m)
	}
	for n := range 40 {
		if m := newMarks(n); len(m.slots) < n || len(m.slots) < minMarks {
			t.Errorf("%d marks for %d peers", len(m.slots), n)
		}
	}
}
