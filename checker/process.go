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
// few, or could be too many, it takes a scan of all processes. So as long as all is well
// nothing is scanned where any number is good.
type processCheck struct {
	wanted func(process) bool
	what   string // such as `named "nginx"`
	quorum int
	most   *int // nil for any number
	all    *processes
	vigil  vigil

	mu    sync.Mutex
	short bool  // another one makes a difference: the last look found too few, or there may be too many
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
	c := &processCheck{quorum: spec.Quorum, most: spec.QuorumMax, all: &h.processes}
	if c.most == nil || *c.most > 0 {
		c.quorum = max(1, c.quorum)
	}
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
	case p.QuorumMax != nil && (*p.QuorumMax < p.Quorum || *p.QuorumMax > maxQuorum):
		return fmt.Errorf("quorum_max %d: must be %d-%d", *p.QuorumMax, p.Quorum, maxQuorum)
	case p.PIDFile != "" && !filepath.IsAbs(p.PIDFile):
		return fmt.Errorf("PID file %q: must be an absolute path", p.PIDFile)
	case p.PIDFile != "" && p.Quorum > 1:
		return fmt.Errorf("quorum %d: a PID file names one process", p.Quorum)
	case p.PIDFile != "" && p.QuorumMax != nil:
		return fmt.Errorf("quorum_max %d: a PID file names one process", *p.QuorumMax)
	}
	return nil
}

// Check counts the processes up to the quorum, or up to one that is too many. One that is
// stopped counts: it is there.
func (c *processCheck) Check(ctx context.Context) (Finding, error) {
	known := append(c.vigil.last(), c.takeBorn()...)
	if c.most == nil && c.count(known) >= c.quorum {
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
	switch {
	case n < c.quorum:
		return Finding{}, unlessHidden(c.tooFew(n))
	case c.most == nil:
		c.setShort(false)
	case n > *c.most:
		return Finding{}, c.tooMany()
	case hidesOthers():
		return Finding{}, fmt.Errorf("nobody knows whether there are more processes %s: %s", c.what, hidden)
	}
	return Finding{}, nil
}

const hidden = "those of other users are hidden from perch, by hidepid of /proc or ProtectProc of its unit"

// unlessHidden says, too, that there may be more than are seen.
func unlessHidden(missing error) error {
	if !hidesOthers() {
		return missing
	}
	return fmt.Errorf("%w: %s", missing, hidden)
}

// count takes the oldest first, which are no workers that come and go.
func (c *processCheck) count(pids []int) int {
	limit := c.quorum
	if c.most != nil {
		limit = *c.most + 1
	}
	slices.Sort(pids)
	var reader procReader
	return c.vigil.count(slices.Compact(pids), limit, func(pid int) bool {
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

func (c *processCheck) tooMany() error {
	switch *c.most {
	case 0:
		return fmt.Errorf("a process %s", c.what)
	case 1:
		return fmt.Errorf("more than one process %s", c.what)
	}
	return fmt.Errorf("more than %d processes %s", *c.most, c.what)
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
