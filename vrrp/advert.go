package vrrp

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// Version is the version of the protocol.
type Version uint8

// The versions that are spoken.
const (
	V2 Version = 2 // RFC 3768, IPv4; keepalived also has it for IPv6
	V3 Version = 3 // RFC 9568
)

// Auth is what the authentication field of a version 2 advert says (RFC 2338 section
// 5.3.6; RFC 3768 leaves only NoAuth).
type Auth uint8

// The kinds of authentication.
const (
	NoAuth   Auth = 0
	Password Auth = 1 // in clear
	AH       Auth = 2 // in the header before it (RFC 2402)
)

// Secret is the authentication data of a version 2 advert, filled up with zeros.
type Secret [8]byte

// Advert is an advertisement (RFC 9568 section 5.2, RFC 3768 section 5.3).
type Advert struct {
	Version   Version
	VRID      uint8
	Priority  uint8         // 0: its sender gives up; 255: it owns the addresses
	Interval  time.Duration // at which its sender advertises: see MaxInterval
	Addresses []netip.Addr  // of the virtual router, at most 255 of one family; none is no mistake here
	Auth      Auth          // of version 2
	Secret    Secret        // of version 2 over IPv4
}

// Lengths of the parts of an advert in bytes.
const (
	headerLength = 8
	secretLength = len(Secret{})
	typeAdvert   = 1
)

// unit is what the interval of an advert is counted in: whole seconds, or hundredths.
func (v Version) unit() time.Duration {
	if v == V2 {
		return time.Second
	}
	return 10 * time.Millisecond
}

// MaxInterval is the longest interval that an advert can carry. All are multiples of
// 1 s, or 10 ms in version 3, and longer than none.
func (v Version) MaxInterval() time.Duration {
	if v == V2 {
		return 255 * time.Second
	}
	return 0xfff * v.unit()
}

// length returns how long an advert is in bytes, without a trailer.
func (v Version) length(addresses int, f Family) int {
	length := headerLength + f.addressLength()*addresses
	if v == V2 && f == IPv4 {
		length += secretLength
	}
	return length
}

// AppendTo appends the advert as it goes from src to dst. Form says how its checksum
// is made where there is a choice. A trailer that is to follow is not in it.
func (a *Advert) AppendTo(b []byte, src, dst netip.Addr, form Form) []byte {
	start := len(b)
	b = a.appendUnsummed(b, familyOf(src))
	form.seal(a.Version, b[start:], src, dst)
	return b
}

// appendUnsummed appends the advert with 0 for its checksum.
func (a *Advert) appendUnsummed(b []byte, f Family) []byte {
	b = append(b, byte(a.Version)<<4|typeAdvert, a.VRID, a.Priority, byte(len(a.Addresses)))
	ticks := uint16(a.Interval / a.Version.unit())
	if a.Version == V2 {
		b = append(b, byte(a.Auth), byte(ticks))
	} else {
		b = binary.BigEndian.AppendUint16(b, ticks)
	}
	b = append(b, 0, 0)
	for _, address := range a.Addresses {
		b = appendAddr(b, address)
	}
	if a.Version == V2 && f == IPv4 {
		b = append(b, a.Secret[:]...)
	}
	return b
}

func appendAddr(b []byte, address netip.Addr) []byte {
	if address.Is4() {
		four := address.As4()
		return append(b, four[:]...)
	}
	sixteen := address.As16()
	return append(b, sixteen[:]...)
}

// Decode reads an advert that went from src to dst, and returns what follows it in
// its packet, in what form its checksum is, and the Drop for which it is refused, or
// 0. The addresses are written over those that a had.
func (a *Advert) Decode(packet []byte, src, dst netip.Addr) (trailer []byte, form Form, drop Drop) {
	length, drop := a.read(packet, familyOf(src))
	if drop != 0 {
		return nil, 0, drop
	}
	if packet[0]&0xf != typeAdvert {
		return nil, 0, BadType
	}
	form, ok := verify(a.Version, packet, length, src, dst)
	if !ok {
		return nil, 0, BadChecksum
	}
	if a.Interval == 0 {
		return nil, 0, NoInterval
	}
	return packet[length:], form, 0
}

// read reads as much of an advert as is there, and returns how long it is.
func (a *Advert) read(packet []byte, f Family) (length int, drop Drop) {
	*a = Advert{Addresses: a.Addresses[:0]}
	if len(packet) < headerLength {
		return 0, BadLength
	}
	a.Version, a.VRID, a.Priority = Version(packet[0]>>4), packet[1], packet[2]
	switch a.Version {
	case V2:
		a.Auth, a.Interval = Auth(packet[4]), time.Duration(packet[5])*V2.unit()
	case V3:
		a.Interval = time.Duration(binary.BigEndian.Uint16(packet[4:])&0xfff) * V3.unit()
	default:
		return 0, BadVersion
	}
	count := int(packet[3])
	length = a.Version.length(count, f)
	if len(packet) < length {
		return 0, BadLength
	}
	a.readAddresses(packet[headerLength:length], count, f)
	return length, 0
}

// readAddresses reads what follows the header of an advert.
func (a *Advert) readAddresses(b []byte, count int, f Family) {
	size := f.addressLength()
	for range count {
		address, _ := netip.AddrFromSlice(b[:size])
		a.Addresses, b = append(a.Addresses, address), b[size:]
	}
	copy(a.Secret[:], b)
}
