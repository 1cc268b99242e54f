package vip

import (
	"cmp"
	"time"
)

// repeats are the times of a VIP's first announcements, counted from the first of
// all. They are for neighbours that lost it or could not be reached yet (a bridge
// port that is still learning). Further ones come each second.
var repeats = [...]time.Duration{0, 50 * time.Millisecond, 200 * time.Millisecond, time.Second}

const (
	repeatTimes  = 5
	repeatDelay  = 5 * time.Second
	repeatEvery  = 60 * time.Second
	refreshPause = 50 * time.Millisecond // between announcements of one refresh
)

// Pace says how a VIP is announced.
type Pace struct {
	Repeat        int           // how many quick ones there are, 0 for 5: see Delay
	Delay         time.Duration // when the last of them comes, 0 for 5 s: those after it are left out; less for no such one
	Refresh       time.Duration // between later ones, for neighbours that come later; 0 for 60 s
	RefreshRepeat int           // how many of these come in a row, 0 for 1
	Interval      time.Duration // between two of whatever VIPs of an interface; 0 for none
	Rate          int           // frames of a range in a second, and of whatever on its interface with LinkRate; 0 for 200,000 of each range alone
	LinkRate      int           // frames of whatever single addresses of an interface in a second at most; 0 for no limit
	AgainRepeat   int           // Repeat after Announce; 0 for the same, less for none at all
	AgainDelay    time.Duration // Delay after Announce; 0 for the same, less for no such one
}

// orDefault fills in what is left open.
func (p Pace) orDefault() Pace {
	repeat, delay := cmp.Or(p.Repeat, repeatTimes), cmp.Or(p.Delay, repeatDelay)
	return Pace{
		Repeat: repeat, Delay: delay,
		Refresh: cmp.Or(p.Refresh, repeatEvery), RefreshRepeat: cmp.Or(p.RefreshRepeat, 1),
		Interval: p.Interval, Rate: p.Rate, LinkRate: p.LinkRate,
		AgainRepeat: cmp.Or(p.AgainRepeat, repeat), AgainDelay: cmp.Or(p.AgainDelay, delay),
	}
}

// gap is how long v waits for the others of its interface, and by how much it may make good
// for one that came late: a rate is kept over a beat, as no timer is as exact as a high one
// would need, but an interval is one.
func (p Pace) gap(v VIP) (interval, lag time.Duration) {
	if p.LinkRate == 0 {
		return p.Interval, 0
	}
	share := time.Duration(announcementFrames(v)) * time.Second / time.Duration(p.LinkRate)
	if share < p.Interval {
		return p.Interval, 0
	}
	return share, beat
}

// schedule says when which VIP is to be announced. Whoever takes one announces it
// and says so by Sent. It is pure.
type schedule struct {
	agenda
	first map[VIP]time.Time    // when a VIP's first announcement was sent
	again map[VIP]time.Time    // when the first after Again was, zero as long as it is due
	pace  func(VIP) Pace       // nil for the default
	turns map[VIP]time.Time    // of VIPs that wait for that of others on their interface
	free  map[string]time.Time // by interface: when nobody waits any more; see freeOn
	last  map[string]time.Time // likewise: when one of them had its turn
}

func newSchedule(pace func(VIP) Pace) schedule {
	return schedule{
		again: make(map[VIP]time.Time), pace: pace,
		turns: make(map[VIP]time.Time), free: make(map[string]time.Time), last: make(map[string]time.Time),
	}
}

// Start lets v be announced at now and then repeatedly, from the start on if it
// was on the schedule before. One that waits for its turn keeps that: who is started
// again and again would never have one.
func (s *schedule) Start(v VIP, now time.Time) {
	delete(s.first, v)
	delete(s.again, v)
	if interval, _ := s.paceOf(v).gap(v); interval > 0 {
		now = latest(now, s.turns[v])
	}
	s.Put(v, now)
}

// Again lets v, if it is on the schedule, be announced at now and then repeatedly as its
// pace has it for this. What is to come of the start comes all the same; what is to come
// of an earlier Again does not, so that many are no more than one.
func (s *schedule) Again(v VIP, now time.Time) {
	due, ok := s.byVIP[v]
	pace := s.paceOf(v)
	if !ok || pace.AgainRepeat < 1 {
		return
	}
	s.again[v] = time.Time{}
	if interval, _ := pace.gap(v); interval > 0 {
		now = latest(now, s.turns[v])
	}
	if due.at.After(now) {
		s.Put(v, now)
	}
}

