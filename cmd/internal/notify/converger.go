package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// ConvergeGrace is how long a hook that is asked to end has for that.
const ConvergeGrace = time.Second

// How often it is looked whether a goal is another one, of which nobody has told: a daemon
// that was frozen learns late of what has happened to it.
const (
	lookWhileRunning = 100 * time.Millisecond
	lookWhileIdle    = time.Second
)

// errStale is of a run that was not begun, since its goal is another one by now.
var errStale = errors.New("not run, since the ownership is another one by now")

// Asker runs a program with more arguments and variables. When ctx ends its process group is
// asked to end, and killed after grace.
type Asker interface {
	Ask(ctx context.Context, grace time.Duration, arguments, variables []string) error
}

// Hook is a converge of a [[notify]], for one thing that is owned.
type Hook struct {
	Key     string // all that makes it what it is: a hook with the Key of an earlier one goes on
	Name    string // in the log
	Node    string
	Subject Subject
	Program Asker
	Slots   Slots
	Every   time.Duration // how long after a success it is run again; 0 for never
	Timeout time.Duration
	Goal    func() Goal // what is so at this moment; it must not wait
}

// Converger runs hooks until the world outside is as the ownership. Whoever has it look waits
// for nothing.
type Converger struct {
	log     *slog.Logger
	outcome func(Outcome)

	mu      sync.Mutex // guards what follows, for moments only
	order   []*convergence
	ended   []*convergence // that are no more, and may still run
	begin   func(*convergence)
	stopped bool
}

// NewConverger returns one without hooks.
func NewConverger(log *slog.Logger) *Converger {
	return &Converger{log: log, outcome: func(Outcome) {}}
}

// OnOutcome has f told what becomes of runs, but for one that fails as the one before did, and
// one that goes as well as the one before. It is called before Run, and f must not wait.
func (c *Converger) OnOutcome(f func(Outcome)) { c.outcome = f }

// convergence is a hook that is followed.
type convergence struct {
	Hook
	poke    chan struct{}
	removed chan struct{} // closed when it is to end
	gone    chan struct{} // closed when it has ended
	before  []*convergence

	mu        sync.Mutex // guards what follows, for moments only
	course    course
	failed    uint64
	succeeded uint64
	took      time.Duration
	last      time.Time
}

// Set replaces the hooks. One that is no more is ended; what comes in its place waits for that.
func (c *Converger) Set(hooks []Hook) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return
	}
	was := map[string]*convergence{}
	for _, v := range c.order {
		was[v.Key] = v
	}
	var order, fresh []*convergence
	seen := map[string]bool{}
	for _, h := range hooks {
		if seen[h.Key] {
			continue
		}
		seen[h.Key] = true
		v := was[h.Key]
		delete(was, h.Key)
		if v == nil {
			v = newConvergence(h)
			fresh = append(fresh, v)
		}
		order = append(order, v)
	}
	c.ended = c.stillThere()
	for _, v := range was {
		close(v.removed)
		c.ended = append(c.ended, v)
	}
	c.order = order
	for _, v := range fresh {
		v.before = c.endedOf(v.Subject)
		if c.begin != nil {
			c.begin(v)
		}
	}
}

// stillThere returns those of the ended that may still run.
func (c *Converger) stillThere() (list []*convergence) {
	for _, v := range c.ended {
		select {
		case <-v.gone:
		default:
			list = append(list, v)
		}
	}
	return list
}

// endedOf returns those on the same subject.
func (c *Converger) endedOf(s Subject) (list []*convergence) {
	for _, v := range c.ended {
		if v.Subject == s {
			list = append(list, v)
		}
	}
	return list
}

func newConvergence(h Hook) *convergence {
	return &convergence{
		Hook:    h,
		poke:    make(chan struct{}, 1),
		removed: make(chan struct{}),
		gone:    make(chan struct{}),
		course:  course{every: h.Every},
	}
}

