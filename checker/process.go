package checker

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// maxQuorum bounds how many processes one check follows.
const maxQuorum = 1024

// processCheck is kind "process" by a name or a command line.
//
// A look that finds those well on which the last one rests needs no more. If they are too
// few, it takes a scan of all processes. So as long as all is well nothing is scanned.
type processCheck struct {
	wanted func(process) bool
	what   string // such as `named "nginx"`
	quorum int
	all    *processes
	vigil  vigil

	mu    sync.Mutex
	short bool  // the last look found too few
	born  []int // since then, with what is wanted
}

func newProcess(h *Host, s Spec) (Checker, error) {
	spec := s.Process
	if err := validProcess(s.Target, spec); err != nil {
		return nil, err
	}
	if spec.PIDFile != "" {
		f := &pidFileCheck{path: filepath.Clean(spec.PIDFile), folders: &h.folders}
		f.vigil.deaths = &h.processes.deaths
		return f, nil
	}
	c := &processCheck{quorum: max(1, spec.Quorum), all: &h.processes}
	c.vigil.deaths = &h.processes.deaths
	c.what = fmt.Sprintf("named %q", s.Target)
	c.wanted = func(p process) bool { return p.named(s.Target) }
	if spec.Command != "" {
		c.what = fmt.Sprintf("with %q in its command line", spec.Command)
		c.wanted = func(p process) bool { return strings.Contains(p.command, spec.Command) }
	}
	return c, nil
}

func validProcess(name string, p Process) error {
	given := slices.DeleteFunc([]string{name, p.PIDFile, p.Command}, func(s string) bool { return s == "" })
	switch {
	case len(given) != 1:
		return errors.New("a process is found by exactly one of its name, a PID file and a command line")
	case p.Quorum < 0 || p.Quorum > maxQuorum:
		return fmt.Errorf("quorum %d: must be 1-%d", p.Quorum, maxQuorum)
	case p.PIDFile != "" && !filepath.IsAbs(p.PIDFile):
		return fmt.Errorf("PID file %q: must be an absolute path", p.PIDFile)
	case p.PIDFile != "" && p.Quorum > 1:
		return fmt.Errorf("quorum %d: a PID file names one process", p.Quorum)
	}
	return nil
}

// Check counts the processes up to the quorum. One that is stopped counts: it is there.
func (c *processCheck) Check(ctx context.Context) (Finding, error) {
	known := append(c.vigil.last(), c.takeBorn()...)
	if c.count(known) >= c.quorum {
		c.setShort(false)
		return Finding{}, nil
	}
	c.setShort(true)
	all, err := c.all.scan(ctx)
	if err != nil {
		return Finding{}, err
	}
	for _, p := range all {
		if c.wanted(p) {
			known = append(known, p.pid)
		}
	}
	n := c.count(append(known, c.takeBorn()...))
	if n >= c.quorum {
		c.setShort(false)
		return Finding{}, nil
	}
	return Finding{}, c.tooFew(n)
}

// count takes the oldest first, which are no workers that come and go.
func (c *processCheck) count(pids []int) int {
	slices.Sort(pids)
	var reader procReader
	return c.vigil.count(slices.Compact(pids), c.quorum, func(pid int) bool {
		p, err := reader.process(pid)
		return err == nil && p.alive() && c.wanted(p)
	})
}

func (c *processCheck) tooFew(n int) error {
	if c.quorum == 1 {
		return fmt.Errorf("no process %s", c.what)
	}
	return fmt.Errorf("%d of %d processes %s", n, c.quorum, c.what)
}

func (c *processCheck) setShort(short bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.short = short
}

func (c *processCheck) takeBorn() []int {
	c.mu.Lock()
	defer c.mu.Unlock()
	born := c.born
	c.born = nil
	return born
}

// Watch tells of the end of processes that count, and where the kernel tells of new ones
// also of those, if there are too few.
func (c *processCheck) Watch(ctx context.Context, changed func()) error {
	b := newBell()
	c.vigil.begin(b)
	defer c.vigil.end()
	defer c.all.births.listen(func(p process) {
		if c.concerns(p) {
			b.ring()
		}
	}, b)()
	b.answer(ctx, changed)
	return nil
}

// concerns tells whether a process that is new, or another than before, makes a difference.
func (c *processCheck) concerns(p process) bool {
	counted := slices.Contains(c.vigil.last(), p.pid)
	wanted := p.alive() && c.wanted(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	if wanted && !counted && c.short && len(c.born) < maxQuorum {
		c.born = append(c.born, p.pid)
		return true
	}
	return counted && !wanted
}
