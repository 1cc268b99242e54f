package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/perch-vip/perch/cluster/state"
	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/ipvs"
)

// balancer has the kernel balance load: what the checks say of real servers, what operators
// want of them, and time decide which of them each service has.
type balancer struct {
	manager  *ipvs.Manager
	syncer   *syncer
	config   func() *config.Config
	verdicts func() map[string]verdict // of the checks of real servers
	orders   func() state.Orders
	held     func() map[netip.Addr]bool // the addresses that move, and whether this node has them
	tell     func(*config.Service, ipvs.Event)
	log      *slog.Logger
	poke     chan struct{}
	begin    time.Time

	mu        sync.Mutex // guards what follows
	ended     bool       // users are told of nothing any more
	pools     map[string]*balanced
	inherited map[ipvs.Key]map[netip.AddrPort]uint32 // weights that the kernel had at the start, until the first step
}

// balanced is a service, and what its pool has decided last.
type balanced struct {
	pool    ipvs.Pool
	outcome ipvs.Outcome
	since   map[netip.AddrPort]time.Time // of the states of its members
}

// lookEvery is how often the services are looked at while nothing is heard.
const lookEvery = 5 * time.Second

// wake has the services looked at at once.
func (b *balancer) wake() { offer(b.poke, struct{}{}) }

// run follows what decides on the services, until ctx ends.
func (b *balancer) run(ctx context.Context) error {
	b.inherit()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-b.poke:
		case <-timer.C:
		}
		timer.Reset(b.step())
	}
}

// inherit finds out what an earlier run has left in the kernel, which goes on until there
// are verdicts.
func (b *balancer) inherit() {
	left, err := b.manager.Inherited()
	if err != nil {
		b.log.Warn("services of an earlier run are not known", "error", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.inherited = map[ipvs.Key]map[netip.AddrPort]uint32{}
	for _, service := range left {
		weights := map[netip.AddrPort]uint32{}
		for _, server := range service.Servers {
			weights[server.Address] = server.Weight
		}
		b.inherited[service.Key] = weights
	}
}

// step decides on all services, has the kernel follow, and returns after which time it is
// to be called again.
func (b *balancer) step() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	cfg, now := b.config(), time.Since(b.begin)
	next := now + lookEvery
	verdicts, orders := b.verdicts(), b.orders()
	var wanted []ipvs.Service
	held, ownsSome, ownsAll := b.held(), false, true
	for i := range cfg.Services {
		s := &cfg.Services[i]
		p := b.pool(s.Name)
		asked := conditionsOf(s, verdicts, orders[s.Name], b.inherited)
		outcome := p.pool.Step(now, rulesOfService(s), membersOf(s), asked)
		p.note(outcome)
		if outcome.Next > 0 {
			next = min(next, outcome.Next)
		}
		owns := ownsService(s, held)
		ownsSome, ownsAll = ownsSome || owns, ownsAll && owns
		if owns || cfg.IPVS.Nodes != "owner" {
			wanted = append(wanted, servicesOf(s, outcome.Servers)...)
		}
		for _, event := range outcome.Events {
			b.heard(s, event, owns)
		}
	}
	b.forget(cfg.Services)
	b.inherited = nil // what the kernel is to have from now on is known, or gone
	b.manager.Set(wanted, settingsOf(cfg.IPVS))
	b.syncer.ask(syncsOf(cfg.IPVS.Sync, ownsSome, ownsAll))
	return max(next-now, time.Millisecond)
}

// pool returns the pool of a service. The caller holds mu.
func (b *balancer) pool(name string) *balanced {
	p := b.pools[name]
	if p == nil {
		p = &balanced{since: map[netip.AddrPort]time.Time{}}
		b.pools[name] = p
	}
	return p
}

// forget drops what was decided on services that are there no longer. The caller holds mu.
func (b *balancer) forget(services []config.Service) {
	for name := range b.pools {
		if !slices.ContainsFunc(services, func(s config.Service) bool { return s.Name == name }) {
			delete(b.pools, name)
		}
	}
}

// note takes over an outcome.
func (p *balanced) note(o ipvs.Outcome) {
	before := map[netip.AddrPort]ipvs.MemberState{}
	for _, m := range p.outcome.Members {
		before[m.Address] = m.State
	}
	since := make(map[netip.AddrPort]time.Time, len(o.Members))
	for _, m := range o.Members {
		since[m.Address] = p.since[m.Address]
		if was, known := before[m.Address]; !known || was != m.State {
			since[m.Address] = time.Now()
		}
	}
	p.outcome, p.since = o, since
}

// heard logs an event, and has users told of it on the owner.
func (b *balancer) heard(s *config.Service, e ipvs.Event, owns bool) {
	server := ""
	if e.Server.IsValid() {
		server = e.Server.String()
	}
	b.log.Info("service", "event", string(e.Kind), "service", s.Name, "server", server, "reason", e.Reason)
	if owns && !b.ended {
		b.tell(s, e)
	}
}

// end tells users of what the end of perch means for them, and of nothing after that. It
// comes before this node lets go of its VIPs.
func (b *balancer) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	cfg, held := b.config(), b.held()
	for i := range cfg.Services {
		s := &cfg.Services[i]
		owns := ownsService(s, held)
		last := b.pool(s.Name).pool // a copy: the service itself goes on until its VIPs have moved
		for _, e := range last.End() {
			b.heard(s, e, owns)
		}
	}
	b.ended = true
}

