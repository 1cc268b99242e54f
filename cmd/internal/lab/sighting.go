package lab

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// MAC is an Ethernet address.
type MAC [6]byte

func (m MAC) String() string { return net.HardwareAddr(m[:]).String() }

// SightingKind says with what a host spoke for an address.
type SightingKind string

const (
	Answer       SightingKind = "answer"       // to a question of the observer
	Announcement SightingKind = "announcement" // unasked, to all
	Pong         SightingKind = "pong"         // an echo reply from the address
	Speech       SightingKind = "other"        // any other ARP or IP frame in the address's name
)

// Sighting is a frame with which a host spoke for an observed address.
type Sighting struct {
	At   time.Time // when the kernel got it, by the wall clock
	Addr netip.Addr
	From MAC
	Kind SightingKind
	Ask  int // number of the question that an Answer belongs to

	to netip.Addr // who asked, of an Answer
}

func (s Sighting) String() string {
	text := fmt.Sprintf("%s %s is at %s: %s", s.At.UTC().Format("15:04:05.000000"), s.Addr, s.From, s.Kind)
	if s.Kind == Answer {
		text += fmt.Sprintf(" to ask %d", s.Ask)
	}
	return text
}

const (
	etherLen = 14
	arpLen   = 28
	ipv4Len  = 20
	ipv6Len  = 40

	arpRequestOp = 1
	arpReplyOp   = 2

	neighborSolicit   = 135
	neighborAdvertise = 136
	naLen             = 24   // without options
	naSolicited       = 0x40 // in the byte behind the checksum
)

// readSighting reads a frame that speaks for an address; ok is false for others.
func readSighting(frame []byte) (s Sighting, ok bool) {
	if len(frame) < etherLen {
		return s, false
	}
	s.From = MAC(frame[6:12])
	body := frame[etherLen:]
	switch binary.BigEndian.Uint16(frame[12:]) {
	case unix.ETH_P_ARP:
		return s, s.readARP(body)
	case unix.ETH_P_IP:
		return s, s.readIPv4(body)
	case unix.ETH_P_IPV6:
		return s, s.readIPv6(body)
	}
	return s, false
}

func (s *Sighting) readARP(b []byte) bool {
	if len(b) < arpLen || !bytes.Equal(b[:6], []byte{0, 1, 8, 0, 6, 4}) {
		return false
	}
	sender, target := netip.AddrFrom4([4]byte(b[14:18])), netip.AddrFrom4([4]byte(b[24:28]))
	s.Addr, s.Kind = sender, Speech
	switch {
	case sender == target:
		s.Kind = Announcement
	case binary.BigEndian.Uint16(b[6:]) == arpReplyOp:
		s.Kind, s.to = Answer, target
	}
	return true
}

func (s *Sighting) readIPv4(b []byte) bool {
	if len(b) < ipv4Len {
		return false
	}
	s.Addr, s.Kind = netip.AddrFrom4([4]byte(b[12:16])), Speech
	message := withoutIPv4Header(b)
	if b[9] == unix.IPPROTO_ICMP && len(message) > 0 && message[0] == echoReply4 {
		s.Kind = Pong
	}
	return true
}

func (s *Sighting) readIPv6(b []byte) bool {
	if len(b) <= ipv6Len {
		return false
	}
	s.Addr, s.Kind = netip.AddrFrom16([16]byte(b[8:24])), Speech
	message := b[ipv6Len:]
	switch {
	case b[6] != unix.IPPROTO_ICMPV6:
	case message[0] == echoReply6:
		s.Kind = Pong
	case message[0] == neighborAdvertise && len(message) >= naLen:
		s.Addr, s.Kind = netip.AddrFrom16([16]byte(message[8:24])), Announcement
		if message[4]&naSolicited != 0 {
			s.Kind, s.to = Answer, netip.AddrFrom16([16]byte(b[24:40]))
		}
	}
	return true
}

// question is a frame that asks all of a segment who has addr: an ARP request or a
// neighbor solicitation.
func question(addr netip.Addr, mac MAC, from netip.Addr) []byte {
	if addr.Is4() {
		frame := ether(MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, mac, unix.ETH_P_ARP)
		frame = append(frame, 0, 1, 8, 0, 6, 4, 0, arpRequestOp)
		frame = append(append(frame, mac[:]...), from.AsSlice()...)
		return append(append(frame, make([]byte, 6)...), addr.AsSlice()...)
	}
	a := addr.As16()
	group := netip.AddrFrom16([16]byte{0xff, 2, 11: 1, 12: 0xff, 13: a[13], 14: a[14], 15: a[15]})
	message := append([]byte{neighborSolicit, 0, 0, 0, 0, 0, 0, 0}, a[:]...)
	message = append(append(message, 1, 1), mac[:]...) // source link-layer address
	frame := ether(MAC{0x33, 0x33, 0xff, a[13], a[14], a[15]}, mac, unix.ETH_P_IPV6)
	frame = append(frame, 0x60, 0, 0, 0, 0, byte(len(message)), unix.IPPROTO_ICMPV6, 255)
	ends := append(from.AsSlice(), group.AsSlice()...)
	pseudo := append(bytes.Clone(ends), 0, 0, 0, byte(len(message)), 0, 0, 0, unix.IPPROTO_ICMPV6)
	binary.BigEndian.PutUint16(message[2:], checksum(append(pseudo, message...)))
	return append(append(frame, ends...), message...)
}

func ether(to, from MAC, kind uint16) []byte {
	frame := append(append([]byte(nil), to[:]...), from[:]...)
	return binary.BigEndian.AppendUint16(frame, kind)
}
