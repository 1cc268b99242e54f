package cluster

import (
	"slices"
	"time"
)

// Allowances between what a voter grants and what the leader takes it for.
const (
	clockDrift = 20                    // clocks of two nodes differ in rate by at most 1/20
	tick       = 10 * time.Millisecond // of the slowest kernel (HZ = 100)
	slack      = 2 * time.Millisecond  // between reading a clock and acting on it
)

// leaseLength returns how long a grant of the given length lets a leader hold,
// counted from when it sent the request: the voter counts from its answer, which
// is later, on a clock that may run faster.
func leaseLength(grant time.Duration) time.Duration {
	return grant - grant/clockDrift - tick - slack
}

// A lease knows until when a leader may hold. It is not safe for concurrent use.
// Times are of the boot clock.
type lease struct {
	term uint64
	ends map[string]time.Duration // by voter: when its newest grant in term ends
	room []time.Duration          // for until
}

// grant notes that voter lets the leader of term hold until end.
func (l *lease) grant(term uint64, voter string, end time.Duration) {
	if term < l.term {
		return
	}
	if term > l.term || l.ends == nil {
		l.term, l.ends = term, make(map[string]time.Duration)
	}
	l.ends[voter] = max(l.ends[voter], end)
}

// until returns when the lease of the leader of term ends: the quorum-th latest
// end of the grants of the voters. It is 0 while no majority has granted. Voters
// may contain the leader itself, whose own grant ends at self, 0 being none.
func (l *lease) until(term uint64, leader string, self time.Duration, voters []string) time.Duration {
	ends := l.room[:0]
	for _, v := range voters {
		end := self
		if v != leader {
			end = l.ends[v]
		}
		if end > 0 && (v == leader || term == l.term) {
			ends = append(ends, end)
		}
	}
	l.room = ends
	quorum := len(voters)/2 + 1
	if len(voters) == 0 || len(ends) < quorum {
		return 0
	}
	slices.Sort(ends)
	return ends[len(ends)-quorum]
}
