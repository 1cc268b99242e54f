package vrrp

import (
	"encoding/hex"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
)

var (
	lb1 = netip.MustParseAddr("198.18.0.1")
	lb2 = netip.MustParseAddr("198.18.0.2")
	ll1 = netip.MustParseAddr("fe80::1")

	two4 = []netip.Addr{netip.MustParseAddr("198.18.0.100"), netip.MustParseAddr("198.18.0.101")}
	two6 = []netip.Addr{netip.MustParseAddr("fe80::100"), netip.MustParseAddr("2001:db8::100")}
)

// golden are adverts as keepalived 2.2.7 sent them, from the header of VRRP on.
var golden = []struct {
	name     string
	src, dst netip.Addr
	form     Form
	advert   Advert
	bytes    string
}{
	{
		"version 2", lb1, Group4, PseudoHeader,
		Advert{Version: V2, VRID: 51, Priority: 200, Interval: time.Second, Addresses: two4},
		"2133c802000189dac6120064c61200650000000000000000",
	},
	{
		"version 2 with a password", lb1, Group4, PseudoHeader,
		Advert{Version: V2, VRID: 51, Priority: 200, Interval: time.Second, Addresses: two4, Auth: Password, Secret: Secret([]byte("secret12"))},
		"2133c80201011b5cc6120064c61200657365637265743132",
	},
	{
		"version 2 behind AH", lb1, Group4, PseudoHeader,
		Advert{Version: V2, VRID: 51, Priority: 200, Interval: time.Second, Addresses: two4, Auth: AH},
		"2133c802020187dac6120064c61200650000000000000000",
	},
	{
		"version 2 over IPv6", ll1, Group6, PseudoHeader,
		Advert{Version: V2, VRID: 51, Priority: 200, Interval: time.Second, Addresses: two6},
		"2133c8020001ea5ffe80000000000000000000000000010020010db8000000000000000000000100",
	},
	{
		"version 3", lb1, Group4, PseudoHeader,
		Advert{Version: V3, VRID: 51, Priority: 200, Interval: 100 * time.Millisecond, Addresses: two4},
		"3133c802000ad32ac6120064c6120065",
	},
	{
		"version 3 to one peer", lb1, lb2, PseudoHeader,
		Advert{Version: V3, VRID: 51, Priority: 200, Interval: time.Second, Addresses: two4},
		"3133c8020064eccec6120064c6120065",
	},
	{
		"version 3 over IPv6", ll1, Group6, PseudoHeader,
		Advert{Version: V3, VRID: 51, Priority: 200, Interval: 50 * time.Millisecond, Addresses: two6},
		"3133c8020005da5bfe80000000000000000000000000010020010db8000000000000000000000100",
	},
}

func TestAdvertsOfKeepalived(t *testing.T) {
	for _, tt := range golden {
		t.Run(tt.name, func(t *testing.T) {
			if got := hex.EncodeToString(tt.advert.AppendTo(nil, tt.src, tt.dst, tt.form)); got != tt.bytes {
				t.Errorf("encoded\n%s, want\n%s", got, tt.bytes)
			}
			data, _ := hex.DecodeString(tt.bytes)
			var got Advert
			trailer, form, drop := got.Decode(data, tt.src, tt.dst)
			if len(trailer) > 0 || form != tt.form || drop != 0 || !reflect.DeepEqual(got, tt.advert) {
				t.Errorf("decoded %+v, form %s, drop %s, trailer %x", got, form, drop, trailer)
			}
		})
	}
}

// Version 3 over IPv4 is heard in each form of checksum, and the form is told.
func TestFormsOfChecksums(t *testing.T) {
	advert := Advert{Version: V3, VRID: 51, Priority: 200, Interval: time.Second, Addresses: two4}
	for _, form := range []Form{PseudoHeader, MessageOnly, MulticastPseudoHeader} {
		data := advert.AppendTo(nil, lb1, lb2, form)
		var got Advert
		if _, heard, drop := got.Decode(data, lb1, lb2); heard != form || drop != 0 {
			t.Errorf("%s: heard as %s, drop %s", form, heard, drop)
		}
	}
}

func TestWhatFollowsAnAdvert(t *testing.T) {
	for _, src := range []netip.Addr{lb1, ll1} {
		advert := Advert{Version: V3, VRID: 51, Priority: 200, Interval: time.Second, Addresses: two4}
		dst := Group4
		if src.Is6() {
			advert.Addresses, dst = two6, Group6
		}
		trailer := strings.Repeat("t", 28)
		data := append(advert.AppendTo(nil, src, dst, PseudoHeader), trailer...)
		if src.Is6() { // the kernel's checksum covers it
			data[6], data[7] = 0, 0
			c := ^fold(PseudoHeader.pseudo(V3, src, dst, len(data)) + sum(data))
			data[6], data[7] = byte(c>>8), byte(c)
		}
		var got Advert
		rest, _, drop := got.Decode(data, src, dst)
		if drop != 0 || string(rest) != trailer {
			t.Errorf("from %s: %q, drop %s", src, rest, drop)
		}
	}
}

