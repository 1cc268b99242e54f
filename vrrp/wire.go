package vrrp

import (
	"net/netip"
	"slices"
	"time"
)

// WireConfig is how the adverts of one virtual router look, and which ones it heeds.
type WireConfig struct {
	Version   Version
	VRID      uint8
	Interval  time.Duration
	Source    netip.Addr   // of its adverts
	Addresses []netip.Addr // in its adverts: at most as many as they can hold, see Capacity; may be none
	Checksum  Checksum
	Auth      Authentication
	Peers     []Peer // that it sends to, one by one; none for the multicast group
	TTL       uint8  // of adverts to peers; 0 for 255
	// Multicast is the group that it sends to without peers; not valid for that of the RFC.
	Multicast netip.Addr
}

// Group is where adverts of a family go that are for all routers.
func (c *WireConfig) Group(f Family) netip.Addr {
	if c.Multicast.IsValid() {
		return c.Multicast
	}
	return f.Group()
}

// Checksum is the form of the checksums that a router sends, where there is a choice.
type Checksum uint8

// The choices.
const (
	Auto             Checksum = iota // a pseudo-header, unless only another form is heard
	WithPseudoHeader                 // as keepalived and FRR send it
	WithoutIt                        // as RFC 9568 has it
)

// Peer is another router to which adverts are sent by themselves.
type Peer struct {
	Address        netip.Addr
	MinTTL, MaxTTL uint8 // of what comes from it; 0 for any
}

// Wire makes the packets of one virtual router, and judges those that come in for its
// VRID. It is not safe for concurrent use.
type Wire struct {
	cfg    WireConfig
	family Family
	peers  []peer // one for all, if it multicasts
	sorted []netip.Addr

	// What is sent.
	own      Advert
	id       uint16 // of the last IPv4 packet
	sequence uint32 // of the last authentication header, from whomever
	onWire   int    // packets that were sent, and may come back

	// What is read.
	advert  Advert
	in      reading
	scratch []netip.Addr
	heard   heard

	ah     *signer  // nil for none
	keys   *keyring // nil for none
	ahs    *marks   // sequence numbers of authentication headers
	stamps *marks   // of trailers
}

// peer is what is known of one that unicast is exchanged with.
type peer struct {
	Peer
	forms forms
}

// NewWire makes one.
func NewWire(cfg WireConfig) *Wire {
	cfg.Source = cfg.Source.WithZone("")
	w := &Wire{cfg: cfg, family: familyOf(cfg.Source), sorted: sortedAddrs(cfg.Addresses)}
	w.ahs, w.stamps = newMarks(len(cfg.Peers)), newMarks(len(cfg.Peers))
	w.keys = newKeyring(cfg.Auth, w.stamps)
	w.own = Advert{
		Version: cfg.Version, VRID: cfg.VRID, Interval: cfg.Interval, Addresses: cfg.Addresses,
	}
	if cfg.Version == V2 {
		w.own.Auth = cfg.Auth.Kind
	}
	switch {
	case w.own.Auth == Password && w.family == IPv4:
		w.own.Secret = cfg.Auth.Secret
	case w.own.Auth == AH && w.family == IPv4:
		w.ah = newSigner(cfg.Auth.Secret)
	}
	for _, p := range cfg.Peers {
		p.Address = p.Address.WithZone("")
		w.peers = append(w.peers, peer{Peer: p})
	}
	if !w.unicast() {
		w.peers = []peer{{}}
	}
	w.advert.Addresses = make([]netip.Addr, 0, len(cfg.Addresses))
	w.scratch = make([]netip.Addr, 0, len(cfg.Addresses))
	return w
}

// SetSource changes from which address adverts are sent, to another one of its family.
func (w *Wire) SetSource(source netip.Addr) { w.cfg.Source, w.onWire = source.WithZone(""), 0 }