// ownsService tells whether a node has the address of a service. One with a mark goes with
// any of the node's. What does not move is the node's own.
func ownsService(s *config.Service, held map[netip.Addr]bool) bool {
	moves, has := false, false
	if len(s.Addresses) == 0 {
		for _, here := range held {
			moves, has = true, has || here
		}
	}
	for _, address := range s.Addresses {
		here, virtual := held[address.Addr()]
		moves, has = moves || virtual, has || here
	}
	return has || !moves
}

// conditionsOf returns what is known of the servers of a service.
func conditionsOf(s *config.Service, verdicts map[string]verdict, orders map[string]state.Order, inherited map[ipvs.Key]map[netip.AddrPort]uint32) func(netip.AddrPort) ipvs.Condition {
	checks := make(map[netip.AddrPort][]string, len(s.Servers))
	for i := range s.Servers {
		checks[s.Servers[i].Address] = s.Servers[i].Checks
	}
	keys := keysOf(s)
	return func(server netip.AddrPort) ipvs.Condition {
		c := conditionOf(checks[server], verdicts)
		c.Order = ipvs.Order(orders[server.String()])
		c.Active = 1 // what is counted is shown, and decides nothing
		for _, key := range keys {
			if weight, present := inherited[key][server]; present {
				c.Present = &weight
			}
		}
		return c
	}
}

// conditionOf sums up the verdicts of a server's checks, all of which must be well.
func conditionOf(checks []string, verdicts map[string]verdict) ipvs.Condition {
	c := ipvs.Condition{Health: ipvs.Healthy}
	for _, name := range checks {
		v := verdicts[name]
		if v.weight != nil && c.Weight == nil {
			c.Weight = v.weight
		}
		switch {
		case v.state == failed && c.Health != ipvs.Failed:
			c.Health, c.Reason = ipvs.Failed, fmt.Sprintf("check %s %s", name, v.reason)
		case v.state != failed && v.state != passed && c.Health == ipvs.Healthy:
			c.Health, c.Reason = ipvs.Unknown, fmt.Sprintf("check %s %s", name, v.reason)
		}
	}
	return c
}

func settingsOf(c config.IPVS) ipvs.Settings {
	return ipvs.Settings{
		All: c.OwnAll,
		Timeouts: ipvs.Timeouts{
			TCP:    uint32(c.TCP / time.Second),
			TCPFin: uint32(c.TCPFin / time.Second),
			UDP:    uint32(c.UDP / time.Second),
		},
	}
}
