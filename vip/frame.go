package vip

import (
	"encoding/binary"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
)

// hwAddr is an Ethernet MAC address.
type hwAddr [6]byte

func (a hwAddr) String() string { return net.HardwareAddr(a[:]).String() }

var (
	broadcast = hwAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	// allNodesMAC is where ff02::1 is on an Ethernet (RFC 2464 section 7).
	allNodesMAC = hwAddr{0x33, 0x33, 0, 0, 0, 1}
	allNodes    = netip.MustParseAddr("ff02::1")
)

const (
	etherHeader = 14
	arpLength   = 28 // Ethernet and IPv4 (RFC 826)
	ipv6Header  = 40
	naLength    = 24 // RFC 4861 section 4.4, without options
	tllaLength  = 8  // RFC 4861 section 4.6.1, with a 6-byte address

	arpFrameLength = etherHeader + arpLength
	naFrameLength  = etherHeader + ipv6Header + naLength + tllaLength
)

// arpFrame is an ARP packet for IPv4 in an Ethernet frame.
type arpFrame struct {
	dst, src  hwAddr // of the frame
	op        uint16
	senderMAC hwAddr
	sender    netip.Addr
	targetMAC hwAddr
	target    netip.Addr
}

const (
	arpRequest = 1
	arpReply   = 2
)

// gratuitousARP announces that addr is at mac. As a request its target MAC is
// zero (RFC 5227 section 3), as a reply it is the sender's own: some neighbours
// believe only the one, some only the other.
func gratuitousARP(op uint16, mac hwAddr, addr netip.Addr) arpFrame {
	f := arpFrame{dst: broadcast, src: mac, op: op, senderMAC: mac, sender: addr, target: addr}
	if op == arpReply {
		f.targetMAC = mac
	}
	return f
}

// appendTo appends the frame without padding, which is the driver's to add.
func (f arpFrame) appendTo(b []byte) []byte {
	b = appendEther(b, f.dst, f.src, unix.ETH_P_ARP)
	b = append(b, 0, 1, 0x08, 0x00, 6, 4) // Ethernet, IPv4, their lengths
	b = binary.BigEndian.AppendUint16(b, f.op)
	b = append(b, f.senderMAC[:]...)
	b = append4(b, f.sender)
	b = append(b, f.targetMAC[:]...)
	return append4(b, f.target)
}

// naFrame is a neighbor advertisement in an Ethernet frame (RFC 4861 section 4.4).
type naFrame struct {
	dst, src hwAddr // of the frame
	from, to netip.Addr
	flags    byte // naRouter, naSolicited, naOverride
	target   netip.Addr
	mac      hwAddr // target link-layer address
}

const (
	naRouter    = 0x80
	naSolicited = 0x40
	naOverride  = 0x20

	icmpNeighborAdvertisement = 136
	optionTargetMAC           = 2
	hopLimit                  = 255 // proves that no router passed it on (RFC 4861 section 7.1.2)
)

// unsolicitedNA announces that addr is at mac (RFC 4861 section 7.2.6). role is
// naRouter where the interface forwards, else 0.
func unsolicitedNA(mac hwAddr, addr netip.Addr, role byte) naFrame {
	return naFrame{
		dst: allNodesMAC, src: mac, from: addr, to: allNodes,
		flags: naOverride | role, target: addr, mac: mac,
	}
}

// appendTo appends the frame with its checksum.
func (f naFrame) appendTo(b []byte) []byte {
	return f.appendAs(b, icmpNeighborAdvertisement, optionTargetMAC)
}

// appendAs appends the frame as an advertisement or a solicitation, which differ
// in nothing but these two numbers.
func (f naFrame) appendAs(b []byte, kind, option byte) []byte {
	b = appendEther(b, f.dst, f.src, unix.ETH_P_IPV6)
	b = append(b, 6<<4, 0, 0, 0, 0, naLength+tllaLength, unix.IPPROTO_ICMPV6, hopLimit)
	b = append16(b, f.from)
	b = append16(b, f.to)
	start := len(b)
	b = append(b, kind, 0, 0, 0, f.flags, 0, 0, 0)
	b = append16(b, f.target)
	b = append(b, option, tllaLength/8)
	b = append(b, f.mac[:]...)
	binary.BigEndian.PutUint16(b[start+2:], checksum(f.from, f.to, b[start:]))
	return b
}

// checksum is that of an ICMPv6 message (RFC 4443 section 2.3). Over one that has
// its checksum already it is 0 where that one is right.
func checksum(from, to netip.Addr, message []byte) uint16 {
	src, dst := from.As16(), to.As16()
	sum := uint32(len(message)) + unix.IPPROTO_ICMPV6
	for _, part := range [...][]byte{src[:], dst[:], message} {
		for ; len(part) > 1; part = part[2:] {
			sum += uint32(part[0])<<8 | uint32(part[1])
		}
		if len(part) == 1 {
			sum += uint32(part[0]) << 8
		}
	}
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}

func appendEther(b []byte, dst, src hwAddr, kind uint16) []byte {
	b = append(b, dst[:]...)
	b = append(b, src[:]...)
	return binary.BigEndian.AppendUint16(b, kind)
}

func append4(b []byte, addr netip.Addr) []byte {
	a := addr.As4()
	return append(b, a[:]...)
}

func append16(b []byte, addr netip.Addr) []byte {
	a := addr.As16()
	return append(b, a[:]...)
}
