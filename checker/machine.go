package checker

import "time"

// lookAgain is how soon at most the begin of a look follows that of another.
const lookAgain = 10 * time.Millisecond

// machine decides what follows from one look after the other, and when to look next. It
// is pure: times are since some moment, and jitter is a number from 0 to 1, at random.
type machine struct {
	schedule Schedule
	state    State
	inRow    int  // the last looks that were alike
	ok       bool // they were
	begun    time.Duration
	due      time.Duration // of the next look
	spoiled  bool          // the last look did not count
}

// newMachine returns the machine of a check that begins now.
func newMachine(s Schedule, now time.Duration, jitter float64) machine {
	return machine{
		schedule: s,
		state:    Unknown,
		begun:    now - lookAgain,
		due:      now + share(s.Warmup, jitter),
	}
}

// begin says that a look begins.
func (m *machine) begin(now time.Duration) { m.begun = now }

// end says how the look that has begun last came out, and returns whether the state is
// another by it.
func (m *machine) end(now time.Duration, ok bool, jitter float64) bool {
	if ok != m.ok {
		m.inRow = 0
	}
	m.inRow++
	m.ok, m.spoiled = ok, false
	changed := m.judge()
	m.due = max(now, m.begun+max(lookAgain, spread(m.interval(), jitter)))
	return changed
}

// spoil says that the look that has begun last tells nothing, as this process has stood
// still meanwhile, and returns whether it is left out, for another one at once. One right
// after such a look is not: what is never seen in time is not well.
func (m *machine) spoil(now time.Duration) bool {
	if m.spoiled {
		return false
	}
	m.spoiled = true
	m.due = max(now, m.begun+lookAgain)
	return true
}

// judge makes the last looks a verdict if they are enough for one.
func (m *machine) judge() bool {
	verdict, enough := Failed, m.schedule.Fall
	if m.ok {
		verdict, enough = Healthy, m.schedule.Rise
	}
	if m.state == verdict || m.inRow < enough {
		return false
	}
	m.state = verdict
	return true
}

// interval returns that to the next look.
func (m *machine) interval() time.Duration {
	unsure := m.state == Unknown || m.ok != (m.state == Healthy)
	if unsure && m.schedule.FastInterval > 0 {
		return m.schedule.FastInterval
	}
	return m.schedule.Interval
}

// hurry makes the next look due at once, but for those that come too often.
func (m *machine) hurry(now time.Duration) { m.due = min(m.due, max(now, m.begun+lookAgain)) }

// reschedule replaces the schedule. Looks that were made count, and the verdict stays. The
// next look comes no later than it did, and at random within the new interval if that is
// sooner: checks that change together do not look together.
func (m *machine) reschedule(now time.Duration, s Schedule, jitter float64) {
	m.schedule = s
	m.due = min(m.due, now+share(m.interval(), jitter))
}

// spread returns an interval give or take a tenth.
func spread(interval time.Duration, jitter float64) time.Duration {
	return share(interval, 0.9+0.2*jitter)
}

func share(d time.Duration, of float64) time.Duration { return time.Duration(float64(d) * of) }
