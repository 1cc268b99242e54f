package vip

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/netip"
	"testing"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

var (
	rivalMAC = hwAddr{0x02, 0, 0, 0, 0, 0x66}
	nobody   = netip.IPv4Unspecified()
)

// answerARP is how a Linux that has addr answers an ARP probe of testMAC.
func answerARP(mac hwAddr, addr netip.Addr) arpFrame {
	return arpFrame{
		dst: testMAC, src: mac, op: arpReply,
		senderMAC: mac, sender: addr, targetMAC: testMAC, target: nobody,
	}
}

// answerNA is how a Linux that has addr answers a solicitation of testMAC.
func answerNA(mac hwAddr, addr netip.Addr) naFrame {
	return naFrame{
		dst: testMAC, src: mac, from: addr, to: testLinkLocal,
		flags: naSolicited | naOverride, target: addr, mac: mac,
	}
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		arp := arpFrame{
			dst: drawMAC(rt, "dst"), src: drawMAC(rt, "src"), op: rapid.Uint16Range(arpRequest, arpReply).Draw(rt, "op"),
			senderMAC: drawMAC(rt, "sender mac"), sender: draw4(rt, "sender"),
			targetMAC: drawMAC(rt, "target mac"), target: draw4(rt, "target"),
		}
		padding := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(rt, "padding")
		if got, err := parseARP(append(arp.appendTo(nil), padding...)); err != nil || got != arp {
			rt.Fatalf("read %+v (%v), want %+v", got, err, arp)
		}
		na := naFrame{
			dst: drawMAC(rt, "dst"), src: drawMAC(rt, "src"), from: draw6(rt, "from"), to: draw6(rt, "to"),
			flags: rapid.Byte().Draw(rt, "flags") & (naRouter | naSolicited | naOverride), target: draw6(rt, "target"),
			mac: drawMAC(rt, "mac"),
		}
		if got, err := parseNA(append(na.appendTo(nil), padding...)); err != nil || got != na {
			rt.Fatalf("read %+v (%v), want %+v", got, err, na)
		}
	})
}

// changed is a frame with one byte replaced.
func changed(frame []byte, at int, to byte) []byte {
	frame = bytes.Clone(frame)
	frame[at] = to
	return frame
}

// withOptions is an advertisement with other options than the usual one.
func withOptions(f naFrame, options ...byte) []byte {
	b := f.appendTo(nil)[:etherHeader+ipv6Header+naLength]
	b = append(b, options...)
	message := b[etherHeader+ipv6Header:]
	binary.BigEndian.PutUint16(b[etherHeader+4:], uint16(len(message)))
	message[2], message[3] = 0, 0
	binary.BigEndian.PutUint16(message[2:], checksum(f.from, f.to, message))
	return b
}

