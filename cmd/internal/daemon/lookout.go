package daemon

import (
	"context"
	"slices"
	"time"

	"github.com/perch-vip/perch/cluster/state"
	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/events"
	"github.com/perch-vip/perch/vip"
)

// How often it is looked: a leader that changes is to be seen with its term; what may be
// many, as VIPs, or is asked of other nodes, as what there is to warn of, less often.
const (
	quickLook = 200 * time.Millisecond // of a member of a cluster
	slowLook  = 5                      // quick ones
	rareLook  = 10 * time.Second
)

// lookout records what is not recorded where it happens, since nobody does it: it looks at
// how things are, time and again, and tells what is different. All of it is its goroutine's
// own.
type lookout struct {
	d *daemon

	since    arrival
	group    *assembly // nil before the first look
	checks   troubles
	broken   troubles // the fence
	mended   counts   // likewise
	seen     map[sighting]bool
	drained  []string
	watched  bool   // drained and seen are known
	applied  uint64 // what they are of
	clusters addressing
	routers  addressing
	anycast  addressing
	balance  troubles
	bgpd     troubles
	peers    troubles
	dropped  counts

	verdicts *verdicts // what checks and health were made of
	loaded   *loaded   // likewise
	health   health
}

// lookOut looks until ctx ends.
func (d *daemon) lookOut(ctx context.Context) error {
	l := &lookout{d: d, since: arrival{begun: time.Now()}, seen: map[sighting]bool{}}
	every, slow := quickLook, slowLook
	if d.member == nil { // whatever else is looked at quickly wakes it
		every, slow = slowLook*quickLook, 1
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for n := 0; ; {
		l.quick()
		if n%slow == 0 {
			l.slow()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-d.looking:
		case <-tick.C:
			n++
		}
	}
}

// lookSoon has the lookout look before it is time.
func (d *daemon) lookSoon() {
	select {
	case d.looking <- struct{}{}:
	default: // it is about to
	}
}

func (l *lookout) add(list ...[]events.Event) {
	for _, e := range slices.Concat(list...) {
		l.d.events.Add(e)
	}
}

// quick looks at what is small and moves fast.
func (l *lookout) quick() {
	verdicts, loaded := l.d.checks.verdicts.Load(), l.d.current.Load()
	if verdicts != l.verdicts || loaded != l.loaded {
		l.verdicts, l.loaded = verdicts, loaded
		l.lookAtChecks()
	}
	if l.d.member != nil {
		l.lookAtGroup()
	}
	broken := troubles{}
	if err := l.d.fence.Trouble(); err != nil {
		broken[string(l.d.fence.Kind())] = err.Error()
	}
	m := l.d.fence.Mended()
	mended := counts{string(l.d.fence.Kind()): {m.Count, m.Found}}
	l.add(broken.news(l.broken, events.FenceBroken, events.FenceWhole, always), mended.news(l.mended, events.FenceMended))
	l.broken, l.mended = broken, mended
}

// lookAtChecks looks at what may be thousands, and does so only when something about them
// is new.
func (l *lookout) lookAtChecks() {
	checks := l.d.checks.runner.Status()
	now := failing(checks)
	known := map[string]bool{}
	for i := range checks {
		known[checks[i].Name] = true
	}
	l.add(now.news(l.checks, events.CheckDown, events.CheckUp, func(name string) bool { return known[name] }))
	l.checks = now
	if l.d.member != nil {
		l.health = l.d.fitness().health
	}
}

func (l *lookout) lookAtGroup() {
	view := l.d.member.node.View()
	now := assemblyOf(view, l.health)
	before := assembly{health: now.health}
	if l.group != nil {
		before = *l.group
	}
	l.since.note(view)
	l.add(now.news(l.d.config().Cluster.Name, before))
	l.group = &now
	if applied := l.d.member.node.Applied(); l.since.known && (applied != l.applied || !l.watched) {
		l.lookAtMemory(l.d.member.node.State())
		l.applied = applied
	}
	l.watched = l.watched || before.quorum // for a while, in which this node has caught up
}

// slow looks at what may be much.
func (l *lookout) slow() {
	d := l.d
	if d.member != nil {
		l.clusters = l.lookAtAddresses(l.clusters, d.member.vips)
	}
	if d.routers != nil {
		l.routers = l.lookAtAddresses(l.routers, d.routers.vips)
	}
	if d.anycast != nil {
		l.anycast = l.lookAtAddresses(l.anycast, d.anycast.manager)
	}
	balance := troubles{}
	if s := d.balancer.standing(); s != nil && s.State == api.ServiceBlocked {
		balance["ipvs"] = s.Reason
	}
	l.add(balance.news(l.balance, events.IPVSTrouble, events.IPVSMended, always))
	l.balance = balance
	l.lookAtBGP(d.bgpStatus())
	l.lookAtNotified(d.notified())
}

func (l *lookout) lookAtAddresses(before addressing, m *vip.Manager) addressing {
	now := addressingOf(m.Status())
	l.add(now.news(before))
	return now
}

// lookAtMemory records what is new in what the cluster remembers. Of what it remembered
// when this node came nothing is.
func (l *lookout) lookAtMemory(s state.State) {
	seen := make(map[sighting]bool, len(s.History))
	for i := range s.History {
		m := &s.History[i]
		key := sighting{m.Term, m.To}
		seen[key] = true
		if !l.seen[key] && l.since.isNew(m) {
			l.d.events.Add(historic(l.d.config().Cluster.Name, m))
		}
	}
	if l.watched {
		l.add(drainedOf(s.Drained, l.drained))
	}
	l.seen, l.drained = seen, s.Drained
}

func (l *lookout) lookAtBGP(s *api.BGP) {
	bgpd, peers := speaking(s)
	looked := func(address string) bool {
		return s != nil && slices.ContainsFunc(s.Neighbors, func(n api.BGPNeighbor) bool { return n.Address == address })
	}
	l.add(bgpd.news(l.bgpd, events.BGPDown, events.BGPUp, always), peers.news(l.peers, events.NeighborDown, events.NeighborUp, looked))
	l.bgpd, l.peers = bgpd, peers
}

func (l *lookout) lookAtNotified(list []api.Notified) {
	dropped := droppedOf(list)
	l.add(dropped.news(l.dropped, events.NotifyDropped))
	l.dropped = dropped
}

// lookForWarnings looks at what there is to warn of, in the whole cluster, until ctx ends.
// It is apart from lookOut, since it waits for peers that do not answer.
func (d *daemon) lookForWarnings(ctx context.Context) error {
	var before troubles
	tick := time.NewTicker(rareLook)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		var answers map[string]answer
		if d.member != nil {
			answers = controlSide{d}.askPeers(ctx)
		}
		if ctx.Err() != nil {
			return nil // who did not answer was not waited for
		}
		s := d.snapshot()
		now := warned(s.status(answers).Warnings)
		for _, e := range raised(now, before) {
			d.events.Add(e)
		}
		before = now
	}
}
