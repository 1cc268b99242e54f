package vrrp

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/subtle"
	"encoding/binary"
	"hash"
)

// The authentication header (RFC 2402 section 2) with HMAC-MD5-96 (RFC 2403), as
// keepalived puts it before adverts of version 2 over IPv4.

const (
	ahProtocol = 51
	ahLength   = 24
	icvLength  = 12
	ahWords    = ahLength/4 - 2 // as its header counts
)

// signer makes and checks authentication headers with one key. It is not safe for
// concurrent use.
type signer struct {
	mac    hash.Hash
	digest [md5.Size]byte
	ip     [20]byte // what is covered of the header before it
}

// newSigner makes one for a password, which is filled up with zeros.
func newSigner(key Secret) *signer { return &signer{mac: hmac.New(md5.New, key[:])} }

// appendHeader appends the authentication header for an advert. Ip is the IPv4 header,
// of 20 bytes, that goes before both.
func (s *signer) appendHeader(b, ip, advert []byte, sequence uint32) []byte {
	start := len(b)
	b = append(b, protocol, ahWords, 0, 0)
	b = append(b, ip[12:16]...) // its source for the SPI
	b = binary.BigEndian.AppendUint32(b, sequence)
	b = append(b, zeros[:icvLength]...)
	copy(b[start+ahLength-icvLength:], s.icv(ip, b[start:], advert))
	return b
}

// check reads the authentication header behind an IPv4 header, which has no options,
// and returns its sequence number and the advert.
func (s *signer) check(ip, packet []byte) (sequence uint32, advert []byte, drop Drop) {
	switch {
	case len(packet) < ahLength:
		return 0, nil, BadLength
	case packet[0] != protocol, packet[1] != ahWords, string(packet[4:8]) != string(ip[12:16]):
		return 0, nil, BadAH
	}
	header, advert := packet[:ahLength], packet[ahLength:]
	if subtle.ConstantTimeCompare(s.icv(ip, header, advert), header[ahLength-icvLength:]) != 1 {
		return 0, nil, BadSignature
	}
	return binary.BigEndian.Uint32(header[8:]), advert, 0
}

// icv returns the integrity check value. What changes on the way counts as zero (RFC
// 2402 section 3.3.3.1.1), but for the TTL of a multicast, which keepalived covers.
func (s *signer) icv(ip, header, advert []byte) []byte {
	fixed := s.ip[:]
	copy(fixed, ip)
	fixed[1], fixed[6], fixed[7], fixed[10], fixed[11] = 0, 0, 0, 0, 0
	if multicast := fixed[16]>>4 == 0xe; !multicast {
		fixed[8] = 0
	}
	s.mac.Reset()
	s.mac.Write(fixed)
	s.mac.Write(header[:ahLength-icvLength])
	s.mac.Write(zeros[:icvLength])
	s.mac.Write(advert)
	return s.mac.Sum(s.digest[:0])[:icvLength]
}

var zeros [16]byte
