package vip

import "time"

const (
	// rivalGrace is how long after a VIP was taken a claim of another host is no
	// conflict: the frame may be one of the last owner that was under way. An
	// answer to a question that this node asked itself is not held up that long.
	rivalGrace = time.Second

	// A VIP is announced at once against a rival. Should the rival go on, it is
	// announced again no sooner than defendFirst later, and the pause doubles up to
	// defendMax, the DEFEND_INTERVAL of RFC 5227 section 2.4: two that both defend
	// the same address come to one frame each in that time.
	defendFirst = time.Second
	defendMax   = 10 * time.Second

	rivalCalm  = 3 * defendMax // without a claim, after which the conflict is over
	tellEvery  = time.Minute   // between two log lines about the same rival
	rivalsTold = 8             // of one VIP in that time

	// A taken VIP is asked for at once and askAgain later, then every askEvery, and
	// every defendMax while there is a conflict: most rivals keep quiet until they
	// are asked.
	askAgain = 2 * time.Second
	askEvery = time.Minute
)

// suspect is another MAC for a VIP than this node's. It may be one of this node
// all the same: of another interface on the same link.
type suspect struct {
	vip VIP
	mac hwAddr
}

// contest is what is known of the rivals for one VIP. It is pure.
type contest struct {
	rival hwAddr // the last one
	count uint64 // claims
	last  time.Time
	pause time.Duration // after the last defence
	next  time.Time     // no defence before
	told  map[hwAddr]time.Time
}

// Heard notes at now that a rival claimed the VIP some times, and returns when
// the VIP may be defended.
func (c *contest) Heard(rival hwAddr, times uint64, now time.Time) time.Time {
	if now.Sub(c.last) >= rivalCalm {
		c.pause = 0
	}
	c.rival, c.last = rival, now
	c.count += times
	if c.next.After(now) {
		return c.next
	}
	return now
}

// Defended notes that the VIP was announced at now.
func (c *contest) Defended(now time.Time) {
	c.pause = min(max(2*c.pause, defendFirst), defendMax)
	c.next = now.Add(c.pause)
}

// Tell reports whether the log is to name a rival at now.
func (c *contest) Tell(rival hwAddr, now time.Time) bool {
	for mac, at := range c.told {
		if now.Sub(at) >= tellEvery {
			delete(c.told, mac)
		}
	}
	if _, again := c.told[rival]; again || len(c.told) >= rivalsTold {
		return false
	}
	if c.told == nil {
		c.told = make(map[hwAddr]time.Time)
	}
	c.told[rival] = now
	return true
}

// Ongoing reports whether the conflict goes on at now over a VIP that is held
// since a time.
func (c *contest) Ongoing(since, now time.Time) bool {
	return c.count > 0 && !c.last.Before(since) && now.Sub(c.last) < rivalCalm
}

// contested reports whether a frame that came at now claims the VIP, which is on l,
// for somebody else.
func (e *entry) contested(a assertion, l link, now time.Time) bool {
	return e.held && a.mac != l.mac && (a.answer || now.Sub(e.since) >= rivalGrace)
}

// nextQuestion is when it is to be asked for the next time, after now, who else has
// the VIP.
func (e *entry) nextQuestion(now time.Time) time.Time {
	if again := e.since.Add(askAgain); again.After(now) {
		return again
	}
	if e.contest.Ongoing(e.since, now) {
		return now.Add(defendMax)
	}
	return now.Add(askEvery)
}

// conflict is the status of the contest.
func (e *entry) conflict(now time.Time) Conflict {
	c := &e.contest
	if c.count == 0 {
		return Conflict{}
	}
	return Conflict{MAC: c.rival.String(), Count: c.count, Last: c.last, Ongoing: e.held && c.Ongoing(e.since, now)}
}
