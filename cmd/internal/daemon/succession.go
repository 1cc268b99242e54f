package daemon

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/perch-vip/perch/cluster/state"
)

// reportLife is for how long what a node has said of its health counts.
const reportLife = 10 * time.Second

// peer is a node as the leader sees it.
type peer struct {
	name string
	able bool          // the cluster says that it could take over now
	age  time.Duration // of its last report
	fitness
}

// succession is what the leader's decision to leave the VIPs to another depends on.
type succession struct {
	now     time.Time
	self    peer // able and age do not count
	peers   []peer
	moves   []state.Move // the history
	preempt bool
	holding bool // self has the VIPs
	release bool // rather hold nothing than on a sick node
	dark    bool // for which nothing is held already
}

// action is what a leader does about its VIPs.
type action int

const (
	stay  action = iota
	leave        // hand over to the first of course.to that takes over
)

// course is what a leader decides.
type course struct {
	action action
	dark   bool // hold nothing, also until the hand-over
	to     []string
	reason string
	cause  string // see state.Plan
}

// course is the whole policy of health and priority. A leader that is sick leaves to the
// best healthy peer. One that is not leaves to a healthy peer of higher priority.
func (s succession) course() course {
	switch {
	case s.self.health == sick:
		return s.escape()
	case s.release && s.dark && s.self.health != well: // no reason to take what it let go
		return course{dark: true}
	case !s.preempt || !s.holding:
		return course{}
	}
	better := s.targets(state.CausePreempt, s.self.priority)
	if len(better) == 0 {
		return course{}
	}
	best := better[:1]
	return course{action: leave, to: best, reason: best[0] + " has a higher priority", cause: state.CausePreempt}
}

// escape returns the course of a leader that is sick. While nothing is known of those
// that could take over it keeps the VIPs, if it has them: one that holds nothing takes
// nothing only to hand it over.
func (s succession) escape() course {
	c := course{reason: s.self.name + " is sick: " + brief(s.self.reasons)}
	c.to = s.targets(state.CauseHealth, 0)
	if len(c.to) > 0 {
		c.action, c.cause = leave, state.CauseHealth
	}
	c.dark = s.release && (s.dark || len(c.to) == 0 && !s.waits())
	return c
}

// waits tells whether there are peers that could take over, and nothing is known of any.
func (s succession) waits() bool {
	able := slices.DeleteFunc(slices.Clone(s.peers), func(p peer) bool { return !p.able })
	known := slices.ContainsFunc(able, func(p peer) bool { return p.current() != unsure })
	return len(able) > 0 && !known
}

// targets returns the peers that an automatic move may go to, best first: healthy and
// able, of a priority above a given one, and not held down.
func (s succession) targets(cause string, above int) []string {
	record := newRecord(s.now, s.moves)
	return inOrder(slices.DeleteFunc(slices.Clone(s.peers), func(p peer) bool {
		return !p.able || p.current() != well || p.priority <= above || record.against(p.name, cause) != holdDown{}
	}))
}

// current returns the health of p as far as its report is not too old.
func (p peer) current() health {
	if p.age > reportLife || p.health == "" {
		return unsure
	}
	return p.health
}

// missed is how many reports of p in a row have not come. One by one they come at any
// moment: of two peers that tell regularly neither is better.
func (p peer) missed() int { return int(p.age / (2 * tellEvery)) }

// inOrder returns the names of peers in the order in which a planned move should go to
// them: by health, priority, and how new their reports are.
func inOrder(peers []peer) []string {
	rank := map[health]int{well: 0, unsure: 1, sick: 2}
	sorted := slices.Clone(peers)
	sort.Slice(sorted, func(i, j int) bool {
		a, b := &sorted[i], &sorted[j]
		return cmp.Or(
			cmp.Compare(rank[a.current()], rank[b.current()]),
			cmp.Compare(b.priority, a.priority),
			cmp.Compare(a.missed(), b.missed()),
			cmp.Compare(a.name, b.name),
		) < 0
	})
	var names []string
	for _, p := range sorted {
		names = append(names, p.name)
	}
	return names
}

// brief returns the first of some reasons, and how many more there are.
func brief(reasons []string) string {
	switch len(reasons) {
	case 0:
		return "no reason is known"
	case 1:
		return reasons[0]
	}
	return fmt.Sprintf("%s (and %d more)", reasons[0], len(reasons)-1)
}
