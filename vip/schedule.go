package vip

import "time"

// repeats are the times of a VIP's announcements, counted from its first;
// afterwards one follows every repeatEvery. The quick ones are for neighbours
// that lost the first frame or could not be reached yet (a bridge port that is
// still learning), the slow ones for those that come later.
var repeats = [...]time.Duration{0, 50 * time.Millisecond, 200 * time.Millisecond, time.Second, 5 * time.Second}

const repeatEvery = 60 * time.Second

// schedule says when which VIP is to be announced. Whoever takes one announces it
// and says so by Sent. It is pure.
type schedule struct {
	agenda
	first map[VIP]time.Time // when a VIP's first announcement was sent
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
	s.Put(v, nextRepeat(first, now))
}

// nextRepeat is the first time after now at which a VIP is announced whose
// first announcement was at first. What was missed is not made up for.
func nextRepeat(first, now time.Time) time.Time {
	for _, offset := range repeats {
		if at := first.Add(offset); at.After(now) {
			return at
		}
	}
	last := first.Add(repeats[len(repeats)-1])
	periods := now.Sub(last)/repeatEvery + 1
	return last.Add(periods * repeatEvery)
}
