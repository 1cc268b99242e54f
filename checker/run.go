package checker

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	// lookGrace is what a Checker has after its timeout to say itself what it waits for.
	lookGrace = 10 * time.Millisecond
	// overdueEvery is how often it is looked whether checks are overdue, and overdueQuiet
	// for how long a warning of it is enough.
	overdueEvery = time.Second
	overdueQuiet = time.Minute
	// idleWait is how long a Runner without checks sleeps.
	idleWait = time.Hour
)

// look is one that has not returned.
type look struct {
	name    string
	checker Checker
	timeout time.Duration
	begun   time.Duration
	cancel  context.CancelFunc
	task    *task // whose outcome it is; nil once it does not count
}

// Run makes the checks until ctx ends. All looks have ended when it returns, but for those
// that do not end with their context within endLimit, which do not count. It runs once.
func (r *Runner) Run(ctx context.Context) error {
	var started sync.WaitGroup
	defer r.leave(&started)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		timer.Reset(r.pass(ctx, &started))
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-r.wake:
		}
	}
	return nil
}

// Progress returns a number that is another one each time Run begins or ends to do what is
// due. It is even while there is nothing to do. An odd one that stays tells of a Run that
// is stuck, which a check cannot bring about.
func (r *Runner) Progress() uint64 { return r.beat.Load() }

// pass does what is due and returns how long there is nothing to do.
func (r *Runner) pass(ctx context.Context, started *sync.WaitGroup) time.Duration {
	r.beat.Add(1)
	defer r.beat.Add(1)
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	r.noteStall(now)
	r.next = 0
	for t := r.timers.first(); t != nil && t.at <= now; t = r.timers.first() {
		r.expire(t, now)
	}
	for r.queue.len() > 0 && len(r.underway) < r.limit {
		r.begin(ctx, started, r.queue.first(), now)
	}
	for _, t := range r.unwatched {
		r.beginWatch(ctx, started, t)
	}
	r.unwatched = nil
	r.warnOverdue(now)
	r.next = r.wakeAt(now)
	return r.next - now
}

// wakeAt returns when there is something to do next.
func (r *Runner) wakeAt(now time.Duration) time.Duration {
	at := now + idleWait
	if t := r.timers.first(); t != nil {
		at = min(at, t.at)
	}
	if r.queue.len() > 0 {
		at = min(at, r.overdue)
	}
	if len(r.underway) > 0 {
		at = min(at, now+stallBeat)
	}
	return at
}

// expire does what follows from the time of a task having come.
func (r *Runner) expire(t *task, now time.Duration) {
	l := r.underway[t.entry.Name]
	switch {
	case t.phase == looking:
		l.task = nil
		r.count(t, outcome{reason: lateText(l.timeout), ended: now, took: now - l.begun})
	case t.phase == blocked:
		r.count(t, outcome{reason: hangReason(now - l.begun), ended: now, took: now - t.machine.begun})
	case l != nil:
		t.machine.begin(now)
		r.plan(t, blocked, now+t.entry.Schedule.Timeout+lookGrace)
	default:
		t.phase = queued
		r.queue.put(t, t.at)
	}
}

// begin lets a task look.
func (r *Runner) begin(ctx context.Context, started *sync.WaitGroup, t *task, now time.Duration) {
	timeout := t.entry.Schedule.Timeout
	limited, cancel := withTimeout(ctx, timeout)
	l := &look{
		name: t.entry.Name, checker: t.entry.Checker, timeout: timeout,
		begun: now, cancel: cancel, task: t,
	}
	r.underway[l.name] = l
	t.machine.begin(now)
	r.plan(t, looking, now+timeout+lookGrace)
	started.Go(func() { r.look(ctx, limited, l) })
}

// look makes one look within limited, which ends with ctx at the latest. If it does it was
// cut short, and does not count.
func (r *Runner) look(ctx, limited context.Context, l *look) {
	finding, err := checkOnce(limited, l.checker)
	ended := r.now()
	l.cancel()

	r.mu.Lock()
	defer r.mu.Unlock()
	r.noteStall(ended)
	delete(r.underway, l.name)
	if l.task != nil && ctx.Err() == nil {
		r.logPanic(l.task, err)
		r.count(l.task, l.outcome(finding, err, ended))
	}
	if t := r.tasks[l.name]; t != nil {
		r.release(t, ended)
	}
	if r.queue.len() > 0 {
		r.wake.ring()
	}
}

// outcome returns what came of a look that has returned.
func (l *look) outcome(finding Finding, err error, ended time.Duration) outcome {
	o := outcome{finding: finding, ended: ended, took: ended - l.begun}
	o.finding.Warning = brief(finding.Warning)
	switch {
	case err != nil:
		o.reason = lookReason(err, l.timeout)
	case o.took > l.timeout:
		o.reason = lateText(l.timeout)
	}
	return o
}

// release lets a task go on that waited for its look to return.
func (r *Runner) release(t *task, now time.Duration) {
	changed := t.changed
	t.changed = false
	switch {
	case t.phase == blocked:
		r.plan(t, idle, t.machine.begun) // when it was due
	case t.phase == idle && changed:
		t.machine.hurry(now)
		r.plan(t, idle, t.machine.due)
	}
}

// count takes an outcome down, tells what is new, and plans the next look.
func (r *Runner) count(t *task, o outcome) {
	if o.reason != "" && t.machine.begun < r.stalled && t.machine.spoil(o.ended) {
		r.plan(t, idle, t.machine.due)
		return
	}
	end, warning := time.Now(), t.finding.Warning
	changed := t.machine.end(o.ended, o.reason == "", rand.Float64())
	news := t.record(o, end) || changed
	if news {
		r.changed.ring()
	}
	if news || t.machine.state != Healthy {
		r.note(t)
	}
	if changed {
		t.since = end
	}
	r.plan(t, idle, t.machine.due)
	r.tell(t, o, changed)
	if warning == "" && t.finding.Warning != "" {
		r.log.Warn("check warns", "name", t.entry.Name, "kind", t.entry.Spec.Kind, "warning", t.finding.Warning)
	}
}

// tell logs an outcome.
func (r *Runner) tell(t *task, o outcome, changed bool) {
	name, kind := t.entry.Name, t.entry.Spec.Kind
	switch {
	case changed && t.machine.state == Failed:
		r.log.Info("check failed", "name", name, "kind", kind, "reason", o.reason)
	case changed:
		r.log.Info("check is healthy", "name", name, "kind", kind)
	case r.log.Enabled(context.Background(), slog.LevelDebug):
		r.log.Debug("check looked", "name", name, "kind", kind, "took", o.took, "reason", o.reason)
	}
}

// warnOverdue logs that checks have been due for longer than their interval.
func (r *Runner) warnOverdue(now time.Duration) {
	if r.queue.len() == 0 || now < r.overdue {
		return
	}
	r.overdue = now + overdueEvery
	var late int
	for _, t := range r.queue.queue {
		if now-t.at > t.entry.Schedule.Interval {
			late++
		}
	}
	if late == 0 {
		return
	}
	r.overdue = now + overdueQuiet
	r.log.Warn("checks are overdue", "checks", late, "by", now-r.queue.first().at,
		"looking", len(r.underway), "limit", r.limit)
}