func TestReadAssertion(t *testing.T) {
	arp, na := answerARP(rivalMAC, test4), answerNA(rivalMAC, test6)
	arpBytes, naBytes := arp.appendTo(nil), na.appendTo(nil)
	edit := func(f naFrame, change func(*naFrame)) []byte { change(&f); return f.appendTo(nil) }
	is := func(addr netip.Addr, answer bool) assertion { return assertion{addr, rivalMAC, answer} }
	other := hwAddr{2, 0, 0, 0, 0, 7}
	tests := []struct {
		name  string
		kind  uint16
		frame []byte
		want  assertion
		err   error
	}{
		{"gratuitous request", unix.ETH_P_ARP, gratuitousARP(arpRequest, rivalMAC, test4).appendTo(nil), is(test4, false), nil},
		{"gratuitous reply", unix.ETH_P_ARP, gratuitousARP(arpReply, rivalMAC, test4).appendTo(nil), is(test4, false), nil},
		{"answer to our probe", unix.ETH_P_ARP, arpBytes, is(test4, true), nil},
		{"ARP for somebody else, from the VIP", unix.ETH_P_ARP, arpFrame{
			dst: broadcast, src: rivalMAC, op: arpRequest, senderMAC: rivalMAC, sender: test4, target: netip.MustParseAddr("198.18.0.1"),
		}.appendTo(nil), is(test4, false), nil},
		{"forwarded by another: the sender it names counts", unix.ETH_P_ARP, changed(arpBytes, 11, 0x99), is(test4, true), nil},
		{"cut ARP", unix.ETH_P_ARP, arpBytes[:arpFrameLength-1], assertion{}, errShort},
		{"not Ethernet", unix.ETH_P_ARP, changed(arpBytes, 15, 6), assertion{}, errNotARP},
		{"not IPv4", unix.ETH_P_ARP, changed(arpBytes, 16, 9), assertion{}, errNotARP},
		{"long MAC", unix.ETH_P_ARP, changed(arpBytes, 18, 8), assertion{}, errNotARP},
		{"long address", unix.ETH_P_ARP, changed(arpBytes, 19, 16), assertion{}, errNotARP},
		{"reverse ARP", unix.ETH_P_ARP, changed(arpBytes, 21, 3), assertion{}, errNotARP},
		{"another type of frame", unix.ETH_P_ARP, changed(arpBytes, 13, 7), assertion{}, errNotARP},
		{"probe of another host", unix.ETH_P_ARP, arpProbe(rivalMAC, test4).appendTo(nil), assertion{}, errNobodyKnown},
		{"no MAC", unix.ETH_P_ARP, answerARP(hwAddr{}, test4).appendTo(nil), assertion{}, errNobodyKnown},

		{"unsolicited", unix.ETH_P_IPV6, unsolicitedNA(rivalMAC, test6, naRouter).appendTo(nil), is(test6, false), nil},
		{"answer to our question", unix.ETH_P_IPV6, naBytes, is(test6, true), nil},
		{"answer to something else", unix.ETH_P_IPV6, edit(na, func(f *naFrame) { f.to = netip.MustParseAddr("2001:db8::1") }), is(test6, false), nil},
		{"without its MAC", unix.ETH_P_IPV6, withOptions(na), is(test6, true), nil},
		{"other options first", unix.ETH_P_IPV6, withOptions(na, 14, 1, 0, 0, 0, 0, 0, 0, 2, 1, 2, 0, 0, 0, 0, 7), assertion{test6, other, true}, nil},
		{"longer MAC than Ethernet's", unix.ETH_P_IPV6, withOptions(na, 2, 2, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9), is(test6, true), nil},
		{"cut", unix.ETH_P_IPV6, naBytes[:etherHeader+ipv6Header+naLength-1], assertion{}, errShort},
		{"says it is longer", unix.ETH_P_IPV6, changed(naBytes, 19, 33), assertion{}, errShort},
		{"says it is shorter than any", unix.ETH_P_IPV6, changed(naBytes, 19, naLength-1), assertion{}, errShort},
		{"IPv4", unix.ETH_P_IPV6, changed(naBytes, 14, 0x40), assertion{}, errNotNA},
		{"another type of frame", unix.ETH_P_IPV6, changed(naBytes, 12, 8), assertion{}, errNotNA},
		{"not ICMPv6", unix.ETH_P_IPV6, changed(naBytes, 20, 17), assertion{}, errNotNA},
		{"solicitation", unix.ETH_P_IPV6, changed(naBytes, 54, icmpNeighborSolicitation), assertion{}, errNotNA},
		{"code", unix.ETH_P_IPV6, changed(naBytes, 55, 1), assertion{}, errNotNA},
		{"from another link", unix.ETH_P_IPV6, changed(naBytes, 21, 254), assertion{}, errRouted},
		{"damaged", unix.ETH_P_IPV6, changed(naBytes, 85, 0x67), assertion{}, errChecksum},
		{"option of length 0", unix.ETH_P_IPV6, withOptions(na, 2, 0, 2, 0, 0, 0, 0, 7), assertion{}, errOption},
		{"option cut", unix.ETH_P_IPV6, withOptions(na, 2, 1, 2, 0), assertion{}, errOption},
		{"option of one byte", unix.ETH_P_IPV6, withOptions(na, 2), assertion{}, errOption},
		{"answer for all", unix.ETH_P_IPV6, edit(na, func(f *naFrame) { f.to = allNodes }), assertion{}, errForAll},
		{"of a group", unix.ETH_P_IPV6, edit(na, func(f *naFrame) { f.target = allNodes }), assertion{}, errNotOneHost},
		{"of nothing", unix.ETH_P_IPV6, edit(na, func(f *naFrame) { f.target = netip.IPv6Unspecified() }), assertion{}, errNotOneHost},
		{"no MAC", unix.ETH_P_IPV6, edit(na, func(f *naFrame) { f.mac = hwAddr{} }), assertion{}, errNobodyKnown},
	}
	for _, test := range tests {
		got, err := readAssertion(test.kind, test.frame)
		if got != test.want || !errors.Is(err, test.err) {
			t.Errorf("%s: %+v, error %v; want %+v, error %v", test.name, got, err, test.want, test.err)
		}
	}
}

