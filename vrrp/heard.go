package vrrp

import (
	"net/netip"
	"time"
)

// Counts are how many packets were refused for each Drop.
type Counts [dropCount]uint64

// Of returns how many were refused for one reason.
func (c *Counts) Of(d Drop) uint64 { return c[d] }

// Sender is what is known of a party that sends for this virtual router.
type Sender struct {
	Address        netip.Addr
	Version        Version // of the last packet, and so is what follows
	Priority       uint8
	Interval       time.Duration
	OtherInterval  bool // heeded, but another interval than ours
	Addresses      int  // in the advert
	OtherAddresses bool // heeded, but with other addresses than ours
	Unsigned       bool // heeded, but by Permissive alone
	Auth           Auth
	TTL            uint8
	Form           Form // if it was heeded
	Reason         Drop // for which it was refused; 0 if it was heeded
	Last           time.Duration

	Heeded  uint64
	Refused Counts

	reported time.Duration
	said     report
}

// report is what is to be said of a sender.
type report struct {
	reason                                  Drop
	otherInterval, otherAddresses, unsigned bool
}

func (s *Sender) report() report {
	return report{s.Reason, s.OtherInterval, s.OtherAddresses, s.Unsigned}
}

// maxSenders is how many senders are remembered.
const maxSenders = 16

// heard is who was heard.
type heard struct {
	senders []Sender
	refused Counts // of all, also those that are forgotten
	minute  time.Duration
	reports int // since that minute began
}

// sender returns the one with an address. One that is new takes the place of the one
// that was heard the longest ago, and sooner of one that was never heeded.
func (h *heard) sender(address netip.Addr) *Sender {
	for i := range h.senders {
		if h.senders[i].Address == address {
			return &h.senders[i]
		}
	}
	if len(h.senders) < maxSenders {
		h.senders = append(h.senders, Sender{})
		return h.reset(len(h.senders)-1, address)
	}
	oldest := 0
	for i := range h.senders {
		if h.senders[i].lessWorth(&h.senders[oldest]) {
			oldest = i
		}
	}
	return h.reset(oldest, address)
}

func (h *heard) reset(i int, address netip.Addr) *Sender {
	h.senders[i] = Sender{Address: address}
	return &h.senders[i]
}

func (s *Sender) lessWorth(than *Sender) bool {
	if strange := s.Heeded == 0; strange != (than.Heeded == 0) {
		return strange
	}
	return s.Last < than.Last
}

// Record remembers who has sent the packet that was judged last, at the time now of a
// clock of the caller's.
func (w *Wire) Record(now time.Duration) {
	drop := w.in.drop
	w.heard.refused[drop]++
	if drop == OtherVRID || drop == Looped {
		return // it is nobody's
	}
	s, a := w.heard.sender(w.in.Src), &w.advert
	s.Version, s.Priority, s.Interval, s.Addresses, s.Auth = a.Version, a.Priority, a.Interval, len(a.Addresses), a.Auth
	s.TTL, s.Form, s.Last, s.Reason = w.in.TTL, w.in.form, now, drop
	s.OtherInterval = drop == 0 && a.Interval != w.cfg.Interval
	s.OtherAddresses = drop == 0 && !w.in.same
	s.Unsigned = drop == 0 && w.keys != nil && w.keys.mode == Permissive && !w.in.signed
	if drop != 0 {
		s.Refused[drop]++
		return
	}
	s.Heeded++
}

// Remarkable tells whether there is something to be said of the packet that was recorded
// last, which Due may tell.
func (w *Wire) Remarkable() bool {
	switch w.in.drop {
	case 0:
		return w.heard.sender(w.in.Src).report() != report{}
	case OtherVRID, Looped:
		return false
	}
	return true
}

// Refused returns how many packets were refused for each reason.
func (w *Wire) Refused() Counts { return w.heard.refused }

// AppendSenders appends those that were heard, in no order.
func (w *Wire) AppendSenders(to []Sender) []Sender { return append(to, w.heard.senders...) }

// reportEvery is how often the same is said of one sender.
const reportEvery = time.Minute

// Due returns a sender of which a line is to be logged, and takes it as done. That is
// once a minute while its packets are refused, and once if they are only unlike ours.
// Senders whose addresses are made up do not make it more.
func (w *Wire) Due(now time.Duration) (Sender, bool) {
	h := &w.heard
	if now-h.minute >= reportEvery {
		h.minute, h.reports = now, 0
	}
	if h.reports >= maxSenders {
		return Sender{}, false
	}
	for i := range h.senders {
		if s := &h.senders[i]; s.due(now) {
			s.reported, s.said = now, s.report()
			h.reports++
			return *s, true
		}
	}
	return Sender{}, false
}

func (s *Sender) due(now time.Duration) bool {
	switch is := s.report(); {
	case is == (report{}):
		return false
	case s.said == (report{}):
		return true
	case is.reason == 0 && is == s.said:
		return false
	}
	return now-s.reported >= reportEvery && s.Last > s.reported // it has sent again
}
