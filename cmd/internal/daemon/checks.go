package daemon

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/perch-vip/perch/checker"
	"github.com/perch-vip/perch/cmd/internal/config"
)

// checks are this node's health checks.
type checks struct {
	host     *checker.Host
	runner   *checker.Runner
	noting   sync.Mutex // no verdict takes the place of a newer one
	verdicts atomic.Pointer[verdicts]
	rest     rest
}

// openChecks makes the checks of a config. It starts nothing.
func openChecks(list []config.Check, log *slog.Logger) (*checks, error) {
	c := &checks{host: checker.NewHost(log), runner: checker.NewRunner(checker.Options{Log: log})}
	entries, err := entriesOf(c.host, list)
	if err != nil {
		return nil, err
	}
	c.set(entries)
	return c, nil
}

// set has other checks made from now on. Those that stay keep their verdicts.
func (c *checks) set(entries []checker.Entry) {
	c.rest.mu.Lock()
	defer c.rest.mu.Unlock()
	c.rest.entries = entries
	c.runner.Set(c.rest.awake())
	c.note()
}

// setResting has all checks made but these, which have no verdicts from now on.
func (c *checks) setResting(names map[string]bool) {
	c.rest.mu.Lock()
	defer c.rest.mu.Unlock()
	if c.rest.change(names) {
		c.runner.Set(c.rest.awake())
		c.note()
	}
}

// note takes over all verdicts. The caller holds rest.mu.
func (c *checks) note() {
	c.noting.Lock()
	defer c.noting.Unlock()
	list := c.runner.Status()
	all := make(verdicts, len(list)+len(c.rest.names))
	for name := range c.rest.names {
		all[name] = &verdict{state: undecided, resting: true, reason: "is not made now"}
	}
	for _, s := range list {
		all[s.Name] = new(verdictOf(s))
	}
	c.verdicts.Store(&all)
}

// hear takes over those verdicts that are news: of thousands of checks, few are at a time.
func (c *checks) hear() {
	c.noting.Lock()
	defer c.noting.Unlock()
	news := c.runner.News()
	if len(news) == 0 {
		return
	}
	all := maps.Clone(c.all())
	for _, s := range news {
		all[s.Name] = new(verdictOf(s))
	}
	c.verdicts.Store(&all)
}

// all returns what is known of each check.
func (c *checks) all() verdicts { return *c.verdicts.Load() }

// run makes the checks until the context ends. At each change of a verdict heed is called.
func (c *checks) run(g *crew, parts context.Context, heed func()) {
	around(g, parts, c.host.Run, c.runner.Run)
	g.Go(func() error { return c.follow(parts, heed) })
}

// follow takes over verdicts until ctx ends. In a burst of them it takes half of a
// processor at most.
func (c *checks) follow(ctx context.Context, heed func()) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-c.runner.Changed():
			begin := time.Now()
			c.hear()
			heed()
			pause(ctx, time.Since(begin))
		}
	}
}

// around runs inner until the context ends, and outer until inner has returned.
func around(g *crew, parts context.Context, outer, inner func(context.Context) error) {
	longer, end := context.WithCancel(context.WithoutCancel(parts))
	g.Go(func() error { return outer(longer) })
	g.Go(func() error {
		defer end()
		return inner(parts)
	})
}

// entriesNamed returns the entries of these checks.
func entriesNamed(list []config.Check, entries []checker.Entry) []checker.Entry {
	names := make(map[string]bool, len(list))
	for i := range list {
		names[list[i].Name] = true
	}
	return slices.DeleteFunc(slices.Clone(entries), func(e checker.Entry) bool { return !names[e.Name] })
}
