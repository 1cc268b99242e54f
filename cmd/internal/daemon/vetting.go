package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/perch-vip/perch/cmd/internal/notify"
)

// Of how often programs are looked at, and for how long a reload waits for that.
const (
	vetEvery = 10 * time.Second
	vetLimit = time.Second
)

// vetter is a program that knows why it would not be run.
type vetter interface{ Vet() error }

// suspect is a program that is run once something happens.
type suspect struct {
	use string // what for
	vetter
}

// vetting looks, before there is a need, whether root would refuse to run programs, since others
// could change them. A look may hang, as the disk of a program does: nothing waits for it but
// a reload, and that not for long.
type vetting struct {
	log  *slog.Logger
	poke chan struct{}

	mu       sync.Mutex // guards what follows
	suspects []suspect
	looked   chan struct{} // closed once suspects were looked at
	refused  []string      // of those that were looked at last
}

func newVetting(log *slog.Logger) *vetting {
	return &vetting{log: log, poke: make(chan struct{}, 1), looked: make(chan struct{})}
}

// set says what is looked at from now on.
func (v *vetting) set(suspects []suspect) {
	v.mu.Lock()
	v.suspects, v.looked = suspects, make(chan struct{})
	v.mu.Unlock()
	offer(v.poke, struct{}{})
}

// run looks until ctx ends. A look that hangs is left behind then.
func (v *vetting) run(ctx context.Context) error {
	tick := time.NewTicker(vetEvery)
	defer tick.Stop()
	for {
		over := make(chan struct{})
		go func() {
			defer close(over)
			v.look()
		}()
		select {
		case <-ctx.Done():
			return nil
		case <-over:
		}
		select {
		case <-ctx.Done():
			return nil
		case <-v.poke:
		case <-tick.C:
		}
	}
}

// look looks at all once, and logs what is new.
func (v *vetting) look() {
	v.mu.Lock()
	suspects, looked, before := v.suspects, v.looked, v.refused
	v.mu.Unlock()
	refused := refusals(suspects)
	v.mu.Lock()
	if v.looked != looked { // others are to be looked at by now
		v.mu.Unlock()
		return
	}
	v.refused = refused
	select {
	case <-looked:
	default:
		close(looked)
	}
	v.mu.Unlock()
	for _, r := range refused {
		if !slices.Contains(before, r) {
			v.log.Warn("program that would not be run", "warning", r)
		}
	}
}

// refusals says of each program that would not be run why, and what to do.
func refusals(suspects []suspect) (list []string) {
	for _, s := range suspects {
		err := s.Vet()
		if err == nil {
			continue
		}
		text := fmt.Sprintf("%s is not run: %v; give it to root (chown root), take the right to write from others (chmod go-w), or have another user run it", s.use, err)
		if !slices.Contains(list, text) {
			list = append(list, text)
		}
	}
	return list
}

// warnings are those of the last look. They wait for none.
func (v *vetting) warnings() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.refused
}

// found waits until what was set was looked at, but not for longer than vetLimit.
func (v *vetting) found() []string {
	v.mu.Lock()
	looked, empty := v.looked, len(v.suspects) == 0
	v.mu.Unlock()
	if empty {
		return nil
	}
	select {
	case <-looked:
		return v.warnings()
	case <-time.After(vetLimit):
		return nil
	}
}

// suspectsOf returns the programs that are run for what happens.
func suspectsOf(entries []notify.Entry, hooks []notify.Hook, programs *nodePrograms) (list []suspect) {
	known := map[vetter]bool{} // a hook has one for all that it is about
	add := func(use string, program any) {
		if v, vets := program.(vetter); vets && !known[v] {
			known[v] = true
			list = append(list, suspect{use, v})
		}
	}
	add("start_program", programs.start.runner)
	add("stop_program", programs.stop.runner)
	for _, e := range entries {
		switch t := e.Target.(type) {
		case *notify.Program:
			add("notify "+e.Name, t.Runner)
		case notify.Programs:
			for _, kind := range []notify.Kind{notify.QuorumUp, notify.QuorumDown} {
				if t[kind] != nil {
					add(e.Name, t[kind].Runner)
				}
			}
		}
		if e.Reader != nil {
			add("reader of "+e.Reader.FIFO, e.Reader.Program)
		}
	}
	for _, h := range hooks {
		add("converge hook "+h.Name, h.Program)
	}
	return list
}
