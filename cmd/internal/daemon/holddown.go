package daemon

import (
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/perch-vip/perch/cluster/state"
)

// Hold-down keeps checks that flap from taking the VIPs along. It is worked out from the
// history alone, so that every leader knows it. A node that was left because it was sick
// gets nothing back for a while, each time for longer. And of moves that go where the
// VIPs were taken from within the last hour there are no more than movesPerHour, those
// that went elsewhere counted in.
const (
	firstHold    = 10 * time.Second // doubles with each leaving
	longestHold  = 10 * time.Minute
	peace        = time.Hour // without leavings it makes good what was
	movesPerHour = 4
	// preemptsPerHour leaves room for the move away that may follow.
	preemptsPerHour = movesPerHour - 1
)

// record is what the history says of automatic moves at one time.
type record struct {
	now   time.Time
	moves []state.Move // oldest first, none in the future
}

// newRecord returns the record of a history. What a clock that is ahead has stamped
// counts as of now, unless it was so wrong that this would hold for hours or days.
func newRecord(now time.Time, history []state.Move) record {
	r := record{now: now}
	for _, m := range history {
		if m.Cause == "" || m.From == m.To || m.Time.Sub(now) > peace {
			continue
		}
		if m.Time.After(now) {
			m.Time = now
		}
		r.moves = append(r.moves, m)
	}
	sort.SliceStable(r.moves, func(i, j int) bool { return r.moves[i].Time.Before(r.moves[j].Time) })
	return r
}

// holdDown says until when a node gets no VIPs by an automatic move, and why. The zero
// value is for one that may have them.
type holdDown struct {
	until time.Time
	why   string
}

// against returns what stands against a node as the target of an automatic move.
func (r record) against(node, cause string) holdDown {
	held, spent := r.held(node), r.spent(node, cause)
	if spent.until.After(held.until) {
		return spent
	}
	return held
}

// held returns the hold-down of a node that was left because it was sick.
func (r record) held(node string) holdDown {
	times, last := 0, time.Time{}
	for _, m := range r.moves {
		if m.From != node || m.Cause != state.CauseHealth {
			continue
		}
		if m.Time.Sub(last) >= peace {
			times = 0
		}
		times++
		last = m.Time
	}
	until := last.Add(holdFor(times))
	if !until.After(r.now) {
		return holdDown{}
	}
	if times == 1 {
		return holdDown{until, "left once because it was sick"}
	}
	return holdDown{until, fmt.Sprintf("left %d times because it was sick", times)}
}

// holdFor returns the length of the hold-down of a node that was left so many times.
func holdFor(times int) time.Duration {
	hold := firstHold
	for range times - 1 {
		hold = min(2*hold, longestHold)
	}
	return hold
}

// spent returns the hold-down of a node that a move would go back to, when there were as
// many moves within the hour as there may be. A move for health goes back to where one
// for health came from, preemption to where any came from.
func (r record) spent(node, cause string) holdDown {
	recent := r.recent()
	limit := movesPerHour
	if cause == state.CausePreempt {
		limit = preemptsPerHour
	}
	var left time.Time
	for _, m := range recent {
		if m.From == node && (cause == state.CausePreempt || m.Cause == state.CauseHealth) {
			left = m.Time
		}
	}
	if left.IsZero() || len(recent) < limit {
		return holdDown{}
	}
	until := recent[len(recent)-limit].Time
	if left.Before(until) {
		until = left
	}
	return holdDown{until.Add(peace), fmt.Sprintf("%d moves within an hour", len(recent))}
}

// recent returns the moves of the last hour.
func (r record) recent() []state.Move {
	i := slices.IndexFunc(r.moves, func(m state.Move) bool { return r.now.Sub(m.Time) < peace })
	if i < 0 {
		return nil
	}
	return r.moves[i:]
}
