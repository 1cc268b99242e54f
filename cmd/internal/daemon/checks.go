package daemon

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/perch-vip/perch/checker"
	"github.com/perch-vip/perch/cmd/internal/config"
)

// checks are this node's health checks.
type checks struct {
	host     *checker.Host
	runner   *checker.Runner
	log      *slog.Logger
	verdicts atomic.Pointer[map[string]verdict]
}

// openChecks makes the checks of a config. It starts nothing.
func openChecks(list []config.Check, log *slog.Logger) (*checks, error) {
	c := &checks{host: checker.NewHost(log), runner: checker.NewRunner(checker.Options{Log: log}), log: log}
	entries, err := entriesOf(c.host, list)
	if err != nil {
		return nil, err
	}
	c.set(entries)
	return c, nil
}

// set has other checks made from now on. Those that stay keep their verdicts.
func (c *checks) set(entries []checker.Entry) {
	c.runner.Set(entries)
	c.note()
}

// note takes over the verdicts.
func (c *checks) note() {
	verdicts := map[string]verdict{}
	for _, s := range c.runner.Status() {
		verdicts[s.Name] = verdictOf(s)
	}
	c.verdicts.Store(&verdicts)
}

// all returns what is known of each check.
func (c *checks) all() map[string]verdict { return *c.verdicts.Load() }

// run makes the checks until the context ends. At each change of a verdict heed is called.
func (c *checks) run(g *errgroup.Group, parts context.Context, heed func()) {
	around(g, parts, c.host.Run, func(ctx context.Context) error { return c.untilEnd(ctx, c.runner.Run) })
	g.Go(func() error {
		for {
			select {
			case <-parts.Done():
				return nil
			case <-c.runner.Changed():
				c.note()
				heed()
			}
		}
	})
}

// looksEnd is what is left to looks when the daemon is stopped.
const looksEnd = 2 * time.Second

// untilEnd runs a part of the checks. Looks that do not end with the context, as they wait
// for a file system that hangs, are left behind: the process is about to end.
func (c *checks) untilEnd(parts context.Context, run func(context.Context) error) error {
	done := make(chan error, 1)
	go func() { done <- run(parts) }()
	<-parts.Done()
	select {
	case err := <-done:
		return err
	case <-time.After(looksEnd):
		c.log.Warn("stopping without the end of all looks: one hangs")
		return nil
	}
}

// around runs inner until the context ends, and outer until inner has returned.
func around(g *errgroup.Group, parts context.Context, outer, inner func(context.Context) error) {
	longer, end := context.WithCancel(context.WithoutCancel(parts))
	g.Go(func() error { return outer(longer) })
	g.Go(func() error {
		defer end()
		return inner(parts)
	})
}