func TestRefusedAdverts(t *testing.T) {
	change := func(at int, to byte) func([]byte) []byte {
		return func(b []byte) []byte { b[at] = to; return b }
	}
	for _, tt := range []struct {
		name   string
		spoil  func([]byte) []byte
		want   Drop
		honest bool // its checksum is right
	}{
		{"nothing", func([]byte) []byte { return nil }, BadLength, false},
		{"half a header", func(b []byte) []byte { return b[:7] }, BadLength, false},
		{"an address too few", func(b []byte) []byte { return b[:len(b)-1] }, BadLength, false},
		{"a count too high", change(3, 3), BadLength, true},
		{"version 1", change(0, 0x11), BadVersion, true},
		{"version 4", change(0, 0x41), BadVersion, true},
		{"another type", change(0, 0x32), BadType, true},
		{"a flipped bit", change(2, 201), BadChecksum, false},
		{"no interval", change(5, 0), NoInterval, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			advert := Advert{Version: V3, VRID: 51, Priority: 200, Interval: time.Second, Addresses: two4}
			data := tt.spoil(advert.AppendTo(nil, lb1, Group4, PseudoHeader))
			if tt.honest {
				data[6], data[7] = 0, 0
				c := ^fold(PseudoHeader.pseudo(V3, lb1, Group4, len(data)) + sum(data))
				data[6], data[7] = byte(c>>8), byte(c)
			}
			var got Advert
			if _, _, drop := got.Decode(data, lb1, Group4); drop != tt.want {
				t.Errorf("%s, want %s", drop, tt.want)
			}
		})
	}
}

// Adverts of a router without addresses, their checksums worked out by hand.
func TestAdvertsWithoutAddresses(t *testing.T) {
	for _, tt := range []struct {
		name     string
		src, dst netip.Addr
		advert   Advert
		bytes    string
	}{
		{"version 2", lb1, Group4, Advert{Version: V2, VRID: 51, Priority: 200, Interval: time.Second}, "2133c800000116cb0000000000000000"},
		{"version 3", lb1, Group4, Advert{Version: V3, VRID: 51, Priority: 200, Interval: time.Second}, "3133c80000645fc9"},
		{"version 3 over IPv6", ll1, Group6, Advert{Version: V3, VRID: 51, Priority: 200, Interval: time.Second}, "3133c80000640859"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := hex.EncodeToString(tt.advert.AppendTo(nil, tt.src, tt.dst, PseudoHeader)); got != tt.bytes {
				t.Errorf("encoded %s, want %s", got, tt.bytes)
			}
			data, _ := hex.DecodeString(tt.bytes)
			var got Advert
			trailer, _, drop := got.Decode(data, tt.src, tt.dst)
			if len(trailer) > 0 || drop != 0 || !reflect.DeepEqual(got, tt.advert) {
				t.Errorf("decoded %+v, drop %s, trailer %x", got, drop, trailer)
			}
		})
	}
}

// What is reserved in version 3 is not heeded (RFC 9568 section 5.2.6).
func TestReservedBits(t *testing.T) {
	advert := Advert{Version: V3, VRID: 51, Priority: 200, Interval: V3.MaxInterval(), Addresses: two4}
	data := advert.AppendTo(nil, lb1, Group4, MessageOnly)
	data[4] |= 0xf0
	data[6], data[7] = 0, 0
	c := ^fold(sum(data))
	data[6], data[7] = byte(c>>8), byte(c)
	var got Advert
	if _, _, drop := got.Decode(data, lb1, Group4); drop != 0 || got.Interval != 40950*time.Millisecond {
		t.Errorf("interval %s, drop %s", got.Interval, drop)
	}
}

func TestCodecAllocatesNothing(t *testing.T) {
	for _, tt := range golden {
		data, _ := hex.DecodeString(tt.bytes)
		buf := make([]byte, 0, 256)
		got := Advert{Addresses: make([]netip.Addr, 0, 255)}
		if n := testing.AllocsPerRun(100, func() {
			buf = tt.advert.AppendTo(buf[:0], tt.src, tt.dst, tt.form)
			got.Decode(data, tt.src, tt.dst)
		}); n > 0 {
			t.Errorf("%s: %v allocations", tt.name, n)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, tt := range golden {
		data, _ := hex.DecodeString(tt.bytes)
		f.Add(data, tt.src.Is6())
	}
	f.Fuzz(func(t *testing.T, data []byte, ipv6 bool) {
		src, dst := lb1, Group4
		if ipv6 {
			src, dst = ll1, Group6
		}
		var got Advert
		trailer, form, drop := got.Decode(data, src, dst)
		if drop != 0 {
			if drop.String() == "" {
				t.Errorf("drop %d has no name", drop)
			}
			return
		}
		if len(trailer) > 0 {
			return // over IPv6 the checksum is that of both
		}
		again := got.AppendTo(nil, src, dst, form)
		if got.Version == V3 {
			data[4] &= 0xf // reserved
			again[6], again[7], data[6], data[7] = 0, 0, 0, 0
		}
		if string(again) != string(data) {
			t.Errorf("%x was read as %+v and written as %x", data, got, again)
		}
	})
}
