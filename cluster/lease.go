package cluster

import (
	"slices"
	"time"
)

// Allowances of the lease, subtracted from the heartbeat timeout H.
const (
	clockDrift = 20                    // clocks of two nodes differ in rate by at most 1/20
	tick       = 10 * time.Millisecond // of the slowest kernel (HZ = 100)
	slack      = 2 * time.Millisecond  // between reading a clock and acting on it
)

// leaseLength returns how long one acknowledged request lets a leader hold.
// A follower calls no election before it heard nothing for H on its clock, and
// it can have heard the request no earlier than it was sent.
func leaseLength(heartbeat time.Duration) time.Duration {
	l := heartbeat - tick - slack
	return l - l/clockDrift
}

// A lease knows until when a leader may hold. It is not safe for concurrent use.
// Times are of the boot clock.
type lease struct {
	length time.Duration
	term   uint64
	floor  time.Duration            // requests sent before it do not count
	sent   map[string]time.Duration // by voter: when the newest acknowledged request was sent
}

// ack notes that peer answered Success in term to a request sent at the given time.
func (l *lease) ack(term uint64, peer string, sent time.Duration) {
	if term < l.term {
		return
	}
	if term > l.term {
		l.term, l.sent = term, nil
	}
	if l.sent == nil {
		l.sent = make(map[string]time.Duration)
	}
	if sent >= l.floor {
		l.sent[peer] = max(l.sent[peer], sent)
	}
}

// restart forgets all answers to requests sent before now.
func (l *lease) restart(now time.Duration) {
	l.floor = now
	l.sent = nil
}

// until returns when the lease of a leader of term ends: the quorum-th newest
// send time plus the length of a grant. It is 0 while no majority has answered.
// The leader counts itself, at now, only while it is a voter.
func (l *lease) until(term uint64, self string, voters []string, now time.Duration) time.Duration {
	var times []time.Duration
	for _, v := range voters {
		if v == self {
			times = append(times, now)
		} else if sent, ok := l.sent[v]; ok && term == l.term {
			times = append(times, sent)
		}
	}
	quorum := len(voters)/2 + 1
	if len(voters) == 0 || len(times) < quorum {
		return 0
	}
	slices.Sort(times)
	return times[len(times)-quorum] + l.length
}