// Stop ends the announcements of v. Nobody waits for its turn any more.
func (s *schedule) Stop(v VIP) {
	delete(s.first, v)
	delete(s.again, v)
	s.Drop(v)
	if _, waits := s.turns[v]; waits {
		delete(s.turns, v)
		delete(s.free, v.Interface)
	}
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
	again, recalled := s.again[v]
	if recalled && again.IsZero() {
		again = now
		s.again[v] = now
	}
	s.Put(v, s.paceOf(v).next(first, again, now))
}

func (s *schedule) paceOf(v VIP) Pace {
	var p Pace
	if s.pace != nil {
		p = s.pace(v)
	}
	return p.orDefault()
}

// Admits reports whether v, which was started, may be announced at now, as it is then.
// Otherwise it is put where it is its turn.
func (s *schedule) Admits(v VIP, now time.Time) bool {
	interval, lag := s.paceOf(v).gap(v)
	if interval == 0 {
		delete(s.turns, v)
		return true
	}
	turn, waits := s.turns[v]
	if !waits {
		turn = latest(now, s.freeOn(v.Interface, interval))
		s.free[v.Interface] = turn.Add(interval)
	}
	turn = latest(turn, s.last[v.Interface].Add(interval)) // turns that are late do not come in a burst
	if turn.After(now) {
		s.turns[v] = turn
		s.Put(v, turn)
		return false
	}
	delete(s.turns, v)
	s.last[v.Interface] = latest(turn, now.Add(-lag))
	return true
}

// Waits reports whether VIPs wait for their turn.
func (s *schedule) Waits() bool { return len(s.turns) > 0 }

// Spend has those that have a turn to come on an interface come after what else is
// announced there.
func (s *schedule) Spend(name string, until time.Time) { s.free[name] = latest(s.free[name], until) }

// freeOn returns when nobody waits any more on an interface.
func (s *schedule) freeOn(name string, interval time.Duration) time.Time {
	free, known := s.free[name]
	if known {
		return free
	}
	for v, turn := range s.turns {
		if v.Interface == name {
			free = latest(free, turn.Add(interval))
		}
	}
	return free
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// next is the first time after now at which a VIP is announced whose first announcement
// was at first, and the first after Again at again, zero for none. What was missed is not
// made up for.
func (p Pace) next(first, again, now time.Time) time.Time {
	at := row{first, p.Repeat, p.Delay}.next(now)
	if !again.IsZero() {
		at = either(at, row{again, p.AgainRepeat, p.AgainDelay}.next(now), now)
	}
	if at.After(now) {
		return at
	}
	return p.refresh(at, now)
}

// either returns the next of two, or the last if both are over.
func either(a, b, now time.Time) time.Time {
	if b.Before(a) {
		a, b = b, a
	}
	if a.After(now) {
		return a
	}
	return b
}

// row is quick announcements in a row.
type row struct {
	first  time.Time
	repeat int
	delay  time.Duration
}

// next returns the first after now, or the last if all are over.
func (r row) next(now time.Time) time.Time {
	at := r.first
	for i := 1; i < r.repeat && !at.After(now); i++ {
		offset := quick(i)
		if r.delay > 0 && (i == r.repeat-1 || offset >= r.delay) {
			return r.first.Add(r.delay)
		}
		at = r.first.Add(offset)
	}
	return at
}

// quick is when a quick announcement comes after the first.
func quick(i int) time.Duration {
	if i < len(repeats) {
		return repeats[i]
	}
	return repeats[len(repeats)-1] + time.Duration(i-len(repeats)+1)*time.Second
}

// refresh is the first time after now at which a VIP is refreshed whose last quick
// announcement was at last.
func (p Pace) refresh(last, now time.Time) time.Time {
	periods := now.Sub(last) / p.Refresh
	begun := last.Add(periods * p.Refresh)
	next := begun.Add(p.Refresh)
	if periods == 0 {
		return next
	}
	for i := 1; i < p.RefreshRepeat; i++ {
		if at := begun.Add(time.Duration(i) * refreshPause); at.After(now) && at.Before(next) {
			return at
		}
	}
	return next
}
