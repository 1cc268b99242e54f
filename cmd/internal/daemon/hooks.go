package daemon

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/perch-vip/perch/checker"
	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/ipvs"
)

// hookLimit bounds a program that is run because a quorum came or went, and hookEndLimit
// all of them at the end of perch: who stops it does not wait for ever.
const (
	hookLimit    = 30 * time.Second
	hookEndLimit = 3 * time.Second
	hooksAtOnce  = 16
)

// hooks run programs, one at a time for each service. Of several for one service that wait
// only the newest is run.
type hooks struct {
	run func(ctx context.Context, argv []string) error
	log *slog.Logger

	poke chan struct{}

	mu      sync.Mutex          // guards what follows
	waiting map[string][]string // programs, by service
}

// newHooks returns hooks that are run as scripts of checks are: without a shell, in a
// process group of their own, which is killed when it takes too long.
func newHooks(host *checker.Host, log *slog.Logger) *hooks {
	return &hooks{
		run: func(ctx context.Context, argv []string) error {
			script, err := host.New(checker.Spec{Kind: kindScript, Script: checker.Script{Argv: argv}})
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(ctx, hookLimit)
			defer cancel()
			_, err = script.Check(ctx)
			return err
		},
		log:     log,
		waiting: map[string][]string{},
		poke:    make(chan struct{}, 1),
	}
}

// tell has the program of an event run, if there is one.
func (h *hooks) tell(s *config.Service, e ipvs.Event) {
	var argv []string
	switch e.Kind {
	case ipvs.QuorumUp:
		argv = s.QuorumUp
	case ipvs.QuorumDown:
		argv = s.QuorumDown
	default:
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.waiting, s.Name)
	if len(argv) > 0 {
		h.waiting[s.Name] = argv
		offer(h.poke, struct{}{})
	}
}

// take takes all programs that wait.
func (h *hooks) take() map[string][]string {
	h.mu.Lock()
	defer h.mu.Unlock()
	taken := h.waiting
	h.waiting = map[string][]string{}
	return taken
}

// follow runs programs until ctx ends, and then those that wait: whoever tells has ended
// before. All of them have hookEndLimit then.
func (h *hooks) follow(ctx context.Context) error {
	programs, kill := context.WithCancel(context.WithoutCancel(ctx))
	defer kill()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(hookEndLimit, kill) })()
	for {
		select {
		case <-ctx.Done():
			h.drain(programs)
			return nil
		case <-h.poke:
			h.drain(programs)
		}
	}
}

// drain runs what waits, until nothing does.
func (h *hooks) drain(ctx context.Context) {
	for ctx.Err() == nil {
		taken := h.take()
		if len(taken) == 0 {
			return
		}
		var g errgroup.Group
		g.SetLimit(hooksAtOnce)
		for service, argv := range taken {
			g.Go(func() error {
				if err := h.run(ctx, argv); err != nil {
					h.log.Warn("program of a quorum", "service", service, "program", argv[0], "error", err)
				}
				return nil
			})
		}
		_ = g.Wait()
	}
}