// Reconfigure changes all but the source, the version and the peers' addresses. What
// was counted, heard and learnt goes on.
func (w *Wire) Reconfigure(cfg WireConfig) {
	cfg.Source = w.cfg.Source
	next := NewWire(cfg)
	next.id, next.sequence, next.onWire, next.heard = w.id, w.sequence, w.onWire, w.heard
	next.ahs, next.stamps = w.ahs, w.stamps
	if next.keys != nil {
		next.keys.marks = w.stamps
	}
	if next.keys != nil && w.keys != nil {
		next.keys.last = w.keys.last
	}
	for i := range next.peers {
		next.peers[i].forms = w.peers[i].forms
	}
	*w = *next
}

func (w *Wire) unicast() bool { return len(w.cfg.Peers) > 0 }

// peer returns what is known of the one with an address, or nil if it is none. In
// multicast all are one.
func (w *Wire) peer(address netip.Addr) *peer {
	if !w.unicast() {
		return &w.peers[0]
	}
	for i := range w.peers {
		if w.peers[i].Address == address {
			return &w.peers[i]
		}
	}
	return nil
}

// Append appends the packet that says priority to dst: over IPv4 with its IP header,
// whose identification the kernel would not know to be signed, over IPv6 without.
// Wall is the time of day, which some signatures have in them.
func (w *Wire) Append(b []byte, dst netip.Addr, priority uint8, wall time.Time) []byte {
	w.onWire = min(w.onWire+1, maxOnWire)
	if w.family == IPv6 {
		return w.appendAdvert(b, dst, priority, wall)
	}
	start := len(b)
	b = append(b, make([]byte, IPv4.ipLength())...)
	proto := uint8(protocol)
	if w.ah != nil {
		proto = ahProtocol
		b = append(b, make([]byte, ahLength)...)
	}
	body := len(b)
	b = w.appendAdvert(b, dst, priority, wall)
	header := b[start : start+IPv4.ipLength()]
	writeIPv4(b[start:], w.nextID(), w.ttl(dst), proto, w.cfg.Source, dst)
	if w.ah != nil {
		w.sequence++
		w.ah.appendHeader(b[:body-ahLength], header, b[body:], w.sequence)
	}
	sealIPv4(header)
	return b
}

// appendAdvert appends the advert and its trailer.
func (w *Wire) appendAdvert(b []byte, dst netip.Addr, priority uint8, wall time.Time) []byte {
	w.own.Priority = priority
	start := len(b)
	b = w.own.appendUnsummed(b, w.family)
	end := len(b)
	if w.keys != nil && w.keys.mode != ReceiveOnly {
		b = w.keys.append(b, start, w.cfg.Source, wall)
	}
	if w.family == IPv6 {
		end = len(b)
	}
	w.form(dst).seal(w.own.Version, b[start:end], w.cfg.Source, dst)
	return b
}

// nextID returns the identification of the next packet. The kernel would change 0.
func (w *Wire) nextID() uint16 {
	w.id++
	if w.id == 0 {
		w.id++
	}
	return w.id
}

func (w *Wire) ttl(dst netip.Addr) uint8 {
	if w.cfg.TTL == 0 || dst.IsMulticast() {
		return maxTTL
	}
	return w.cfg.TTL
}

// Form returns the form of the checksums that it sends now, to the first of its peers
// if that is not the same for all.
func (w *Wire) Form() Form { return w.form(w.peers[0].Address) }

// form returns the form of the checksum of what goes to dst.
func (w *Wire) form(dst netip.Addr) Form {
	switch w.cfg.Checksum {
	case WithPseudoHeader:
		return PseudoHeader
	case WithoutIt:
		return MessageOnly
	}
	if p := w.peer(dst); p != nil {
		return p.forms.best()
	}
	return PseudoHeader
}

func sortedAddrs(addresses []netip.Addr) []netip.Addr {
	sorted := slices.Clone(addresses)
	slices.SortFunc(sorted, netip.Addr.Compare)
	return sorted
}
