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
	Addresses []netip.Addr  // of the virtual router, at most 255 of one family
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
func (v Version) length(addresses int, ipv6 bool) int {
	switch {
	case ipv6:
		return headerLength + 16*addresses
	case v == V2:
		return headerLength + 4*addresses + secretLength
	}
	return headerLength + 4*addresses
}

// AppendTo appends the advert as it goes from src to dst. Form says how its checksum
// is made where there is a choice. A trailer that is to follow is not in it.
func (a *Advert) AppendTo(b []byte, src, dst netip.Addr, form Form) []byte {
	start := len(b)
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
	if a.Version == V2 && src.Is4() {
		b = append(b, a.Secret[:]...)
	}
	pdu := b[start:]
	binary.BigEndian.PutUint16(pdu[6:], ^fold(form.pseudo(a.Version, src, dst, len(pdu))+sum(pdu)))
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
	if len(packet) < headerLength {
		return nil, 0, BadLength
	}
	a.Version = Version(packet[0] >> 4)
	switch {
	case a.Version != V2 && a.Version != V3:
		return nil, 0, BadVersion
	case packet[0]&0xf != typeAdvert:
		return nil, 0, BadType
	}
	length := a.Version.length(int(packet[3]), src.Is6())
	if len(packet) < length {
		return nil, 0, BadLength
	}
	pdu := packet[:length]
	form, ok := verify(a.Version, packet, length, src, dst)
	if !ok {
		return nil, 0, BadChecksum
	}
	a.read(pdu, src.Is6())
	switch {
	case a.Interval == 0:
		return nil, form, NoInterval
	case len(a.Addresses) == 0:
		return nil, form, NoAddresses
	}
	return packet[length:], form, 0
}

// read reads an advert of the right length.
func (a *Advert) read(pdu []byte, ipv6 bool) {
	a.VRID, a.Priority = pdu[1], pdu[2]
	a.Auth, a.Secret = NoAuth, Secret{}
	if a.Version == V2 {
		a.Auth, a.Interval = Auth(pdu[4]), time.Duration(pdu[5])*a.Version.unit()
	} else {
		a.Interval = time.Duration(binary.BigEndian.Uint16(pdu[4:])&0xfff) * a.Version.unit()
	}
	a.Addresses = a.Addresses[:0]
	rest := pdu[headerLength:]
	for range int(pdu[3]) {
		if ipv6 {
			a.Addresses, rest = append(a.Addresses, netip.AddrFrom16([16]byte(rest))), rest[16:]
		} else {
			a.Addresses, rest = append(a.Addresses, netip.AddrFrom4([4]byte(rest))), rest[4:]
		}
	}
	copy(a.Secret[:], rest)
}