// Wake has all look at their goals.
func (c *Converger) Wake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, v := range c.order {
		select {
		case v.poke <- struct{}{}:
		default:
		}
	}
}

// Run follows the goals until ctx ends, and then once more, for EndLimit: whoever owns has
// given up before.
func (c *Converger) Run(ctx context.Context) error {
	work, kill := context.WithCancel(context.WithoutCancel(ctx))
	defer kill()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(EndLimit-ConvergeGrace, kill) })()
	var serving sync.WaitGroup
	c.mu.Lock()
	c.begin = func(v *convergence) { serving.Go(func() { c.serve(work, ctx.Done(), v) }) }
	for _, v := range c.order {
		c.begin(v)
	}
	c.mu.Unlock()
	<-ctx.Done()
	c.mu.Lock()
	c.stopped = true
	c.mu.Unlock()
	if !served(work, &serving, ConvergeGrace+hangLimit) {
		c.log.Error("some converge hooks hang, and are not waited for")
	}
	return nil
}

// serve follows the goal of a hook, until it is removed or perch ends.
func (c *Converger) serve(work context.Context, ending <-chan struct{}, v *convergence) {
	defer close(v.gone)
	for _, other := range v.before {
		select {
		case <-other.gone:
		case <-work.Done():
			return
		}
	}
	v.before = nil
	r := pursuit{Converger: c, convergence: v, work: work}
	defer r.end()
	for last := false; ; {
		pause := r.step()
		if last {
			if r.done() {
				return
			}
			pause = lookWhileRunning
		}
		timer := time.NewTimer(pause)
		select {
		case <-v.removed:
			timer.Stop()
			return
		case <-ending:
			ending, last = nil, true
			r.hurry()
		case <-v.poke:
		case err := <-r.ended:
			if failed := r.finish(err); last && failed {
				timer.Stop()
				return // there is no time for another one
			}
		case <-timer.C:
		}
		timer.Stop()
	}
}

// pursuit runs the hook of a convergence, once at a time.
type pursuit struct {
	*Converger
	*convergence
	work  context.Context
	kill  context.CancelFunc
	ended chan error // of the run; nil if there is none
	begun time.Time
}

// step does what is to be done now, and returns when to look again.
func (r *pursuit) step() time.Duration {
	now := time.Now()
	r.convergence.mu.Lock()
	r.course.follow(now, r.Goal())
	do, pause := r.course.decide(now)
	goal := r.course.goal
	if do == begin {
		r.course.begun()
	}
	r.convergence.mu.Unlock()
	switch do {
	case begin:
		r.start(now, goal)
	case stop:
		r.kill()
	}
	if r.ended != nil {
		return lookWhileRunning
	}
	if pause > 0 {
		return min(pause, lookWhileIdle)
	}
	return lookWhileIdle
}

// start runs the hook for a goal, if that is still so once there is a place for it.
func (r *pursuit) start(now time.Time, goal Goal) {
	ctx, kill := context.WithCancel(r.work)
	r.kill, r.ended, r.begun = kill, make(chan error, 1), now
	h, ended := r.Hook, r.ended
	go func() { ended <- h.run(ctx, goal) }()
}

func (h *Hook) run(ctx context.Context, goal Goal) error {
	select {
	case h.Slots <- struct{}{}:
	case <-ctx.Done():
		return errStale
	}
	defer func() { <-h.Slots }()
	if ctx.Err() != nil || h.Goal() != goal {
		return errStale
	}
	limited, cancel := context.WithTimeout(ctx, h.Timeout)
	defer cancel()
	return h.Program.Ask(limited, ConvergeGrace, goal.arguments(), goal.variables(h.Node, h.Subject))
}

