package vrrp

import (
	"net/netip"
	"time"
)

// Stranger is a router that was heard on an interface where this node has none of its
// VRID and family.
type Stranger struct {
	Interface string
	Address   netip.Addr
	VRID      uint8
	Version   Version // of the last advert, and so is what follows
	Priority  uint8
	Interval  time.Duration
	Last      time.Duration

	adverts uint64
	said    bool
}

// strangerID is what tells strangers apart.
type strangerID struct {
	on      string
	address netip.Addr
	vrid    uint8
}

// maxStrangers is how many are remembered.
const maxStrangers = 256

// silence is for how long a stranger is remembered that is not heard.
const silence = 15 * time.Minute

// Strangers are those that were heard lately. Its zero value is ready to use. It is not
// safe for concurrent use. Times are readings of a clock of the caller's.
type Strangers struct {
	all     map[strangerID]Stranger
	advert  Advert
	minute  time.Duration
	reports int // since that minute began
}

// Hear remembers who has sent a packet, if that is an advert. Whether it could be heeded
// does not matter.
func (s *Strangers) Hear(now time.Duration, on string, p Packet) {
	body := p.Payload
	if p.Protocol == ahProtocol {
		if len(body) < ahLength || body[0] != protocol {
			return
		}
		body = body[ahLength:]
	}
	a := &s.advert
	if _, drop := a.read(body, familyOf(p.Src)); drop != 0 || body[0]&0xf != typeAdvert {
		return
	}
	id := strangerID{on, p.Src.WithZone(""), a.VRID}
	is, known := s.all[id]
	if !known {
		s.makeRoom()
	}
	is.Interface, is.Address, is.VRID = id.on, id.address, id.vrid
	is.Version, is.Priority, is.Interval, is.Last = a.Version, a.Priority, a.Interval, now
	is.adverts++
	s.all[id] = is
}

// makeRoom sees to it that there is room for one more: the one goes that was heard the
// longest ago, and sooner one that was heard once, as those are whose addresses are made up.
func (s *Strangers) makeRoom() {
	if s.all == nil {
		s.all = map[strangerID]Stranger{}
	}
	if len(s.all) < maxStrangers {
		return
	}
	var least strangerID
	for id, is := range s.all {
		if than, found := s.all[least]; !found || is.lessWorth(than) {
			least = id
		}
	}
	delete(s.all, least)
}

func (s Stranger) lessWorth(than Stranger) bool {
	if once := s.adverts == 1; once != (than.adverts == 1) {
		return once
	}
	return s.Last < than.Last
}

// Forget forgets those who have been silent for long, and those who are strange no more.
func (s *Strangers) Forget(now time.Duration, strange func(Stranger) bool) {
	for id, is := range s.all {
		if now-is.Last >= silence || !strange(is) {
			delete(s.all, id)
		}
	}
}

// Append appends those that are remembered, in no order.
func (s *Strangers) Append(to []Stranger) []Stranger {
	for _, is := range s.all {
		to = append(to, is)
	}
	return to
}

// Due returns one of which a line is to be logged, and takes it as done: each has one.
// There are so many in a minute at most, whatever addresses are made up.
func (s *Strangers) Due(now time.Duration) (Stranger, bool) {
	if now-s.minute >= reportEvery {
		s.minute, s.reports = now, 0
	}
	if s.reports >= maxSenders {
		return Stranger{}, false
	}
	for id, is := range s.all {
		if !is.said {
			is.said = true
			s.all[id] = is
			s.reports++
			return is, true
		}
	}
	return Stranger{}, false
}
