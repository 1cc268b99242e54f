package vip

import (
	"cmp"
	"time"
)

// repeats are the times of a VIP's first announcements, counted from the first of
// all. They are for neighbours that lost it or could not be reached yet (a bridge
// port that is still learning).
var repeats = [...]time.Duration{0, 50 * time.Millisecond, 200 * time.Millisecond, time.Second}

const (
	repeatDelay = 5 * time.Second
	repeatEvery = 60 * time.Second
)

// Pace says how a VIP's announcements go on after the quick ones of the first second.
type Pace struct {
	Delay   time.Duration // when the last of the quick ones comes, 0 for 5 s: those after it are left out
	Refresh time.Duration // between later ones, for neighbours that come later; 0 for 60 s
}

// orDefault fills in what is left open.
func (p Pace) orDefault() Pace {
	return Pace{Delay: cmp.Or(p.Delay, repeatDelay), Refresh: cmp.Or(p.Refresh, repeatEvery)}
}

// schedule says when which VIP is to be announced. Whoever takes one announces it
// and says so by Sent. It is pure.
type schedule struct {
	agenda
	first map[VIP]time.Time // when a VIP's first announcement was sent
	pace  func(VIP) Pace    // nil for the default
}

// Start lets v be announced at now and then repeatedly, from the start on if it
// was on the schedule before.
func (s *schedule) Start(v VIP, now time.Time) {
	delete(s.first, v)
	s.Put(v, now)
}

// Stop ends the announcements of v.
func (s *schedule) Stop(v VIP) {
	delete(s.first, v)
	s.Drop(v)
}

// Has reports whether v is on the schedule.
func (s *schedule) Has(v VIP) bool {
	_, ok := s.byVIP[v]
	return ok
}

// Sent notes that v, which was started, was announced at now.
func (s *schedule) Sent(v VIP, now time.Time) {
	first, ok := s.first[v]
	if !ok {
		if s.first == nil {
			s.first = make(map[VIP]time.Time)
		}
		first = now
		s.first[v] = now
	}
	var p Pace
	if s.pace != nil {
		p = s.pace(v)
	}
	s.Put(v, p.orDefault().next(first, now))
}

// next is the first time after now at which a VIP is announced whose first
// announcement was at first. What was missed is not made up for.
func (p Pace) next(first, now time.Time) time.Time {
	last := first.Add(p.Delay)
	for _, offset := range repeats {
		if at := first.Add(offset); at.After(now) && at.Before(last) {
			return at
		}
	}
	if last.After(now) {
		return last
	}
	periods := now.Sub(last)/p.Refresh + 1
	return last.Add(periods * p.Refresh)
}
