package vip

import (
	"bytes"
	"encoding/hex"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mdlayher/arp"
	"github.com/mdlayher/ethernet"
	"github.com/mdlayher/ndp"
	"pgregory.net/rapid"
)

var (
	testMAC = hwAddr{0x02, 0x00, 0x5e, 0x10, 0x20, 0x30}
	test4   = netip.MustParseAddr("198.18.0.100")
	test6   = netip.MustParseAddr("2001:db8::100")
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestGratuitousARPBytes(t *testing.T) {
	tests := []struct {
		name string
		op   uint16
		want string
	}{
		{"request, RFC 5227 section 3", arpRequest, `
			ffffffffffff 02005e102030 0806
			0001 0800 06 04 0001
			02005e102030 c6120064 000000000000 c6120064`},
		{"reply", arpReply, `
			ffffffffffff 02005e102030 0806
			0001 0800 06 04 0002
			02005e102030 c6120064 02005e102030 c6120064`},
	}
	for _, test := range tests {
		got := gratuitousARP(test.op, testMAC, test4).appendTo(nil)
		if diff := cmp.Diff(unhex(t, test.want), got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", test.name, diff)
		}
	}
}

func TestUnsolicitedNABytes(t *testing.T) {
	// RFC 4861 sections 4.4 and 7.2.6. The checksums come from another implementation.
	tests := []struct {
		name string
		role byte
		want string
	}{
		{"host", 0, `
			333300000001 02005e102030 86dd
			60000000 0020 3a ff
			20010db8000000000000000000000100 ff020000000000000000000000000001
			88 00 78ed 20000000
			20010db8000000000000000000000100
			02 01 02005e102030`},
		{"router", naRouter, `
			333300000001 02005e102030 86dd
			60000000 0020 3a ff
			20010db8000000000000000000000100 ff020000000000000000000000000001
			88 00 f8ec a0000000
			20010db8000000000000000000000100
			02 01 02005e102030`},
	}
	for _, test := range tests {
		got := unsolicitedNA(testMAC, test6, test.role).appendTo(nil)
		if diff := cmp.Diff(unhex(t, test.want), got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", test.name, diff)
		}
	}
}

// oracleARP is what mdlayher/arp makes of a frame.
func oracleARP(t testing.TB, f arpFrame) []byte {
	t.Helper()
	p, err := arp.NewPacket(arp.Operation(f.op), f.senderMAC[:], f.sender, f.targetMAC[:], f.target)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := p.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	frame := ethernet.Frame{Destination: f.dst[:], Source: f.src[:], EtherType: ethernet.EtherTypeARP, Payload: payload}
	b, err := frame.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func drawMAC(t *rapid.T, what string) hwAddr {
	return hwAddr(rapid.SliceOfN(rapid.Byte(), 6, 6).Draw(t, what))
}

func draw4(t *rapid.T, what string) netip.Addr {
	return netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, what)))
}

func draw6(t *rapid.T, what string) netip.Addr {
	a := [16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, what))
	a[0] |= 1 // never an IPv4 address in disguise
	return netip.AddrFrom16(a)
}

func TestARPAgainstOracle(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f := arpFrame{
			dst: drawMAC(rt, "dst"), src: drawMAC(rt, "src"), op: rapid.Uint16().Draw(rt, "op"),
			senderMAC: drawMAC(rt, "sender mac"), sender: draw4(rt, "sender"),
			targetMAC: drawMAC(rt, "target mac"), target: draw4(rt, "target"),
		}
		b := f.appendTo(nil)
		if want := oracleARP(t, f); !bytes.Equal(b, want[:len(b)]) {
			rt.Fatalf("frame is\n%x, the oracle's is\n%x", b, want)
		}
	})
}

func TestNAAgainstOracle(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f := naFrame{
			dst: drawMAC(rt, "dst"), src: drawMAC(rt, "src"), from: draw6(rt, "from"), to: draw6(rt, "to"),
			flags: rapid.Byte().Draw(rt, "flags") & (naRouter | naOverride), target: draw6(rt, "target"),
			mac: drawMAC(rt, "mac"),
		}
		b := f.appendTo(nil)
		want, err := ndp.MarshalMessageChecksum(&ndp.NeighborAdvertisement{
			Router:        f.flags&naRouter != 0,
			Override:      f.flags&naOverride != 0,
			TargetAddress: f.target,
			Options:       []ndp.Option{&ndp.LinkLayerAddress{Direction: ndp.Target, Addr: net.HardwareAddr(f.mac[:])}},
		}, f.from, f.to)
		if err != nil {
			rt.Fatal(err)
		}
		if got := b[etherHeader+ipv6Header:]; !bytes.Equal(got, want) {
			rt.Fatalf("message is\n%x, the oracle's is\n%x", got, want)
		}
	})
}
