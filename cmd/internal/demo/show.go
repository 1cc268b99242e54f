package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// show is one performance.
type show struct {
	*stage
	out *printer

	outcomes []outcome
	owner    *lab.Node     // after the last act
	lastAct  time.Time     // when it ended
	quiet    time.Duration // longest silence outside of acts
}

// play is the demo from its first line to its table.
func (sh *show) play(ctx context.Context) error {
	sh.out.opening(sh.stage)
	if err := sh.begin(ctx); err != nil {
		return err
	}
	all := acts()
	for i, a := range all {
		if err := sh.intermission(ctx); err != nil {
			return err
		}
		if err := sh.perform(ctx, a, fmt.Sprintf("[%d/%d]", i+1, len(all))); err != nil {
			return fmt.Errorf("%s: %w", a.name, err)
		}
	}
	if err := sh.intermission(ctx); err != nil {
		return err
	}
	sh.out.table(sh.outcomes)
	return nil
}

// begin starts the nodes and waits for the first owner.
func (sh *show) begin(ctx context.Context) (err error) {
	sh.out.line("Starting perch on the three nodes ...")
	started := time.Now()
	if err := sh.cluster.StartAll(); err != nil {
		return err
	}
	if sh.owner, err = sh.reachedOwner(ctx); err != nil {
		return err
	}
	sh.out.detail("%s owns the VIPs, %s after the start.", sh.owner.Name, inMillis(time.Since(started)))
	if err := sh.allFollow(ctx, sh.owner); err != nil {
		return err
	}
	status, err := sh.owner.Perch(ctx, "status")
	if err != nil {
		return err
	}
	sh.out.command("perch status", status)
	sh.lastAct = time.Now()
	return nil
}

// intermission leaves time to read. Nothing should happen in it; what does is
// told too.
func (sh *show) intermission(ctx context.Context) error {
	if err := sleep(ctx, pause); err != nil {
		return err
	}
	owner, err := sh.reachedOwner(ctx)
	if err != nil {
		return err
	}
	if owner == sh.owner {
		sh.quiet = max(sh.quiet, longest(sh.outages(sh.lastAct)))
		return nil
	}
	moves, err := owner.History(ctx)
	if err != nil {
		return err
	}
	got := outcome{
		name:      "by itself",
		from:      sh.owner.Name,
		to:        owner.Name,
		outages:   sh.outages(sh.lastAct),
		quiet:     sh.quiet,
		answering: []string{owner.Name},
	}
	sh.outcomes = append(sh.outcomes, got)
	sh.owner = owner
	sh.out.surprise(got, moves)
	return nil
}

// outages returns what the pings of each VIP saw since a moment.
func (sh *show) outages(since time.Time) []lab.Outage {
	var outages []lab.Outage
	for _, ping := range sh.pings {
		outages = append(outages, ping.Since(since))
	}
	return outages
}

func longest(outages []lab.Outage) (gap time.Duration) {
	for _, o := range outages {
		gap = max(gap, o.Gap)
	}
	return gap
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// How often within looks: at the kernels, which costs little, or by running a
// command, which would disturb what is measured.
const (
	byLooking = 2 * time.Millisecond
	byCommand = 100 * time.Millisecond
)

// within calls done at an interval until it is true, or fails when patience ends;
// what says what is waited for.
func within(ctx context.Context, interval time.Duration, what string, done func() (bool, error)) error {
	late := fmt.Errorf("not within %s; if this machine is busy try a slower --failover", patience)
	ctx, cancel := context.WithTimeoutCause(ctx, patience, late)
	defer cancel()
	tick := time.NewTicker(interval)
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
