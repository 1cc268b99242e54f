package vrrp

import (
	"crypto/subtle"
	"encoding/binary"
	"net/netip"
	"slices"
	"time"
)

// reading is a packet that is being judged.
type reading struct {
	Packet
	wall     time.Time
	body     []byte // without an authentication header, and without padding
	padding  int
	length   int // of the advert in it
	form     Form
	sequence uint32 // of the authentication header
	signed   bool   // it has a trailer, which is right
	stamp    uint64 // of the trailer
	same     bool   // its addresses are ours
	drop     Drop
}

// checks are what a packet must pass, in the order in which keepalived has them, so
// that both count it for the same reason.
var checks = [...]func(*Wire) Drop{
	(*Wire).checkAHPresence,
	(*Wire).checkLength,
	(*Wire).checkTTL,
	(*Wire).checkVersion,
	(*Wire).checkTrailer,
	(*Wire).checkAuth,
	(*Wire).checkInterval,
	(*Wire).checkType,
	(*Wire).checkTotalLength,
	(*Wire).checkChecksum,
	(*Wire).checkDestination,
	(*Wire).checkPeer,
	(*Wire).checkContent,
}

// Judge reads a packet. The advert is valid until the next call, and to be heeded if
// the Drop is 0; else it has what could be read. See Record.
func (w *Wire) Judge(p Packet, wall time.Time) (*Advert, Drop) {
	p.Src, p.Dst = p.Src.WithZone(""), p.Dst.WithZone("")
	w.in = reading{Packet: p, wall: wall}
	w.advert = Advert{Addresses: w.advert.Addresses[:0]}
	w.in.drop = w.judge()
	if w.in.drop == 0 {
		w.accept()
	}
	return &w.advert, w.in.drop
}

func (w *Wire) judge() Drop {
	if drop := w.checkAddressee(); drop != 0 {
		return drop
	}
	if w.in.Src == w.cfg.Source {
		return w.recognise()
	}
	for _, check := range checks {
		if drop := check(w); drop != 0 {
			return drop
		}
	}
	return 0
}

// accept remembers what a packet that is heeded has shown.
func (w *Wire) accept() {
	from := w.in.Src
	w.peer(from).forms.hear(w.in.form, w.in.wall)
	if w.ah != nil {
		w.ahs.set(from, uint64(w.in.sequence))
		w.sequence = max(w.sequence, w.in.sequence)
	}
	if w.in.signed { // else the mark stays, so that what was signed before it is not heeded again
		w.stamps.set(from, w.in.stamp)
	}
	w.in.same = w.sameAddresses()
}

// checkAddressee sees to it that a packet is for this virtual router.
func (w *Wire) checkAddressee() Drop {
	p := &w.in.Packet
	if familyOf(p.Src) != w.family || familyOf(p.Dst) != w.family {
		return OtherVRID
	}
	vrid, ok := p.VRID()
	switch {
	case !ok || w.family == IPv4 && len(p.Header) < IPv4.ipLength():
		return BadLength
	case vrid != w.cfg.VRID:
		return OtherVRID
	}
	return 0
}

// maxOnWire is how many packets may be about to come back at one time.
const maxOnWire = 4

// recognise tells a packet of this router that came back from one of another router
// that has the same address.
func (w *Wire) recognise() Drop {
	if w.onWire == 0 {
		return SameSource
	}
	w.onWire--
	return Looped
}

func (w *Wire) checkAHPresence() Drop {
	w.in.body = w.in.Payload
	switch {
	case w.in.Protocol == ahProtocol && w.ah == nil:
		return UnexpectedAH
	case w.in.Protocol != ahProtocol && w.ah != nil:
		return NoAH
	case w.ah != nil:
		w.in.body = w.in.Payload[ahLength:]
	}
	return 0
}

// minFrame is how long Ethernet makes a packet that is shorter.
const minFrame = 46

// checkLength wants a packet to be as long as it says, but for what Ethernet adds to it.
func (w *Wire) checkLength() Drop {
	length, drop := w.advert.read(w.in.body, w.family)
	if drop != 0 {
		return drop
	}
	w.in.length = length
	surplus := len(w.in.body) - length
	switch {
	case surplus == 0:
	case surplus == trailerLength && w.keys != nil:
	case surplus == trailerLength && w.in.body[length] == trailerSHA256:
		return UnexpectedTrailer
	case w.family == IPv4 && len(w.in.Header)+len(w.in.Payload) == minFrame:
		w.in.body, w.in.padding = w.in.body[:length], surplus
	default:
		return BadLength
	}
	return 0
}

