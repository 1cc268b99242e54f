package vrrp

import (
	"encoding/binary"
	"net/netip"
)

// Form is how the checksum of an advert is made. Version 2 sums up the advert alone,
// and over IPv6 the pseudo-header of RFC 8200 section 8.1 comes first. Of version 3
// over IPv4 there are two readings: RFC 5798 was taken for a pseudo-header, and RFC
// 9568 section 5.2.8 wants none. Both are heard.
type Form uint8

// The forms.
const (
	PseudoHeader Form = iota // as keepalived and FRR send it
	MessageOnly              // as RFC 9568 has it
	// MulticastPseudoHeader has the multicast group for the destination of an advert
	// that goes to one peer, as old versions of keepalived send it.
	MulticastPseudoHeader
)

func (f Form) String() string {
	return [...]string{"pseudo-header", "message-only", "multicast pseudo-header"}[f]
}

// Group4 and Group6 are where adverts go (RFC 9568 sections 5.1.1.2 and 5.1.2.2).
var (
	Group4 = netip.AddrFrom4([4]byte{224, 0, 0, 18})
	Group6 = netip.AddrFrom16([16]byte{0: 0xff, 1: 0x02, 15: 0x12})
)

// protocol is VRRP's number of an IP protocol.
const protocol = 112

// pseudo returns the sum of the pseudo-header that goes before length bytes.
func (f Form) pseudo(v Version, src, dst netip.Addr, length int) uint32 {
	switch {
	case src.Is6():
		from, to := src.As16(), dst.As16()
		return sum(from[:]) + sum(to[:]) + uint32(length) + protocol
	case v == V2 || f == MessageOnly:
		return 0
	case f == MulticastPseudoHeader:
		dst = Group4
	}
	from, to := src.As4(), dst.As4()
	return sum(from[:]) + sum(to[:]) + uint32(length) + protocol
}

// seal writes the checksum of an advert, which is 0 so far, and over IPv6 that of the
// trailer with it.
func (f Form) seal(v Version, b []byte, src, dst netip.Addr) {
	binary.BigEndian.PutUint16(b[6:], ^fold(f.pseudo(v, src, dst, len(b))+sum(b)))
}

// verify returns the form in which the checksum of an advert is right, which has the
// given length. Over IPv6 it covers the trailer, too.
func verify(v Version, packet []byte, length int, src, dst netip.Addr) (Form, bool) {
	if src.Is6() {
		length = len(packet)
	}
	body := sum(packet[:length])
	for form := PseudoHeader; form <= MulticastPseudoHeader; form++ {
		if fold(form.pseudo(v, src, dst, length)+body) == 0xffff {
			return form, true
		}
	}
	return 0, false
}

// sum adds up 16-bit words, for fold (RFC 1071). It has room for the longest packet.
func sum(b []byte) uint32 {
	var s uint32
	for ; len(b) > 1; b = b[2:] {
		s += uint32(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		s += uint32(b[0]) << 8
	}
	return s
}

// fold adds the carries.
func fold(s uint32) uint16 {
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}