// TestFilter: what the kernel lets through, apart from what it alone knows of a
// frame. Whatever asserts something passes.
func TestFilter(t *testing.T) {
	tests := []struct {
		name   string
		filter []bpf.Instruction
		frame  []byte
		passes bool
	}{
		{"ARP reply", arpFilter(), answerARP(rivalMAC, test4).appendTo(nil), true},
		{"gratuitous ARP", arpFilter(), gratuitousARP(arpRequest, rivalMAC, test4).appendTo(nil), true},
		{"ARP probe", arpFilter(), arpProbe(rivalMAC, test4).appendTo(nil), false},
		{"cut ARP", arpFilter(), answerARP(rivalMAC, test4).appendTo(nil)[:30], false},
		{"advertisement", naFilter(), answerNA(rivalMAC, test6).appendTo(nil), true},
		{"solicitation", naFilter(), neighborQuestion(rivalMAC, testLinkLocal, test6).appendTo(nil), false},
		{"hop limit", naFilter(), changed(answerNA(rivalMAC, test6).appendTo(nil), 21, 64), false},
		{"UDP", naFilter(), changed(answerNA(rivalMAC, test6).appendTo(nil), 20, 17), false},
		{"cut advertisement", naFilter(), answerNA(rivalMAC, test6).appendTo(nil)[:54], false},
		{"deaf", deafFilter(), answerARP(rivalMAC, test4).appendTo(nil), false},
	}
	for _, test := range tests {
		vm, err := bpf.NewVM(test.filter)
		if err != nil {
			t.Fatal(err)
		}
		n, err := vm.Run(test.frame)
		if err != nil || (n > 0) != test.passes {
			t.Errorf("%s: %d bytes pass (%v), want that it passes: %t", test.name, n, err, test.passes)
		}
	}
}

func FuzzReadAssertion(f *testing.F) {
	na := answerNA(rivalMAC, test6)
	f.Add(gratuitousARP(arpReply, rivalMAC, test4).appendTo(nil))
	f.Add(answerARP(rivalMAC, test4).appendTo(nil))
	f.Add(na.appendTo(nil))
	f.Add(withOptions(na, 14, 1, 0, 0, 0, 0, 0, 0, 2, 1, 2, 0, 0, 0, 0, 7))
	f.Add(withOptions(na, 2, 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		for etherType, filter := range map[uint16][]bpf.Instruction{unix.ETH_P_ARP: arpFilter(), unix.ETH_P_IPV6: naFilter()} {
			a, err := readAssertion(etherType, b)
			if err != nil {
				if a != (assertion{}) {
					t.Errorf("error %v, and %+v", err, a)
				}
				continue
			}
			if !a.addr.IsValid() || a.addr.Is4() != (etherType == unix.ETH_P_ARP) || a.mac == (hwAddr{}) {
				t.Errorf("read %+v from a frame of type %#x", a, etherType)
			}
			vm, err := bpf.NewVM(filter)
			if err != nil {
				t.Fatal(err)
			}
			if n, err := vm.Run(b); err != nil || n == 0 {
				t.Errorf("the kernel would not let the frame through (%v)", err)
			}
		}
		if arp, err := parseARP(b); err == nil && !bytes.Equal(arp.appendTo(nil), b[:arpFrameLength]) {
			t.Errorf("%x written again is %x", b, arp.appendTo(nil))
		}
	})
}
