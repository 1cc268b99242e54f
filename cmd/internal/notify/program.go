package notify

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// atOnce is how many programs are run at once: a take-over may be one of thousands.
const atOnce = 16

// tempfail is the exit code of a program that asks to be run again later: EX_TEMPFAIL of
// sysexits(3).
const tempfail = 75

// Slots are taken by programs that run.
type Slots chan struct{}

// NewSlots returns free ones, for all programs of a daemon.
func NewSlots() Slots { return make(Slots, atOnce) }

// Runner runs a program with more arguments and variables, and kills it when ctx ends.
type Runner interface {
	Run(ctx context.Context, arguments, variables []string) error
}

// Program is a target: a program that is run. Its fields do not change.
type Program struct {
	Runner     Runner
	Slots      Slots
	Timeout    time.Duration
	Keepalived bool // it gets keepalived's four arguments, after its own
}

// Tell implements Target.
func (p *Program) Tell(ctx context.Context, e Event) error {
	select {
	case p.Slots <- struct{}{}:
	case <-ctx.Done():
		return errEnded
	}
	defer func() { <-p.Slots }()
	limited, cancel := context.WithTimeout(ctx, p.Timeout)
	defer cancel()
	var arguments []string
	if p.Keepalived {
		arguments = e.arguments()
	}
	err := p.Runner.Run(limited, arguments, e.variables())
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("killed at the end of perch: %w", err)
	}
	var end interface{ ExitCode() int }
	if errors.As(err, &end) && end.ExitCode() == tempfail {
		return marked{err, ErrLater}
	}
	return err
}

// Programs is a target: another program for each kind of event.
type Programs map[Kind]*Program

// Tell implements Target.
func (p Programs) Tell(ctx context.Context, e Event) error { return p[e.Kind].Tell(ctx, e) }
