package checker

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// scriptPath is all that a script has of an environment, but for its marker.
const scriptPath = "PATH=/usr/sbin:/usr/bin:/sbin:/bin"

// scriptCheck is kind "script": a program that tells by its exit code.
type scriptCheck struct {
	argv     []string
	account  *account // nil for the daemon's own
	weighted bool
}

func newScript(_ *Host, s Spec) (Checker, error) {
	argv := s.Script.Argv
	if len(argv) == 0 || !filepath.IsAbs(argv[0]) {
		return nil, fmt.Errorf("argv %q: the first one must be an absolute path", argv)
	}
	if slices.ContainsFunc(argv, func(arg string) bool { return strings.ContainsRune(arg, 0) }) {
		return nil, fmt.Errorf("argv %q: a NUL cannot be passed on", argv)
	}
	account, err := lookUpAccount(s.Script.User)
	if err != nil {
		return nil, err
	}
	return &scriptCheck{argv: slices.Clone(argv), account: account, weighted: s.Script.Weighted}, nil
}

// Check runs the script. With it ends all that it has started.
func (c *scriptCheck) Check(ctx context.Context) (Finding, error) {
	if err := c.refuse(); err != nil {
		return Finding{}, err
	}
	patience := patience(ctx)
	run, err := startScript(c.argv, c.account, nil)
	if err != nil {
		return Finding{}, c.explainStart(err)
	}
	status, err := run.finish(ctx)
	return c.judge(status, overdue(patience, err), lastLine(run.output.tail))
}

// refuse is an error if root would run what others can change.
func (c *scriptCheck) refuse() error {
	if c.account.uid() != 0 {
		return nil
	}
	return onlyRootWrites(c.argv[0])
}

// overdue says of a script that was not left to end by itself how long it was.
func overdue(patience time.Duration, err error) error {
	if !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("no end within %s, killed", patience)
}

// judge says what an end means. The line is the last one of the output.
func (c *scriptCheck) judge(status unix.WaitStatus, ended error, line string) (Finding, error) {
	switch code := status.ExitStatus(); {
	case ended != nil:
		return Finding{}, withLine(ended.Error(), line)
	case status.Signaled():
		return Finding{}, withLine("killed by "+signalName(status.Signal()), line)
	case code == 0:
		return Finding{}, nil
	case c.weighted && code >= 2:
		return Finding{Value: Value{Is: code - 2, Known: true}}, nil
	default:
		return Finding{}, &exitError{code, line}
	}
}

// exitError is of a program that ended by itself, and not with 0.
type exitError struct {
	code int
	line string // the last of its output
}

func (e *exitError) Error() string {
	return withLine(fmt.Sprintf("exit code %d", e.code), e.line).Error()
}

// ExitCode is for whom the codes mean something.
func (e *exitError) ExitCode() int { return e.code }

func withLine(reason, line string) error {
	if line == "" {
		return errors.New(reason)
	}
	return fmt.Errorf("%s: %s", reason, line)
}

func signalName(s syscall.Signal) string {
	if name := unix.SignalName(s); name != "" {
		return name
	}
	return fmt.Sprintf("signal %d", int(s))
}