func (w *Wire) checkTTL() Drop {
	if w.in.Dst.IsMulticast() && w.in.TTL != maxTTL {
		return BadTTL
	}
	return 0
}

func (w *Wire) checkVersion() Drop {
	if w.advert.Version != w.cfg.Version {
		return BadVersion
	}
	return 0
}

func (w *Wire) checkTrailer() Drop {
	if w.keys == nil {
		return 0
	}
	if len(w.in.body) == w.in.length {
		if w.keys.mode == Enforce {
			return NoTrailer
		}
		return 0
	}
	stamp, drop := w.keys.check(w.in.body, w.in.Src, w.in.wall)
	w.in.stamp, w.in.signed = stamp, drop == 0
	return drop
}

// checkAuth checks what version 2 has for authentication.
func (w *Wire) checkAuth() Drop {
	switch {
	case w.advert.Auth != w.own.Auth:
		return BadAuth
	case w.own.Auth == Password && subtle.ConstantTimeCompare(w.advert.Secret[:], w.own.Secret[:]) != 1:
		return BadPassword
	case w.ah != nil:
		return w.checkAH()
	}
	return 0
}

// checkAH wants the sequence number to grow for each sender by itself, so that one
// does not shut out another. After a restart a sender goes on from what it hears.
func (w *Wire) checkAH() Drop {
	if len(w.in.Header) != IPv4.ipLength() {
		return BadAH
	}
	sequence, _, drop := w.ah.check(w.in.Header, w.in.Payload)
	if drop != 0 {
		return drop
	}
	if mark := w.ahs.find(w.in.Src); mark != nil && uint64(sequence) <= mark.value {
		return Replayed
	}
	w.in.sequence = sequence
	return 0
}

// checkInterval wants the interval of version 2 to be that of all (RFC 3768 section
// 7.1). In version 3 it is the master's to say.
func (w *Wire) checkInterval() Drop {
	if w.cfg.Version == V2 && w.advert.Interval != w.cfg.Interval {
		return BadInterval
	}
	return 0
}

func (w *Wire) checkType() Drop {
	if w.in.body[0]&0xf != typeAdvert {
		return BadType
	}
	return 0
}

// checkTotalLength compares with what the IP header says, which may have been told
// before or after Ethernet made the packet longer.
func (w *Wire) checkTotalLength() Drop {
	if w.family == IPv6 {
		return 0
	}
	total, padded := int(binary.BigEndian.Uint16(w.in.Header[2:])), len(w.in.Header)+len(w.in.Payload)
	if total != padded && total != padded-w.in.padding {
		return BadLength
	}
	return 0
}

func (w *Wire) checkChecksum() Drop {
	form, ok := verify(w.advert.Version, w.in.body, w.in.length, w.in.Src, w.in.Dst)
	if !ok {
		return BadChecksum
	}
	w.in.form = form
	return 0
}

func (w *Wire) checkDestination() Drop {
	switch {
	case w.in.Dst.IsMulticast() == w.unicast():
		return BadDestination
	case !w.unicast() && w.in.Dst != w.cfg.Group(w.family):
		return BadDestination
	}
	return 0
}

// checkPeer wants unicast to come from a peer, from as far away as it is.
func (w *Wire) checkPeer() Drop {
	p := w.peer(w.in.Src)
	switch {
	case p == nil:
		return UnknownPeer
	case w.in.TTL < p.MinTTL, p.MaxTTL > 0 && w.in.TTL > p.MaxTTL:
		return BadDistance
	}
	return 0
}

// checkContent wants an advert to say something. That is an address at least (RFC 9568
// section 5.2.5), but for a router that has none itself: nor have its peers.
func (w *Wire) checkContent() Drop {
	switch {
	case w.advert.Interval == 0:
		return NoInterval
	case len(w.advert.Addresses) == 0 && len(w.own.Addresses) > 0:
		return NoAddresses
	}
	return 0
}

// sameAddresses compares the addresses of the advert with ours, in whatever order.
func (w *Wire) sameAddresses() bool {
	if slices.Equal(w.advert.Addresses, w.own.Addresses) {
		return true
	}
	w.scratch = append(w.scratch[:0], w.advert.Addresses...)
	slices.SortFunc(w.scratch, netip.Addr.Compare)
	return slices.Equal(w.scratch, w.sorted)
}
