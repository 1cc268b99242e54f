package notify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// runner keeps how it was run, and takes until ctx ends if it is to.
type runner struct {
	arguments, variables []string
	hangs                bool
}

func (r *runner) Run(ctx context.Context, arguments, variables []string) error {
	r.arguments, r.variables = arguments, variables
	if r.hangs {
		<-ctx.Done()
		return errors.New("no end within its time")
	}
	return nil
}

func TestProgramIsRun(t *testing.T) {
	event := Event{Kind: Master, Subject: gw, Priority: 100}
	for want, keepalived := range map[string]bool{"INSTANCE VI_1 MASTER 100": true, "": false} {
		r := &runner{}
		p := &Program{Runner: r, Slots: NewSlots(), Timeout: time.Second, Keepalived: keepalived}
		if err := p.Tell(t.Context(), event); err != nil {
			t.Error(err)
		}
		if got := strings.Join(r.arguments, " "); got != want {
			t.Errorf("arguments %q, want %q", got, want)
		}
		if !slices.Contains(r.variables, "PERCH_EVENT=master") {
			t.Errorf("variables %q", r.variables)
		}
	}
}

func TestProgramHasItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &Program{Runner: &runner{hangs: true}, Slots: NewSlots(), Timeout: 7 * time.Second}
		begin := time.Now()
		if err := p.Tell(t.Context(), of(Master, gw)); err == nil || err.Error() != "no end within its time" {
			t.Error(err)
		}
		if took := time.Since(begin); took != 7*time.Second {
			t.Errorf("took %s", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if err := p.Tell(ctx, of(Master, gw)); err == nil || !strings.HasPrefix(err.Error(), "killed at the end of perch: ") {
			t.Error(err)
		}
	})
}

type exitCode int

func (c exitCode) Error() string                                 { return fmt.Sprintf("exit code %d", int(c)) }
func (c exitCode) ExitCode() int                                 { return int(c) }
func (c exitCode) Run(context.Context, []string, []string) error { return c }

// EX_TEMPFAIL asks for another run, and nothing else does.
func TestProgramAsksForAnotherRun(t *testing.T) {
	for code, later := range map[exitCode]bool{75: true, 1: false, 74: false, 255: false} {
		p := &Program{Runner: code, Slots: NewSlots(), Timeout: time.Second}
		if err := p.Tell(t.Context(), of(Master, gw)); errors.Is(err, ErrLater) != later || err.Error() != code.Error() {
			t.Errorf("%d: %v", code, err)
		}
	}
}

// Its time begins with its turn: programs of a take-over of thousands are not all run at once.
func TestProgramsAreNotRunAllAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slots, ended := NewSlots(), make(chan time.Duration, atOnce+1)
		begin := time.Now()
		for range atOnce + 1 {
			p := &Program{Runner: &runner{hangs: true}, Slots: slots, Timeout: time.Second}
			go func() {
				_ = p.Tell(t.Context(), of(Master, gw))
				ended <- time.Since(begin)
			}()
		}
		late := 0
		for range atOnce + 1 {
			if <-ended == 2*time.Second {
				late++
			}
		}
		if late != 1 {
			t.Errorf("%d of %d were later", late, atOnce+1)
		}
	})
}
