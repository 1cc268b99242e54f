package vip

import "net/netip"

const (
	icmpNeighborSolicitation = 135
	optionSourceMAC          = 1
)

// arpProbe asks who else has addr. It names no sender, so that nobody learns from
// it, and whoever answers answers to mac alone (RFC 5227 section 2.1.1).
func arpProbe(mac hwAddr, addr netip.Addr) arpFrame {
	return arpFrame{
		dst: broadcast, src: mac, op: arpRequest, senderMAC: mac,
		sender: netip.IPv4Unspecified(), target: addr,
	}
}

// nsFrame is a neighbor solicitation in an Ethernet frame (RFC 4861 section 4.3).
type nsFrame naFrame

// neighborQuestion asks who else has addr. from is a link-local address of this
// node and not ::, as in duplicate address detection: an answer to :: goes to all
// nodes, and would teach them that the address is at the other host.
func neighborQuestion(mac hwAddr, from, addr netip.Addr) nsFrame {
	a := addr.As16()
	to := [16]byte{0: 0xff, 1: 0x02, 11: 1, 12: 0xff, 13: a[13], 14: a[14], 15: a[15]}
	return nsFrame{
		dst: hwAddr{0x33, 0x33, 0xff, a[13], a[14], a[15]}, src: mac,
		from: from, to: netip.AddrFrom16(to), target: addr, mac: mac,
	}
}

// appendTo appends the frame with its checksum.
func (f nsFrame) appendTo(b []byte) []byte {
	return naFrame(f).appendAs(b, icmpNeighborSolicitation, optionSourceMAC)
}
