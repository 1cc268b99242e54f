package checker

import (
	"context"
	"fmt"
	"time"
)

// phase is what a task waits for.
type phase int

const (
	idle    phase = iota // the next look is not due
	queued               // it is due, and there is no room for it
	looking              // it is under way
	blocked              // it is due, and the last one, which counts no more, has not returned
)

// task is a check and what is known of it.
type task struct {
	entry   Entry
	machine machine
	phase   phase

	agenda *agenda       // that it is in, if any
	at     time.Duration // its time there
	slot   int           // its position there

	changed   bool               // a change was noticed while a look was under way
	removed   bool               // it is a task of the Runner no more
	fresh     bool               // News is to tell of it
	panicked  bool               // the stack has been logged
	stopWatch context.CancelFunc // of a Watcher that watches

	since    time.Time
	last     time.Time
	took     time.Duration
	reason   string  // of the last look that was not well
	finding  Finding // of the last one that was
	looks    uint64
	failures uint64
	spent    Spent
}

// renew has further looks made by another Checker of the same spec. A Watcher, which
// watches, stays.
func (t *task) renew(c Checker) {
	if _, watches := t.entry.Checker.(Watcher); !watches {
		t.entry.Checker = c
	}
}

// outcome is what came of a look.
type outcome struct {
	finding Finding
	reason  string // why it is not well; "" if it is
	ended   time.Duration
	took    time.Duration
}

// record takes an outcome down and returns whether there is something new to tell.
func (t *task) record(o outcome, end time.Time) (news bool) {
	t.looks++
	t.last, t.took = end, o.took
	t.spent.add(o.took)
	if o.reason == "" {
		news = o.finding != t.finding
		t.finding = o.finding
		return news
	}
	t.failures++
	news = t.machine.state == Failed && o.reason != t.reason
	t.reason = o.reason
	return news
}

// status returns what is known of the task, but for the verdict.
func (t *task) status(now time.Duration) Status {
	s := Status{
		Name:     t.entry.Name,
		Kind:     t.entry.Spec.Kind,
		State:    t.machine.state,
		Since:    t.since,
		InRow:    t.machine.inRow,
		OK:       t.machine.ok,
		Warning:  t.finding.Warning,
		Value:    t.finding.Value,
		Last:     t.last,
		Took:     t.took,
		Looks:    t.looks,
		Failures: t.failures,
	}
	if !s.OK {
		s.Error = t.reason
	}
	if t.phase == queued {
		s.Overdue = now - t.at
	}
	return s
}

// verdict says in words what the state is and what may become of it, such as
// "failed 3 of 3: connection refused; well 1 of 2".
func (s Status) verdict(schedule Schedule, reason string) string {
	said := string(s.State)
	if s.State == Failed {
		said = fmt.Sprintf("failed %d of %d: %s", schedule.Fall, schedule.Fall, reason)
	}
	switch {
	case s.Looks == 0:
		return said + "; no look yet"
	case s.OK && s.State != Healthy:
		return said + fmt.Sprintf("; well %d of %d", s.InRow, schedule.Rise)
	case !s.OK && s.State != Failed:
		return said + fmt.Sprintf("; failed %d of %d: %s", s.InRow, schedule.Fall, reason)
	}
	return said
}
