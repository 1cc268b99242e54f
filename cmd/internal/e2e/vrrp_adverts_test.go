package e2e

import (
	"net/netip"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// checkAdverts reads every field of every advert that was sent on the segment. Each
// must be what the config of its sender says.
func (s *segment) checkAdverts() {
	s.t.Helper()
	adverts, err := s.capture.Adverts()
	must(s.t, err)
	if len(adverts) == 0 {
		s.t.Error("nobody sent an advert")
	}
	for _, a := range adverts {
		m, v := s.sender(a)
		if m == nil {
			s.t.Errorf("an advert that is nobody's: %+v", a)
			return
		}
		if diff := cmp.Diff(m.advert(v, a), a, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
			s.t.Errorf("advert of %s (-want +got):\n%s", m.Name, diff)
			return
		}
	}
	s.checkSequences(adverts)
}

// checkSequences wants the sequence numbers of AH to grow for as long as a daemon runs.
func (s *segment) checkSequences(adverts []lab.Advert) {
	s.t.Helper()
	last, falls := map[*member]uint32{}, map[*member]int{}
	for _, a := range adverts {
		if m, _ := s.sender(a); a.AH != nil && m != nil {
			if a.AH.Sequence <= last[m] {
				falls[m]++
			}
			last[m] = a.AH.Sequence
		}
	}
	for m, n := range falls {
		if n >= m.starts {
			s.t.Errorf("the AH sequence numbers of %s fell %d times in %d lives", m.Name, n, m.starts)
		}
	}
}

// sender returns whose advert it is, by where it came from. Two routers with the same
// virtual MAC are told apart by their priorities; only then the last adverts of the two,
// which have none, may be taken for each other's.
func (s *segment) sender(a lab.Advert) (found *member, of virtual) {
	for _, m := range s.members {
		for _, v := range m.vs {
			if v.VRID != a.VRID || m.advertMAC(v) != a.From || a.Src.Is4() && m.source(v) != a.Src {
				continue
			}
			if found == nil || v.Priority == a.Priority {
				found, of = m, v
			}
		}
	}
	return found, of
}

// virtualMAC is the MAC address of the router (RFC 9568, section 7.3).
func (v virtual) virtualMAC() lab.MAC {
	if v.isIPv6() {
		return lab.MAC{0, 0, 0x5e, 0, 2, v.VRID}
	}
	return lab.MAC{0, 0, 0x5e, 0, 1, v.VRID}
}

// mac is where the router's answers and announcements come from.
func (m *member) mac(v virtual) lab.MAC {
	if v.VirtualMAC || m.alwaysVirtualMAC {
		return v.virtualMAC()
	}
	return lab.MAC(m.link(v).MAC)
}

// advertMAC is where its adverts come from. Those to single peers have nothing to teach a
// switch.
func (m *member) advertMAC(v virtual) lab.MAC {
	if v.Unicast || v.PlainAdverts {
		return lab.MAC(m.link(v).MAC)
	}
	return m.mac(v)
}

func (m *member) link(v virtual) *lab.Link {
	links := m.host.Links()
	return links[slices.IndexFunc(links, func(l *lab.Link) bool { return l.Interface == v.Interface })]
}

// source is the address of the router's adverts; not valid if it is whatever link-local
// address the interface has.
func (m *member) source(v virtual) netip.Addr {
	switch {
	case v.Unicast:
		return v.unicastAddress(m.host)
	case v.isIPv6():
		return netip.Addr{}
	}
	return m.link(v).IPv4.Addr()
}

var (
	group4 = netip.MustParseAddr("224.0.0.18")
	group6 = netip.MustParseAddr("ff02::12")
)

// destination returns where an advert to dst may go: the multicast group, or a peer.
func (m *member) destination(v virtual, dst netip.Addr) (lab.MAC, netip.Addr) {
	if v.Unicast {
		for _, p := range m.peers {
			if v.unicastAddress(p) == dst {
				return lab.MAC(p.Eth0.MAC), dst
			}
		}
	}
	return multicastMAC(v.group()), v.group()
}

// group is where its adverts go.
func (v virtual) group() netip.Addr {
	switch {
	case v.Group.IsValid():
		return v.Group
	case v.isIPv6():
		return group6
	}
	return group4
}

// multicastMAC is the MAC address of a group (RFC 1112 section 6.4, RFC 2464 section 7).
func multicastMAC(group netip.Addr) lab.MAC {
	b := group.AsSlice()
	low := b[len(b)-4:]
	if group.Is6() {
		return lab.MAC{0x33, 0x33, low[0], low[1], low[2], low[3]}
	}
	return lab.MAC{1, 0, 0x5e, low[1] & 0x7f, low[2], low[3]}
}

// Lengths of the parts of an advert.
const (
	headerLen  = 20 // of IPv4
	messageLen = 8  // without addresses
	passLen    = 8  // at the end of version 2
	ahLen      = 24
	hmacLen    = 28
)

// advert is what one of the router must look like, of the priority and to the
// destination of an advert that it sent.
func (m *member) advert(v virtual, got lab.Advert) lab.Advert {
	want := lab.Advert{
		At: got.At, ID: got.ID, From: m.advertMAC(v), Src: m.source(v), TOS: 0xc0, TTL: 255, HeaderGood: true,
		Version: v.Version, Type: 1, VRID: v.VRID, Priority: v.Priority, Interval: v.Interval, ChecksumGood: true,
	}
	want.To, want.Dst = m.destination(v, got.Dst)
	if m.kernelHops && v.Unicast && v.isIPv6() {
		want.TTL = got.TTL
	}
	if got.Priority == 0 { // its farewell
		want.Priority = 0
	}
	if v.isIPv6() && got.Src.IsLinkLocalUnicast() && !v.Unicast {
		want.Src = got.Src
	}
	want.Addresses = m.addressesOf(v)
	want.Length = messageLen + len(want.Addresses)*v.addressLen()
	if !v.isIPv6() {
		want.Length += headerLen
		if v.Version == 2 {
			want.Length += passLen
		}
	}
	switch v.Auth {
	case "pass":
		want.AuthType, want.Password = 1, v.Secret
	case "ah":
		want.AuthType = 2
		want.Length += ahLen
		want.AH = got.AH
		if got.AH == nil || got.AH.SPI != addressAsNumber(got.Src) || len(got.AH.ICV) != 12 {
			want.AH = &lab.AH{SPI: addressAsNumber(got.Src)}
		}
	case "hmac":
		want.Length += hmacLen
		want.ChecksumGood = got.ChecksumGood // tshark takes the trailer for a part of the message
	}
	if v.Version == 2 && v.isIPv6() {
		want.ChecksumGood = got.ChecksumGood // tshark has no such version; keepalived heeds it
	}
	return want
}

func (m *member) addressesOf(v virtual) (addrs []netip.Addr) {
	for _, p := range v.Addresses {
		addrs = append(addrs, p.Addr())
	}
	if v.isIPv6() {
		addrs = addrs[:min(roomFor6, len(addrs))]
	}
	return addrs
}

func addressAsNumber(a netip.Addr) (n uint32) {
	for _, b := range a.As4() {
		n = n<<8 | uint32(b)
	}
	return n
}

// saidFarewell wants a last advert of the node: one with priority 0. A fickle node that was mute
// until it was stopped has none.
func (s *segment) saidFarewell(m *member) {
	s.t.Helper()
	adverts, err := s.capture.Adverts()
	must(s.t, err)
	adverts = slices.DeleteFunc(adverts, func(a lab.Advert) bool {
		from, _ := s.sender(a)
		return from != m
	})
	mute := !slices.ContainsFunc(adverts, func(a lab.Advert) bool { return a.At.Before(m.stopped) })
	if m.fickle && mute {
		s.t.Logf("%s was mute until it was stopped", m.Name)
		return
	}
	if !slices.ContainsFunc(adverts, func(a lab.Advert) bool { return a.Priority == 0 }) {
		s.t.Errorf("%s never sent an advert of priority 0", m.Name)
	}
}

// announced wants each node to have announced all of its addresses as its own.
func (s *segment) announced(members ...*member) {
	s.t.Helper()
	announced, err := s.capture.Announcements()
	must(s.t, err)
	for _, m := range members {
		for _, v := range m.vs {
			for _, addr := range m.addressesOf(v) {
				if !slices.ContainsFunc(announced, func(a lab.Announced) bool {
					return a.From == m.mac(v) && a.Addr == addr
				}) {
					s.t.Errorf("%s never announced %s", m.Name, addr)
				}
			}
		}
	}
}

// firstAdvert returns when the node first sent an advert after that time.
func (s *segment) firstAdvert(m *member, after time.Time) time.Time {
	s.t.Helper()
	adverts, err := s.capture.Adverts()
	must(s.t, err)
	for _, a := range adverts {
		if from, _ := s.sender(a); from == m && a.At.After(after) {
			return a.At
		}
	}
	s.t.Fatalf("%s sent no advert after %s", m.Name, after)
	return time.Time{}
}
