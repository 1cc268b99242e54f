package vrrp

import (
	"encoding/hex"
	"testing"
)

// As keepalived 2.2.7 sent it, with the password "secret12".
const (
	goldenIP     = "45c0004400010000ff3314a0c6120001e0000012"
	goldenAH     = "70040000c6120001000000016e6d3ac21661062290ca2092"
	goldenBehind = "2133c802020187dac6120064c61200650000000000000000"
)

func bytesOf(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestAHOfKeepalived(t *testing.T) {
	s := newSigner(Secret([]byte("secret12")))
	ip, header, advert := bytesOf(t, goldenIP), bytesOf(t, goldenAH), bytesOf(t, goldenBehind)
	if got := s.appendHeader(nil, ip, advert, 1); string(got) != string(header) {
		t.Errorf("made %x, want %x", got, header)
	}
	sequence, behind, drop := s.check(ip, append(header, advert...))
	if sequence != 1 || string(behind) != string(advert) || drop != 0 {
		t.Errorf("sequence %d, %x, drop %s", sequence, behind, drop)
	}
}

func TestRefusedAH(t *testing.T) {
	packet := func() []byte { return append(bytesOf(t, goldenAH), bytesOf(t, goldenBehind)...) }
	for _, tt := range []struct {
		name  string
		spoil func(ip, packet []byte) []byte
		want  Drop
	}{
		{"half of it", func(_, p []byte) []byte { return p[:ahLength-1] }, BadLength},
		{"another next header", func(_, p []byte) []byte { p[0] = 6; return p }, BadAH},
		{"another length", func(_, p []byte) []byte { p[1] = 5; return p }, BadAH},
		{"another SPI", func(_, p []byte) []byte { p[7] = 9; return p }, BadAH},
		{"another sequence number", func(_, p []byte) []byte { p[11] = 2; return p }, BadSignature},
		{"another advert", func(_, p []byte) []byte { p[ahLength+2] = 201; return p }, BadSignature},
		{"another TTL", func(ip, p []byte) []byte { ip[8] = 254; return p }, BadSignature},
		{"another TOS", func(ip, p []byte) []byte { ip[1] = 0; return p }, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ip := bytesOf(t, goldenIP)
			if _, _, drop := newSigner(Secret([]byte("secret12"))).check(ip, tt.spoil(ip, packet())); drop != tt.want {
				t.Errorf("%s, want %s", drop, tt.want)
			}
		})
	}
	if _, _, drop := newSigner(Secret([]byte("secret13"))).check(bytesOf(t, goldenIP), packet()); drop != BadSignature {
		t.Errorf("another key: %s", drop)
	}
}

// The TTL of a unicast may change on the way.
func TestAHOfUnicast(t *testing.T) {
	s := newSigner(Secret{})
	ip, advert := bytesOf(t, goldenIP), bytesOf(t, goldenBehind)
	copy(ip[16:], lb2.AsSlice())
	packet := append(s.appendHeader(nil, ip, advert, 7), advert...)
	ip[8]--
	if sequence, _, drop := s.check(ip, packet); sequence != 7 || drop != 0 {
		t.Errorf("sequence %d, drop %s", sequence, drop)
	}
}

func TestAHAllocatesNothing(t *testing.T) {
	s := newSigner(Secret{})
	ip, advert := bytesOf(t, goldenIP), bytesOf(t, goldenBehind)
	buf := make([]byte, 0, 128)
	if n := testing.AllocsPerRun(100, func() {
		buf = append(s.appendHeader(buf[:0], ip, advert, 7), advert...)
		s.check(ip, buf)
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzCheck(f *testing.F) {
	f.Add(append(bytesOf(f, goldenAH), bytesOf(f, goldenBehind)...))
	s, ip := newSigner(Secret{}), bytesOf(f, goldenIP)
	f.Fuzz(func(t *testing.T, packet []byte) {
		if _, advert, drop := s.check(ip, packet); drop == 0 && len(advert) != len(packet)-ahLength {
			t.Errorf("%d bytes of %d", len(advert), len(packet))
		}
	})
}
