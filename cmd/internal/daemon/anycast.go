package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/vip"
)

// ledgerOfAnycast is the file that remembers which anycast VIPs may be in the kernel.
const ledgerOfAnycast = "anycast-vips.json"

// ownerless is the term of what has no owner.
const ownerless = 0

// farewell is for how long an anycast VIP stays while routers hear that it goes: packets
// are on their way to it.
const farewell = 300 * time.Millisecond

// anycast holds VIPs that each node holds and announces as long as it is fit. No lease is
// needed for them, and no fence: that several nodes have them is what they are for.
type anycast struct {
	manager  *vip.Manager
	vips     addresses // the manager
	announce func(held []vip.VIP, term uint64)
	fit      func() fitness
	drained  func() bool
	log      *slog.Logger
	poke     chan struct{}
	on       atomic.Bool
	without  atomic.Pointer[string] // why this node holds none; nil if it does

	acting     sync.Mutex // guards what follows, and is held while addresses are set
	configured []vip.VIP
	held       bool // some may be in the kernel
	settled    bool // nothing is to be set while this node is fit
	stopped    bool
}

// openAnycast makes what holds anycast VIPs. It starts nothing.
func (d *daemon) openAnycast(cfg *config.Config) error {
	if cfg.BGP == nil || !cfg.BGP.Anycast {
		return nil
	}
	a := &anycast{
		announce: d.herald.announce,
		fit:      d.anycastFitness,
		drained:  d.mayNotAnycast,
		log:      d.log,
		poke:     make(chan struct{}, 1),
	}
	var err error
	a.manager, err = vip.New(vip.Options{
		Ledger:   filepath.Join(cfg.Node.DataDir, ledgerOfAnycast),
		Lifetime: lifetime,
		Allowed:  func(vip.VIP) bool { return a.on.Load() },
		Company:  &d.company,
		Log:      d.log.With("part", "anycast-vip"),
	})
	if err != nil {
		return fmt.Errorf("open the kernel's address interface: %w", err)
	}
	a.vips, d.anycast = a.manager, a
	return nil
}

// anycastFitness is what the checks make of this node.
func (d *daemon) anycastFitness() fitness {
	return weigh(0, referencesOf(d.config().BGP.Track), d.checks.all())
}

// mayNotAnycast tells whether a cluster has this node hold nothing.
func (d *daemon) mayNotAnycast() bool {
	return d.member != nil && (isWitness(d.config()) || d.member.node.Drained(d.name()))
}

func (a *anycast) runAll(g *crew, parts context.Context) {
	g.Go(func() error { return a.manager.Run(parts) })
	g.Go(func() error { return a.run(parts) })
}

// sweep removes what a dead predecessor has left.
func (a *anycast) sweep(vips []vip.VIP) error {
	err := a.configure(vips)
	if err != nil && !unchanged(err) {
		a.log.Error("removing anycast addresses of an earlier run", "error", err)
		return nil
	}
	return err
}

// wake has the health looked at anew.
func (a *anycast) wake() { offer(a.poke, struct{}{}) }

// run follows the health of this node until ctx ends.
func (a *anycast) run(ctx context.Context) error {
	tick := time.NewTicker(idle)
	defer tick.Stop()
	for {
		a.step()
		select {
		case <-ctx.Done():
			return nil
		case <-a.poke:
		case <-tick.C:
		}
	}
}

// step takes the VIPs or gives them up, as the health of this node is. While nothing is
// known of it that stays as it is.
func (a *anycast) step() {
	f := a.fit()
	a.acting.Lock()
	defer a.acting.Unlock()
	switch {
	case a.stopped:
	case a.drained():
		a.give("this node is drained, or a witness")
	case f.health == sick:
		a.give("this node is sick: " + brief(f.reasons))
	case f.health == well:
		a.take()
	case !a.held:
		a.without.Store(new("it is not known yet whether this node is healthy"))
	}
}

// reason says why this node holds the VIPs, or why it does not.
func (a *anycast) reason() string {
	if why := a.without.Load(); why != nil {
		return "anycast: " + *why
	}
	return "anycast: each healthy node holds it"
}

// take holds and announces all. The caller holds acting.
func (a *anycast) take() {
	if a.settled {
		return
	}
	a.held, a.settled = true, true
	a.on.Store(true)
	a.without.Store(nil)
	a.announce(a.configured, ownerless)
	if err := a.vips.Set(a.configured); err != nil { // the VIP manager tries again by itself
		a.log.Error("taking the anycast VIPs", "error", err)
	}
	a.log.Info("this node holds and announces the anycast VIPs", "vips", len(a.configured))
}

// give has routers told first. The caller holds acting.
func (a *anycast) give(why string) {
	a.without.Store(&why)
	if !a.held {
		return
	}
	a.announce(nil, ownerless)
	time.Sleep(farewell)
	a.on.Store(false)
	if err := a.vips.Set(nil); err != nil {
		a.log.Error("releasing the anycast VIPs", "error", err)
		return // it is tried again at the next step
	}
	a.held, a.settled = false, false
	a.log.Info("this node holds no anycast VIP", "why", why)
}

// configure replaces the VIPs.
func (a *anycast) configure(vips []vip.VIP) error {
	a.acting.Lock()
	defer a.acting.Unlock()
	err := a.vips.Configure(vips)
	if unchanged(err) {
		return err
	}
	a.configured, a.settled = vips, false
	a.wake()
	return err
}

// stop gives up all for good.
func (a *anycast) stop() {
	a.acting.Lock()
	defer a.acting.Unlock()
	a.stopped = true
	a.give("perch ends")
}
