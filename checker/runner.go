package checker

import (
	"log/slog"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Entry is one check that a Runner has to make.
type Entry struct {
	Name     string // one of its own
	Spec     Spec
	Checker  Checker // made of Spec
	Schedule Schedule
}

// Schedule says when to look, and how many looks make a verdict.
type Schedule struct {
	Interval time.Duration // from the begin of one look to that of the next, give or take a tenth
	// FastInterval takes its place until the first verdict, and from a look that differs
	// from the verdict until the next verdict or the first look that does not. 0 for none.
	FastInterval time.Duration
	Timeout      time.Duration
	Warmup       time.Duration // the first look comes at random within it
	Rise, Fall   int           // looks in a row, 1 at least
}

// State is the verdict about a check.
type State string

// States.
const (
	Unknown State = "unknown" // no verdict yet
	Healthy State = "healthy"
	Failed  State = "failed"
)

// Status is what is known of a check.
type Status struct {
	Name     string
	Kind     string
	State    State
	Since    time.Time     // of State; of the Set for Unknown
	InRow    int           // the last looks that were alike
	OK       bool          // they were
	Error    string        // of the last look; "" if it was well, or there was none
	Warning  string        // likewise of the last that was well
	Value    Value         // likewise
	Verdict  string        // in words: "failed 3 of 3: connection refused", "healthy", "unknown; well 1 of 2"
	Last     time.Time     // the end of the last look
	Took     time.Duration // by it
	Looks    uint64
	Failures uint64        // looks that were not well
	Overdue  time.Duration // for which the next one has been due and there was no room for it
}

// Options of a Runner.
type Options struct {
	Limit int // looks at once; 0 for 1024
	Log   *slog.Logger
}

// Runner makes many checks time and again.
type Runner struct {
	limit   int
	log     *slog.Logger
	epoch   time.Time // since which times of tasks are
	changed bell      // of news
	wake    bell      // that Run has something to do before next

	beat atomic.Uint64 // odd while Run is at work

	mu        sync.Mutex
	tasks     map[string]*task
	order     []*task
	fresh     []*task          // with something to tell since the last News
	unwatched []*task          // Watchers whose Watch has not begun
	timers    agenda           // tasks that are to be woken
	queue     agenda           // tasks that are due and wait for room, by when they were due
	underway  map[string]*look // looks that have not returned, by the name of the check
	next      time.Duration    // when Run wakes by itself; 0 while it is awake
	overdue   time.Duration    // when to look next whether checks are overdue
	stalled   time.Duration    // when it was last noticed that this process had stood still
}

// NewRunner returns a Runner without checks.
func NewRunner(opts Options) *Runner {
	r := &Runner{
		limit:    opts.Limit,
		log:      opts.Log,
		epoch:    time.Now(),
		changed:  newBell(),
		wake:     newBell(),
		underway: make(map[string]*look),
	}
	if r.limit == 0 {
		r.limit = 1024
	}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	return r
}

// Set replaces the checks. One whose name, spec and schedule are as before goes on with
// its state; if only the schedule differs its verdict stays. Its Checker is the new one from
// the next look on, since files and accounts that the spec names may be others by now; a
// Watcher stays. With another spec it is a new check, which is unknown. Of several entries
// with one name only the last one is made. It may be called at any time, also before Run.
func (r *Runner) Set(entries []Entry) {
	entries = lastOfEachName(entries)
	r.mu.Lock()
	defer r.mu.Unlock()
	now, before := r.now(), r.tasks
	r.tasks, r.order = make(map[string]*task, len(entries)), make([]*task, len(entries))
	for i, e := range entries {
		t := before[e.Name]
		if t != nil && reflect.DeepEqual(t.entry.Spec, e.Spec) {
			delete(before, e.Name)
			t.renew(e.Checker)
			r.reschedule(t, e.Schedule, now)
		} else {
			t = r.add(e, now)
		}
		r.tasks[e.Name], r.order[i] = t, t
	}
	for _, t := range before {
		r.remove(t)
	}
	r.changed.ring()
	r.wake.ring()
}

// Changed tells that the state, the value, the warning or the reason for being failed of
// some check is another, or that there are other checks.
func (r *Runner) Changed() <-chan struct{} { return r.changed }

// Status returns what is known of each check, in the order of Set.
func (r *Runner) Status() []Status {
	r.mu.Lock()
	known := r.known(r.order)
	r.mu.Unlock()
	return inWords(known)
}

// News returns what is known of those checks of which Changed has told since the last News,
// and of those that are not healthy and have looked since: what their Verdict says of the
// last look is another by then. Of other checks it does not tell.
func (r *Runner) News() []Status {
	r.mu.Lock()
	fresh := slices.DeleteFunc(r.fresh, func(t *task) bool { return t.removed })
	r.fresh = nil
	for _, t := range fresh {
		t.fresh = false
	}
	known := r.known(fresh)
	r.mu.Unlock()
	return inWords(known)
}

// known is a Status whose verdict is yet to be put into words, for which there is no hurry.
type known struct {
	Status
	schedule Schedule
	reason   string
}

func (r *Runner) known(tasks []*task) []known {
	now, list := r.now(), make([]known, len(tasks))
	for i, t := range tasks {
		list[i] = known{t.status(now), t.entry.Schedule, t.reason}
	}
	return list
}

func inWords(list []known) []Status {
	all := make([]Status, len(list))
	for i, k := range list {
		all[i] = k.Status
		all[i].Verdict = k.verdict(k.schedule, k.reason)
	}
	return all
}

// note has News tell of a task.
func (r *Runner) note(t *task) {
	if !t.fresh {
		t.fresh, r.fresh = true, append(r.fresh, t)
	}
}

func lastOfEachName(entries []Entry) []Entry {
	last := make(map[string]int, len(entries))
	for i, e := range entries {
		last[e.Name] = i
	}
	kept := make([]Entry, 0, len(last))
	for i, e := range entries {
		if last[e.Name] == i {
			kept = append(kept, e)
		}
	}
	return kept
}

func (r *Runner) add(e Entry, now time.Duration) *task {
	t := &task{entry: e, machine: newMachine(e.Schedule, now, rand.Float64()), since: time.Now()}
	r.timers.put(t, t.machine.due)
	if _, watches := e.Checker.(Watcher); watches {
		r.unwatched = append(r.unwatched, t)
	}
	return t
}

func (r *Runner) reschedule(t *task, s Schedule, now time.Duration) {
	if t.entry.Schedule == s {
		return
	}
	t.entry.Schedule = s
	t.machine.reschedule(now, s, rand.Float64())
	if t.phase == idle {
		r.timers.put(t, t.machine.due)
	}
}

func (r *Runner) remove(t *task) {
	t.removed = true
	t.leave()
	if t.stopWatch != nil {
		t.stopWatch()
	}
	if l := r.underway[t.entry.Name]; l != nil && l.task == t {
		l.task = nil
		l.cancel()
	}
}

// plan has a task woken at a time.
func (r *Runner) plan(t *task, p phase, at time.Duration) {
	t.phase = p
	r.timers.put(t, at)
	if at < r.next {
		r.wake.ring()
	}
}

// now returns the time since the epoch.
func (r *Runner) now() time.Duration { return time.Since(r.epoch) }
