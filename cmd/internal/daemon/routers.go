package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/cmd/internal/notify"
	"github.com/perch-vip/perch/vip"
	"github.com/perch-vip/perch/vip/accept"
	"github.com/perch-vip/perch/vip/route"
	"github.com/perch-vip/perch/vrrp/vrrpnet"
)

// routers is VRRP mode: the engine decides which virtual routers this node is the
// master of, and what belongs to them follows.
type routers struct {
	log     *slog.Logger
	engine  *vrrpnet.Engine
	vips    *vip.Manager
	paths   *route.Manager
	setup   atomic.Pointer[setup]     // in force
	busy    atomic.Pointer[[]int]     // interfaces of masters
	rushed  chan struct{}             // there are others that are busy
	strict  bool                      // the fence ends the leases of routers
	states  map[string]vrrpnet.Status // by router; used by follow alone
	told    map[string]seen           // by router; used by follow alone
	were    atomic.Pointer[masters]   // as they last were
	poke    chan struct{}             // for follow
	moved   chan struct{}             // for whoever follows where the VIPs are: they may have come or gone
	pace    pace                      // of follow
	refused bool                      // what was wanted last; used by follow alone
	stopped atomic.Bool               // be no master any more
	ended   atomic.Bool               // hold nothing more
	sighted chan struct{}             // closed when it is known which interfaces there are

	news routerNews

	verdicts    func() verdicts
	setPriority func(router string, priority uint8, fault string) error // of the engine
	holds       func(router string) bool                                // likewise
	statuses    func() []vrrpnet.Status                                 // likewise
	ranking     sync.Mutex
	ranks       map[string]ranked // by router; guarded by ranking

	wanting sync.Mutex // held while something is wanted, so that nothing is after the stop

	first       sync.Once
	telling     sync.Mutex // the engine of interfaces
	configuring sync.Mutex // guards what follows
	devices     *devices
	shield      shield
	acceptance  acceptance
	begun       bool // a config was put in force
	unfinished  bool // what it takes away may be there still
}

// courtesy is for how long a former master may still answer without being taken for a
// stranger: VRRP preempts before it lets go.
const courtesy = 3 * time.Second

// farewellLimit bounds the farewells of an engine that may hang.
const farewellLimit = 300 * time.Millisecond

// openRouters makes the parts of VRRP mode. It starts nothing.
func (d *daemon) openRouters(cfg *config.Config) (err error) {
	if err := os.MkdirAll(cfg.Node.DataDir, 0o700); err != nil {
		return fmt.Errorf("make data_dir: %w", err)
	}
	r := &routers{
		log:     d.log,
		strict:  d.fence.StrictLeases(),
		devices: newDevices(filepath.Join(cfg.Node.DataDir, "devices.json"), d.log),
		states:  map[string]vrrpnet.Status{},
		told:    map[string]seen{},
		poke:    make(chan struct{}, 1),
		rushed:  make(chan struct{}, 1),
		moved:   make(chan struct{}, 1),
		sighted: make(chan struct{}),

		verdicts: d.checks.all,
		ranks:    map[string]ranked{},
	}
	r.shield = shield{
		make:   func() (routerLease, error) { return d.fence.NewLease() },
		fenced: r.devices.fenced,
		spared: r.devices.spared,
		leases: map[string]*guarded{},
	}
	r.acceptance.filter = &accept.Filter{}
	r.setup.Store(newSetup(cfg))
	r.were.Store(&masters{})
	if r.engine, err = vrrpnet.New(vrrpnet.Options{Log: d.log.With("part", "vrrp")}); err != nil {
		return fmt.Errorf("open the engine of virtual routers: %w", err)
	}
	r.setPriority, r.holds, r.statuses = r.engine.SetPriority, r.engine.Holds, r.engine.Status
	r.vips, err = vip.New(vip.Options{
		Ledger:     filepath.Join(cfg.Node.DataDir, ledgerOfRouters),
		Lifetime:   lifetime,
		Fenced:     func(v vip.VIP) bool { return r.backstopped(v, d.fence.Trouble()) },
		Allowed:    r.allowed,
		Guard:      func(index int) error { return r.guard(d.fence, index) },
		Attributes: func(v vip.VIP) vip.Attributes { return r.setup.Load().dress[v] },
		Schedule:   func(v vip.VIP) vip.Pace { return r.setup.Load().pace(v) },
		Company:    &d.company,
		Courtesy:   courtesy,
		Log:        d.log.With("part", "vrrp-vip"),
	})
	if err != nil {
		r.engine.Close()
		return fmt.Errorf("open the kernel's address interface: %w", err)
	}
	if r.paths, err = route.New(d.log.With("part", "route")); err != nil {
		r.engine.Close()
		r.vips.Close()
		return fmt.Errorf("open the kernel's routes: %w", err)
	}
	tell := func(list ...notify.Event) {
		d.recordNotice(list...)
		d.notifier.Tell(list...)
	}
	r.news = routerNews{tell: tell, repeat: d.notifier.Repeat, held: r.vips.Held, bulletin: newBulletin()}
	d.routers = r
	return nil
}

