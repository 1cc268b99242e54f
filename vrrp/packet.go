package vrrp

import (
	"encoding/binary"
	"net/netip"
)

// Packet is an IP packet as it came in.
type Packet struct {
	Src, Dst netip.Addr
	TTL      uint8  // or the hop limit
	Header   []byte // of IPv4; nil over IPv6
	Protocol uint8  // of the payload: 112, or 51 for AH
	Payload  []byte
}

// VRID returns for which virtual router a packet is, or false if it is too short to
// say so.
func (p Packet) VRID() (uint8, bool) {
	at := 1
	if p.Protocol == ahProtocol {
		at += ahLength
	}
	if len(p.Payload) <= at {
		return 0, false
	}
	return p.Payload[at], true
}

// precedence is that of the adverts: internetwork control.
const precedence = 0xc0

// maxTTL is the TTL of all that has not been through a router.
const maxTTL = 255

// writeIPv4 writes the header of a whole packet, without its checksum.
func writeIPv4(b []byte, id uint16, ttl, proto uint8, src, dst netip.Addr) {
	from, to := src.As4(), dst.As4()
	b[0], b[1], b[8], b[9] = 0x45, precedence, ttl, proto
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	binary.BigEndian.PutUint16(b[4:], id)
	copy(b[12:], from[:])
	copy(b[16:], to[:])
}

// sealIPv4 writes the checksum of an IPv4 header, which is 0 so far.
func sealIPv4(header []byte) { binary.BigEndian.PutUint16(header[10:], ^fold(sum(header))) }
