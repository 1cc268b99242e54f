package vrrp

import (
	"net/netip"
	"time"
)

// WireConfig is how the adverts of one virtual router look, and which ones it heeds.
type WireConfig struct {
	Version   Version
	VRID      uint8
	Interval  time.Duration
	Source    netip.Addr   // of its adverts
	Addresses []netip.Addr // in its adverts: see Capacity
	Checksum  Checksum
	Auth      Authentication
	Peers     []Peer // that it sends to, one by one; none for the multicast group
	TTL       uint8  // of adverts to peers; 0 for 255
}

// Checksum is the form of the checksums that a router sends, where there is a choice.
type Checksum uint8

// The choices.
const (
	Auto             Checksum = iota // a pseudo-header, unless only the other form is heard
	WithPseudoHeader                 // as keepalived and FRR send it
	WithoutIt                        // as RFC 9568 has it
)

// Peer is another router to which adverts are sent by themselves.
type Peer struct {
	Address        netip.Addr
	MinTTL, MaxTTL uint8 // of what comes from it; 0 for any
}

// Packet is an IP packet as it came in.
type Packet struct {
	Src, Dst netip.Addr
	TTL      uint8  // or the hop limit
	Header   []byte // of IPv4; nil over IPv6
	Protocol uint8  // of the payload: 112, or 51 for AH
	Payload  []byte
}

// Wire makes the packets of one virtual router, and judges those that come in for its
// VRID. It is not safe for concurrent use.
type Wire struct {
	cfg    WireConfig
	advert Advert
}

// NewWire makes one.
func NewWire(cfg WireConfig) *Wire { return &Wire{cfg: cfg} }

// Append appends the packet that says priority to dst: over IPv4 with its IP header,
// whose identification the kernel would not know to be signed, over IPv6 without.
// Wall is the time of day, which some signatures have in them.
func (w *Wire) Append(b []byte, dst netip.Addr, priority uint8, wall time.Time) []byte {
	panic("to be written")
}

// Judge reads a packet. The advert is valid until the next call, and to be heeded if
// the Drop is 0.
func (w *Wire) Judge(p Packet, wall time.Time) (*Advert, Drop) {
	panic("to be written")
}