// finish takes how a run has ended, and returns whether it has failed for a goal that is still one.
func (r *pursuit) finish(err error) (failed bool) {
	now := time.Now()
	r.kill()
	r.ended = nil
	r.convergence.mu.Lock()
	counts := r.course.runs == r.course.number && err != errStale && r.course.goal == r.Goal()
	before := r.course
	if counts {
		r.took, r.last = now.Sub(r.begun), now
		if err != nil {
			r.failed++
		} else {
			r.succeeded++
		}
	}
	if !counts && err == nil {
		err = errStale // it may have done its work before another one did
	}
	r.course.ended(now, err)
	after, took := r.course, r.took
	r.convergence.mu.Unlock()
	if counts {
		r.tell(before, after, took, err)
	}
	return counts && err != nil
}

// tell logs how a run has ended, and tells of what is new.
func (r *pursuit) tell(before, after course, took time.Duration, err error) {
	log := r.log.With("hook", r.Name, "subject", r.Subject.Name, "goal", after.goal.String(), "took", took.Round(time.Millisecond))
	o := Outcome{Target: r.Name, About: r.Subject.Name, Event: "converge " + after.goal.String() + " of " + r.Subject.Name, Attempts: before.failures + 1, Took: took, At: time.Now()}
	switch {
	case err != nil:
		log.Warn("converge hook has failed, and is run again", "attempt", o.Attempts, "error", err)
		o.Result, o.Error = Failed, err.Error()
	case before.converged:
		log.Debug("converge hook has succeeded again")
		return
	default:
		log.Info("converge hook has succeeded", "attempt", o.Attempts)
		o.Result = Told
	}
	if err == nil || before.failures == 0 { // one that goes on failing is no news
		r.outcome(o)
	}
}

func (r *pursuit) hurry() {
	r.convergence.mu.Lock()
	defer r.convergence.mu.Unlock()
	r.course.hurry(time.Now())
}

// done tells whether nothing is left to do at the end of perch.
func (r *pursuit) done() bool {
	if r.ended != nil {
		return false
	}
	r.convergence.mu.Lock()
	defer r.convergence.mu.Unlock()
	return r.work.Err() != nil || r.course.goal.State == "" || r.course.converged
}

// end ends the run, and waits for that: nothing runs beside what comes next.
func (r *pursuit) end() {
	if r.ended == nil {
		return
	}
	r.kill()
	<-r.ended
}

// Convergence is how far a hook has come.
type Convergence struct {
	Hook      string // its program
	Subject   Subject
	State     string // Waiting, Running, Failing or Converged
	Runs      bool   // it does at this moment
	Goal      Goal
	Since     time.Time // when it has come to that
	Error     string    // of the last run for it; "" if that went well
	Failures  int       // one after the other
	Succeeded uint64    // since the daemon began
	Failed    uint64    // likewise
	Last      time.Time // when the last run has ended
	Took      time.Duration
}

// Status returns how far all have come, in their order.
func (c *Converger) Status() []Convergence {
	c.mu.Lock()
	order := c.order
	c.mu.Unlock()
	list := make([]Convergence, len(order))
	for i, v := range order {
		list[i] = v.status()
	}
	return list
}

func (v *convergence) status() Convergence {
	v.mu.Lock()
	defer v.mu.Unlock()
	return Convergence{
		Hook:      v.Name,
		Subject:   v.Subject,
		State:     v.course.state(),
		Runs:      v.course.running,
		Goal:      v.course.goal,
		Since:     v.course.since,
		Error:     v.course.err,
		Failures:  v.course.failures,
		Succeeded: v.succeeded,
		Failed:    v.failed,
		Last:      v.last,
		Took:      v.took,
	}
}

// Late says in one sentence what is wrong with a hook that has not converged for long, or "".
func (c Convergence) Late(now time.Time) string {
	behind := now.Sub(c.Since)
	if c.State != Running && c.State != Failing || behind < lateAfter {
		return ""
	}
	s := fmt.Sprintf("converge hook %s has not brought about %q of %s for %s", c.Hook, c.Goal, c.Subject.Name, behind.Round(time.Second))
	if c.Error != "" {
		s += ": " + c.Error
	}
	return s
}

// lateAfter is when somebody is to look at a hook.
const lateAfter = time.Minute
