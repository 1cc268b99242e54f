package daemon

import (
	"context"
	"log/slog"
	"sync"
	"time"

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

// hooks run programs, one at a time for each service, and hooksAtOnce in all. Of several
// for one service that wait only the newest is run.
type hooks struct {
	run func(ctx context.Context, argv []string) error
	log *slog.Logger

	poke  chan struct{}
	slots chan struct{} // taken by programs that run

	mu      sync.Mutex          // guards what follows
	waiting map[string][]string // programs, by service
	busy    map[string]bool     // services of which somebody runs the programs
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
			_, err = script.Check(ctx)
			return err
		},
		log:     log,
		poke:    make(chan struct{}, 1),
		slots:   make(chan struct{}, hooksAtOnce),
		waiting: map[string][]string{},
		busy:    map[string]bool{},
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

// follow runs programs until ctx ends, and then those that wait: whoever tells has ended
// before. All of them have hookEndLimit then.
func (h *hooks) follow(ctx context.Context) error {
	programs, kill := context.WithCancel(context.WithoutCancel(ctx))
	defer kill()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(hookEndLimit, kill) })()
	var running sync.WaitGroup
	defer running.Wait()
	for {
		select {
		case <-ctx.Done():
			h.begin(programs, &running)
			return nil
		case <-h.poke:
			h.begin(programs, &running)
		}
	}
}

// begin has somebody run the programs of each service that has one waiting.
func (h *hooks) begin(ctx context.Context, running *sync.WaitGroup) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for service := range h.waiting {
		if !h.busy[service] {
			h.busy[service] = true
			running.Go(func() { h.serve(ctx, service) })
		}
	}
}

// serve runs the programs of a service, until none waits. Those for which ctx leaves no time
// are named.
func (h *hooks) serve(ctx context.Context, service string) {
	h.slots <- struct{}{}
	defer func() { <-h.slots }()
	for argv := h.take(service); argv != nil; argv = h.take(service) {
		if err := h.runOne(ctx, argv); err != nil {
			h.log.Warn("program of a quorum", "service", service, "program", argv[0], "error", err)
		}
	}
}

func (h *hooks) runOne(ctx context.Context, argv []string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, hookLimit)
	defer cancel()
	return h.run(ctx, argv)
}

// take takes the program of a service that waits. If there is none, nobody is busy with
// that service any more.
func (h *hooks) take(service string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	argv, waits := h.waiting[service]
	if !waits {
		delete(h.busy, service)
	}
	delete(h.waiting, service)
	return argv
}
