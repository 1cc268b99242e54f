package checker

import (
	"context"
	"log/slog"
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
	// from the verdict until the next verdict or the first look that does not.
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
	Verdict  string        // of a failed one: "failed 3 of 3: connection refused"
	Last     time.Time     // the end of the last look
	Took     time.Duration // by it
	Looks    uint64
	Failures uint64        // looks that were not well
	Overdue  time.Duration // for which the next one has been due and could not begin
}

// Options of a Runner.
type Options struct {
	Limit int // looks at once; 0 for 1024
	Log   *slog.Logger
}

// Runner makes many checks time and again.
type Runner struct {
	opts Options
}

// NewRunner returns a Runner without checks.
func NewRunner(opts Options) *Runner { return &Runner{opts: opts} }

// Set replaces the checks. One whose name, spec and schedule are as before goes on with
// its Checker and its state; if only the schedule differs its verdict stays. It may be
// called at any time, also before Run.
func (r *Runner) Set(entries []Entry) {}

// Run makes the checks until ctx ends. All looks have ended when it returns.
func (r *Runner) Run(ctx context.Context) error { return nil }

// Changed tells that the state, the value or the reason of some check is another.
func (r *Runner) Changed() <-chan struct{} { return nil }

// Status returns what is known of each check, in the order of Set.
func (r *Runner) Status() []Status { return nil }
