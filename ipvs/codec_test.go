package ipvs

import (
	"net/netip"
	"testing"

	lvs "github.com/cloudflare/ipvs"
	"pgregory.net/rapid"
)

func TestServiceCodec(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		key, want := drawKey(t), drawBalancing(t)
		gotKey, got := fromService(toService(key, want))
		want.Persistence.Engine = "" // which the library does not know
		if gotKey != key || got != want {
			t.Errorf("got %v %+v, want %v %+v", gotKey, got, key, want)
		}
	})
}

func TestServerCodec(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := drawServer(t)
		if got := fromServer(toServer(want)); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}

func drawKey(t *rapid.T) Key {
	if rapid.Bool().Draw(t, "mark") {
		return KeyOfMark(rapid.Uint32Min(1).Draw(t, "mark"), rapid.SampledFrom([]Family{IPv4, IPv6}).Draw(t, "family"))
	}
	return KeyOf(rapid.SampledFrom([]Protocol{TCP, UDP, SCTP}).Draw(t, "protocol"), drawAddress(t))
}

func drawAddress(t *rapid.T) netip.AddrPort {
	length := rapid.SampledFrom([]int{4, 16}).Draw(t, "length")
	a, _ := netip.AddrFromSlice(rapid.SliceOfN(rapid.Byte(), length, length).Draw(t, "address"))
	return netip.AddrPortFrom(a, rapid.Uint16().Draw(t, "port"))
}

func drawBalancing(t *rapid.T) Balancing {
	b := Balancing{
		Scheduler: rapid.StringMatching("[a-z]{1,15}").Draw(t, "scheduler"),
		Options:   Options(rapid.Uint32().Draw(t, "options")) & schedulerOptions,
	}
	if rapid.Bool().Draw(t, "persistent") {
		b.Persistence = Persistence{
			Timeout: rapid.Uint32Min(1).Draw(t, "timeout"),
			Prefix:  rapid.IntRange(1, 32).Draw(t, "prefix"),
			Engine:  rapid.SampledFrom([]string{"", "sip"}).Draw(t, "engine"),
		}
	}
	return b
}

func drawServer(t *rapid.T) Server {
	s := Server{Address: drawAddress(t), Weight: rapid.Uint32().Draw(t, "weight")}
	s.Upper, s.Lower = rapid.Uint32().Draw(t, "upper"), rapid.Uint32().Draw(t, "lower")
	if s.Forward = rapid.SampledFrom([]Forward{NAT, Direct, Tunnel}).Draw(t, "forward"); s.Forward == Tunnel {
		s.Encapsulation = rapid.SampledFrom([]Encapsulation{IPIP, GUE, GRE}).Draw(t, "encapsulation")
		s.GUEPort = rapid.Uint16().Draw(t, "gue port")
		s.Checksum = rapid.SampledFrom([]Checksum{NoChecksum, WithChecksum, RemoteChecksum}).Draw(t, "checksum")
	}
	return s
}

// The kernel refuses a new service that it is told to be hashed, and any without a mask.
func TestServiceNeverHashed(t *testing.T) {
	t.Parallel()
	for _, family := range []Family{IPv4, IPv6} {
		s := toService(KeyOfMark(1, family), Balancing{Scheduler: "rr", Options: 0xffffffff})
		if s.Flags != 0x3c || s.Netmask.Bits() != bits(family) {
			t.Errorf("flags %#x, prefix %d", uint32(s.Flags), s.Netmask.Bits())
		}
	}
}

// What others have in the kernel is read, even what perch has no word for.
func TestForeignValues(t *testing.T) {
	t.Parallel()
	address := netip.MustParseAddr("10.0.0.1")
	for _, forward := range []lvs.ForwardType{lvs.Local, lvs.Bypass} {
		s := fromServer(lvs.Destination{Address: address, Family: lvs.INET, FwdMethod: forward})
		if s.Forward != foreignForward {
			t.Errorf("%v is read as %d", forward, s.Forward)
		}
	}
	nat := fromServer(lvs.Destination{Address: address, Family: lvs.INET, TunnelType: lvs.GUE, TunnelPort: 5})
	if nat.Route != (Route{}) {
		t.Errorf("NAT is read with a tunnel: %+v", nat)
	}
	_, plain := fromService(lvs.Service{Family: lvs.INET, Scheduler: "rr", Timeout: 300, Flags: lvs.ServiceHashed})
	if plain != (Balancing{Scheduler: "rr"}) {
		t.Errorf("without persistence: %+v", plain)
	}
}

func TestStatsOfOldKernels(t *testing.T) {
	t.Parallel()
	narrow, wide := lvs.Stats{Connections: 1}, lvs.Stats{Connections: 1 << 40, OutgoingByteRate: 7}
	if got := fromStats(narrow, lvs.Stats{}); got != (Counters{Connections: 1}) {
		t.Errorf("32 bits: %+v", got)
	}
	if got := fromStats(narrow, wide); got != (Counters{Connections: 1 << 40, ByteRateOut: 7}) {
		t.Errorf("64 bits: %+v", got)
	}
}
