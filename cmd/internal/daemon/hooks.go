package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/perch-vip/perch/checker"
	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/ipvs"
)

// hookLimit bounds a program that is run because a quorum came or went.
const hookLimit = 30 * time.Second

// hooks run programs, one at a time. Of several for one service that wait only the newest
// is run.
type hooks struct {
	run func(ctx context.Context, argv []string) error
	log *slog.Logger

	mu      sync.Mutex
	order   []string            // services
	waiting map[string][]string // programs, by service
	poke    chan struct{}
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
	}
	if e.Kind != ipvs.QuorumUp && e.Kind != ipvs.QuorumDown {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, waits := h.waiting[s.Name]; !waits {
		h.order = append(h.order, s.Name)
	}
	h.waiting[s.Name] = argv
	offer(h.poke, struct{}{})
}

// next takes the next program, if there is one.
func (h *hooks) next() (service string, argv []string, some bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.order) == 0 {
		return "", nil, false
	}
	service = h.order[0]
	argv = h.waiting[service]
	delete(h.waiting, service)
	h.order = h.order[1:]
	return service, argv, true
}

// follow runs programs until ctx ends, and then those that run or wait, in at most
// hookLimit.
func (h *hooks) follow(ctx context.Context) error {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	context.AfterFunc(ctx, func() { time.AfterFunc(hookLimit, cancel) })
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-h.poke:
			h.drain(longer)
		}
	}
	h.drain(longer)
	return nil
}

func (h *hooks) drain(ctx context.Context) {
	for ctx.Err() == nil {
		service, argv, some := h.next()
		if !some {
			return
		}
		if len(argv) == 0 {
			continue // there is none for what came last
		}
		if err := h.run(ctx, argv); err != nil {
			h.log.Warn("program of a quorum", "service", service, "program", argv[0], "error", fmt.Errorf("run: %w", err))
		}
	}
}
