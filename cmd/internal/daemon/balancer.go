package daemon

import (
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"github.com/perch-vip/perch/cluster/state"
	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/ipvs"
)

// kernelServices is what the balancer needs of package ipvs.
type kernelServices interface {
	Set([]ipvs.Service, ipvs.Settings)
	Inherited() ([]ipvs.Service, error)
	Counters() ([]ipvs.Counted, error)
	Status() ipvs.Status
}

// balancer has the kernel balance load: what the checks say of real servers, what operators
// want of them, and time decide which of them each service has. It has no lock: all is
// decided by run, and whoever asks is shown what was decided last.
type balancer struct {
	kernel   kernelServices
	syncer   *syncer
	config   func() *config.Config
	verdicts func() verdicts                     // of the checks of real servers
	ease     func(resting map[string]bool)       // those of their checks that are not to be made
	machine  func() (map[netip.Addr]bool, error) // the addresses of all interfaces
	orders   func() state.Orders
	where    func() whereabouts
	tell     func(*config.Service, ipvs.Event) // of what happens on the owner
	log      *slog.Logger
	poke     chan struct{}
	begin    time.Time

	last  atomic.Pointer[whereabouts] // when the end began, if it did
	shown atomic.Pointer[picture]     // nil before the first step

	cfg      *config.Config // that services are of; used by run alone, as what follows
	services []*balanced
	had      []ipvs.Service // what the kernel was to have last, or had at the start
}

// balanced is a service, and what its pool has decided last.
type balanced struct {
	*virtualService
	pool    *ipvs.Pool
	known   []ipvs.Condition // by which it was decided; nil if it is to be decided anew
	spare   []ipvs.Condition // room for the next ones
	decided *ruling
	place   place // where it was last
	held    bool  // one of its addresses was on this machine then; only with WhileHeld
}

// lookEvery is how often the services are looked at while nothing is heard.
const lookEvery = 5 * time.Second

// wake has the services looked at at once.
func (b *balancer) wake() { offer(b.poke, struct{}{}) }

// run follows what decides on the services, until ctx ends.
func (b *balancer) run(ctx context.Context) error {
	b.inherit(ctx)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			b.end()
			return nil
		case <-b.poke:
		case <-timer.C:
		}
		timer.Reset(b.step())
	}
}

// How often, and after which time, it is tried again to find out what there is.
const (
	inheritTries = 5
	inheritPause = 200 * time.Millisecond
)

// inherit finds out what an earlier run has left in the kernel, which goes on until there
// are verdicts. What is not known is removed by the first step.
func (b *balancer) inherit(ctx context.Context) {
	var err error
	for range inheritTries {
		if b.had, err = b.kernel.Inherited(); err == nil {
			return
		}
		pause(ctx, inheritPause)
	}
	b.log.Warn("services of an earlier run are not known, and begin anew", "error", err)
}

// step decides on all services, has the kernel follow, and returns after which time it
// is to be called again.
func (b *balancer) step() time.Duration {
	cfg, where := b.config(), b.where() // before the verdicts, see reload
	fresh := b.adopt(cfg)
	again := b.look(where, fresh)
	now, heard, orders := time.Since(b.begin), b.verdicts(), b.orders()
	most, next := where.most(), now+again
	wanted := make([]ipvs.Service, 0, len(b.had))
	shown := make(picture, len(b.services))
	var at [places]bool
	for _, s := range b.services {
		place := where.of(s.Service, most)
		at[place] = true
		happened := s.step(now, heard, orders[s.Name])
		b.arrive(s, place, happened)
		b.hear(s, place, happened)
		if due := s.decided.outcome.Next; due > 0 {
			next = min(next, due)
		}
		has := place != elsewhere || cfg.IPVS.Nodes != "owner"
		if has {
			wanted = s.with(s.decided.outcome.Servers, wanted)
		}
		shown[s.Name] = pictured{s.virtualService, s.decided, has, place}
	}
	b.had = wanted
	b.shown.Store(&shown)
	b.kernel.Set(wanted, settingsOf(cfg))
	b.syncer.ask(syncsOf(cfg.IPVS.Sync, at))
	return max(next-now, time.Millisecond)
}

// adopt takes over a config. A service that is new to it takes over the servers that the
// kernel has of it, be it under another name. It returns whether it is another config.
func (b *balancer) adopt(cfg *config.Config) (fresh bool) {
	if cfg == b.cfg {
		return false
	}
	before := make(map[string]*balanced, len(b.services))
	for _, s := range b.services {
		before[s.Name] = s
	}
	had, served := serversOf(b.had), servedBy(cfg)
	b.cfg, b.services = cfg, make([]*balanced, len(served))
	for i := range served {
		s := &balanced{virtualService: newVirtualService(&served[i], had), pool: &ipvs.Pool{}, decided: &ruling{}}
		if was := before[s.Name]; was != nil {
			s.pool, s.decided, s.place, s.held = was.pool, was.decided, was.place, was.held
		}
		b.services[i] = s
	}
	return true
}

// step decides on the service if there is anything new, and returns what happened, as
// well as what was known before.
func (s *balanced) step(now time.Duration, heard verdicts, orders map[string]state.Order) []happening {
	known, last := s.conditions(s.spare[:0], heard, orders), s.decided
	due := last.outcome.Next > 0 && now >= last.outcome.Next
	if s.known != nil && !due && sameConditions(known, s.known) {
		s.spare = known
		return nil
	}
	s.known, s.spare = known, s.known
	outcome := s.pool.Step(now, s.rules, s.members, func(server netip.AddrPort) ipvs.Condition { return known[s.at[server]] })
	s.decided = last.next(outcome, time.Now())
	return last.happenings(outcome.Events)
}

// hear logs what has happened to a service, and has users told of it on the owner.
func (b *balancer) hear(s *balanced, at place, list []happening) {
	for _, h := range list {
		level, server := slog.LevelInfo, ""
		if h.expected {
			level = slog.LevelDebug
		}
		if h.Server.IsValid() {
			server = h.Server.String()
		}
		b.log.Log(context.Background(), level, "service",
			"event", string(h.Kind), "service", s.Name, "server", server, "reason", h.Reason)
		if at == here {
			b.tell(s.Service, h.Event)
		}
	}
}

// arrive has the users of a service that has just come here, or begins here, told how its
// quorum stands, if that is not new anyway: here they were not told of it.
func (b *balancer) arrive(s *balanced, at place, happened []happening) {
	was := s.place
	s.place = at
	quorum := s.decided.outcome.Quorum
	if was == here || at != here || quorum.Open || slices.ContainsFunc(happened, happening.ofQuorum) {
		return
	}
	b.tell(s.Service, ipvs.Event{Kind: quorum.Event(), Reason: quorum.String()})
}

// leave notes where the services are before this node gives up its addresses for good:
// who has them then is told of the end.
func (b *balancer) leave() {
	where := b.where()
	b.last.CompareAndSwap(nil, &where)
}

// end tells users of what the end of perch means for them.
func (b *balancer) end() {
	b.leave()
	where := *b.last.Load()
	most := where.most()
	for _, s := range b.services {
		b.hear(s, where.of(s.Service, most), happeningsAtEnd(s.pool.End()))
	}
}
