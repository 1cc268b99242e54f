package checker

import (
	"context"
	"slices"
	"time"
)

// Program is what is run because something has happened, and not to find something out. It is
// run as a script is: without a shell, in a process group of its own, and as root only if
// nobody else could have changed it. What it leaves running as it ends by itself stays.
type Program struct {
	script *scriptCheck
}

// NewProgram returns the program of an argv, whose first is an absolute path, for a user, ""
// for the daemon's own.
func NewProgram(argv []string, user string) (*Program, error) {
	script, err := newScript(nil, Spec{Script: Script{Argv: argv, User: user}})
	if err != nil {
		return nil, err
	}
	return &Program{script.(*scriptCheck)}, nil
}

// Run runs the program with more arguments, and with the variables, "NAME=value", beside PATH
// in its environment. When ctx ends it is killed with all that it has started. The error says
// why it did not end well, in one line; that of one which ended by itself has an ExitCode method.
func (p *Program) Run(ctx context.Context, more, variables []string) error {
	c := *p.script
	c.argv = slices.Concat(c.argv, more)
	if err := c.refuse(); err != nil {
		return err
	}
	patience := patience(ctx)
	run, err := startScript(c.argv, c.account, variables)
	if err != nil {
		return c.explainStart(err)
	}
	status, err := run.finishAlone(ctx)
	_, err = c.judge(status, overdue(patience, err), lastLine(run.output.tail))
	return err
}

// Keep runs a program that is to go on, as Run does, until it ends by itself or ctx does. When
// ctx ends its group is asked to end by SIGTERM, and killed after grace. Nothing of its group
// is left in either case, nor of what has left the group soon after the start.
func (p *Program) Keep(ctx context.Context, grace time.Duration, more []string) error {
	return p.Ask(ctx, grace, more, nil)
}

// Ask is Keep, with variables in the environment.
func (p *Program) Ask(ctx context.Context, grace time.Duration, more, variables []string) error {
	c := *p.script
	c.argv = slices.Concat(c.argv, more)
	if err := c.refuse(); err != nil {
		return err
	}
	patience := patience(ctx)
	run, err := startScript(c.argv, c.account, variables)
	if err != nil {
		return c.explainStart(err)
	}
	status, err := run.finishAsked(ctx, grace)
	_, err = c.judge(status, overdue(patience, err), lastLine(run.output.tail))
	return err
}

// Vet is an error if root would run what others can change: before there is a need to.
func (p *Program) Vet() error { return p.script.refuse() }
