package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// How long the demo waits for what should happen.
const (
	patience = 10 * time.Second       // for an owner, or for a node to follow
	pause    = 700 * time.Millisecond // between two acts, to be read
)

// Options of a demo.
type Options struct {
	Binary    string // path of perch
	Out       io.Writer
	Failover  string        // profile, unless Heartbeat is set
	Heartbeat time.Duration // 0: by profile
	KeepFiles bool          // configs, logs and data stay after the demo
}

// Run plays the demo until its end or that of ctx. Its error is a
// *lab.MissingError when this machine or this user cannot have it.
func Run(ctx context.Context, o Options) (err error) {
	dir, err := os.MkdirTemp("", "perch-demo-")
	if err != nil {
		return fmt.Errorf("make a folder for the demo: %w", err)
	}
	out := newPrinter(o.Out)
	if o.KeepFiles {
		defer func() { out.line("Configs, logs and data are in %s.", dir) }()
	} else {
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	s, err := newStage(dir, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	err = play(ctx, s, out)
	if ctx.Err() != nil {
		return errors.New("the demo was interrupted; everything it made is gone")
	}
	if err != nil {
		out.logs(s.cluster)
	}
	return err
}

// play is the demo from its first line to its table.
func play(ctx context.Context, s *stage, out *printer) error {
	out.opening(s)
	if err := begin(ctx, s, out); err != nil {
		return err
	}
	var outcomes []outcome
	all := acts()
	for i, a := range all {
		if err := sleep(ctx, pause); err != nil {
			return err
		}
		got, err := perform(ctx, s, out, a, fmt.Sprintf("[%d/%d]", i+1, len(all)))
		if err != nil {
			return fmt.Errorf("%s: %w", a.name, err)
		}
		outcomes = append(outcomes, got)
	}
	out.table(outcomes)
	return nil
}

// begin starts the nodes and waits for the first owner.
func begin(ctx context.Context, s *stage, out *printer) error {
	out.line("Starting perch on the three nodes ...")
	started := time.Now()
	if err := s.cluster.StartAll(); err != nil {
		return err
	}
	owner, err := s.firstOwner(ctx)
	if err != nil {
		return err
	}
	out.detail("%s owns the VIPs, %s after the start.", owner.Name, inMillis(time.Since(started)))
	if err := s.allFollow(ctx, owner); err != nil {
		return err
	}
	status, err := owner.Perch(ctx, "status")
	if err != nil {
		return err
	}
	out.command("perch status", status)
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// within calls done each few milliseconds until it is true; what says what is
// waited for.
func within(ctx context.Context, limit time.Duration, what string, done func() (bool, error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not within %s", limit))
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, err := done()
		if err != nil || ok {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", what, context.Cause(ctx))
		case <-tick.C:
		}
	}
}