func (r *routers) close() {
	r.vips.Close()
	r.paths.Close()
	r.engine.Close()
}

// allowed tells whether this node may hold a VIP at this moment. It is asked before
// each address that is added, also after a freeze.
func (r *routers) allowed(v vip.VIP) bool {
	switch owner, known := r.setup.Load().owner(v); {
	case !known || r.ended.Load():
		return false
	case owner == nil:
		return true
	default:
		return !r.stopped.Load() && r.holds(owner.Name)
	}
}

// backstopped tells whether the lifetime of an address is but a backstop, with what troubles
// the fence: the lease of its router ends the answering. Nothing ends that of a static one.
func (r *routers) backstopped(v vip.VIP, trouble error) bool {
	_, leased := r.setup.Load().owners[v] // but not what is static
	return leased && r.strict && trouble == nil
}

// place is where an address of a router is: as with a holder's, its release may be due.
func (r *routers) place(v vip.VIP) place {
	owner, known := r.setup.Load().owners[v]
	switch {
	case !known || !(*r.were.Load())[owner.Name]:
		return elsewhere
	case !r.allowed(v):
		return releasing
	}
	return here
}

// guard has an interface fenced, unless all that there can be on it is static: no lease
// ends that, and without routers the fence may know of no address at all.
func (r *routers) guard(f interface{ Guard(index int) error }, index int) error {
	if len(r.setup.Load().routers) == 0 {
		return nil
	}
	return f.Guard(index)
}

// sweep removes what a dead predecessor has left.
func (r *routers) sweep(cfg *config.Config) error {
	err := r.vips.Configure(newSetup(cfg).vips())
	if errors.Is(err, vip.ErrLedger) || errors.Is(err, vip.ErrInvalid) {
		return err
	}
	if err != nil {
		r.log.Error("removing addresses of an earlier run", "error", err)
	}
	return nil
}

// run starts the parts, which end with the context, and puts the config in force.
func (r *routers) run(g *crew, parts context.Context, cfg *config.Config, secrets routerSecrets) {
	g.Go(func() error { return r.engine.Run(parts) })
	g.Go(func() error { return r.vips.Run(parts) })
	g.Go(func() error { return r.paths.Run(parts) })
	g.Go(func() error { return r.follow(parts) })
	g.Go(func() error { return r.tend(parts) })
	g.Go(func() error { return vrrpnet.WatchInterfaces(parts, r.log, r.interfaces) })
	g.Go(func() error { return vrrpnet.PollCarrier(parts, carrierEvery, r.rushed, r.carriers) })
	g.Go(func() error {
		select {
		case <-parts.Done():
			return nil
		case <-r.sighted:
		}
		return r.begin(cfg, secrets)
	})
}

// stop gives up what is not static for good: the farewells leave first.
func (r *routers) stop() error {
	r.wanting.Lock()
	r.stopped.Store(true)
	r.wanting.Unlock()
	r.engine.Stop()
	err := r.release()
	r.informOfStop()
	r.configuring.Lock()
	defer r.configuring.Unlock()
	return errors.Join(err, r.devices.close(), r.acceptance.set())
}

// relinquish gives up everything for good though a part hangs, be it the engine: that has a
// moment for its farewells. No lock is waited for before the addresses have gone.
func (r *routers) relinquish() error {
	r.stopped.Store(true)
	if !within(farewellLimit, r.engine.Stop) {
		r.log.Error("the engine of virtual routers hangs: the backups wait for its silence")
	}
	err := errors.Join(r.release(), r.end())
	r.configuring.Lock()
	defer r.configuring.Unlock()
	return errors.Join(err, r.devices.close(), r.acceptance.set())
}

// release gives up what is not static.
func (r *routers) release() error {
	_, routes, rules := r.setup.Load().wanted(nil)
	r.paths.Want(routes, rules)
	var static []vip.VIP
	for _, s := range r.vips.Status() {
		if owner, known := r.setup.Load().owner(s.VIP); known && owner == nil && s.Held {
			static = append(static, s.VIP)
		}
	}
	err := r.vips.Set(static)
	if errors.Is(err, vip.ErrNotConfigured) { // a reload is under way
		return r.vips.Set(nil)
	}
	return err
}

// end gives up what is static, by which a cluster may hand over while routers have stopped.
func (r *routers) end() error {
	r.ended.Store(true)
	return r.vips.Set(nil)
}

// holding tells whether addresses are in the kernel.
func (r *routers) holding() bool {
	return slices.ContainsFunc(r.vips.Status(), func(s vip.Status) bool { return s.Held })
}
