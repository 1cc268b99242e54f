package fence

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"
)

// model is the rules in plain Go: whether a frame is dropped at interface 1, given
// whether the lease is over of each VIP and MAC.
type model struct {
	direction direction
	vips      map[VIP]bool
	macs      map[MAC]bool
}

// shut is VIPs whose lease is over.
func shut(prefixes ...netip.Prefix) map[VIP]bool {
	vips := map[VIP]bool{}
	for _, v := range everywhere(prefixes) {
		vips[v] = true
	}
	return vips
}

// isVIP tells of an address whether it is a VIP whose lease is over.
func (m model) isVIP(b []byte) bool {
	a, _ := netip.AddrFromSlice(b)
	if over, scoped := m.vips[VIP{netip.PrefixFrom(a, a.BitLen()), 1}]; scoped {
		return over
	}
	longest, over := -1, false
	for v, o := range m.vips {
		if v.Interface == 0 && v.Prefix.Contains(a) && v.Prefix.Bits() > longest {
			longest, over = v.Prefix.Bits(), o
		}
	}
	return over
}

// drops is about a frame with an Ethernet header.
func (m model) drops(frame []byte) bool {
	if m.direction == egress && m.dropsMAC(frame) {
		return true
	}
	at := 12
	for range 2 {
		if len(frame) < at+2 {
			return false
		}
		if kind := binary.BigEndian.Uint16(frame[at:]); kind == unix.ETH_P_8021Q || kind == unix.ETH_P_8021AD {
			at += 4
		}
	}
	if len(frame) < at+2 {
		return false
	}
	return m.dropsPacket(binary.BigEndian.Uint16(frame[at:]), frame[at+2:])
}

// dropsMAC is about what has an own MAC as its source: only adverts may leave.
func (m model) dropsMAC(frame []byte) bool {
	if !m.macs[MAC{[6]byte(frame[6:]), 1}] {
		return false
	}
	at := map[uint16]int{unix.ETH_P_IP: 14 + 9, unix.ETH_P_IPV6: 14 + 6}[binary.BigEndian.Uint16(frame[12:])]
	return at == 0 || len(frame) <= at || frame[at] != 112 && frame[at] != 51
}

// dropsPacket is about a packet of a protocol, from its network header on.
func (m model) dropsPacket(protocol uint16, p []byte) bool {
	switch protocol {
	case unix.ETH_P_IP:
		at := 16
		if m.direction == egress {
			at = 12
		}
		return len(p) >= at+4 && m.isVIP(p[at:at+4])
	case unix.ETH_P_ARP:
		return m.dropsARP(p)
	case unix.ETH_P_IPV6:
		at := 24
		if m.direction == egress {
			at = 8
		}
		return len(p) >= at+16 && (m.isVIP(p[at:at+16]) || m.dropsND(p))
	}
	return false
}

func (m model) dropsARP(p []byte) bool {
	if len(p) < 8 || binary.BigEndian.Uint16(p[2:]) != unix.ETH_P_IP || p[5] != 4 {
		return false
	}
	hardware := int(p[4])
	p = p[8:]
	if len(p) < hardware+4 {
		return false
	}
	sender := p[hardware : hardware+4]
	if m.direction == egress {
		return m.isVIP(sender)
	}
	if len(p) < 2*hardware+8 {
		return false
	}
	target := p[2*hardware+4 : 2*hardware+8]
	return !slices.Equal(sender, target) && m.isVIP(target)
}

func (m model) dropsND(p []byte) bool {
	if len(p) < 40 {
		return false
	}
	next, source, p := p[6], p[8:24], p[40:]
	for range 3 {
		if next != unix.IPPROTO_HOPOPTS && next != unix.IPPROTO_ROUTING && next != unix.IPPROTO_DSTOPTS {
			break
		}
		if len(p) < 2 || len(p) < 8+8*int(p[1]) {
			return false
		}
		next, p = p[0], p[8+8*int(p[1]):]
	}
	if next != unix.IPPROTO_ICMPV6 || len(p) < 24 || !m.isVIP(p[8:24]) {
		return false
	}
	if m.direction == ingress {
		return p[0] == 135
	}
	return p[0] == 136 || p[0] == 135 && !slices.ContainsFunc(source, func(b byte) bool { return b != 0 })
}
