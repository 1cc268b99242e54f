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

	"golang.org/x/sync/errgroup"

	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/vip"
	"github.com/perch-vip/perch/vip/route"
	"github.com/perch-vip/perch/vrrp"
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
	strict  bool                      // the fence ends the leases of routers
	states  map[string]vrrpnet.Status // by router; used by follow alone
	told    map[string]seen           // by router; used by follow alone
	poke    chan struct{}             // for follow
	beat    atomic.Int64              // when follow last ran, Unix milliseconds
	stopped atomic.Bool               // be no master any more
	ended   atomic.Bool               // hold nothing more
	sighted chan struct{}             // closed when it is known which interfaces there are

	wanting sync.Mutex // held while something is wanted, so that nothing is after the stop

	first       sync.Once
	telling     sync.Mutex // the engine of interfaces
	configuring sync.Mutex // guards what follows
	devices     *devices
	shield      shield
}

// seen is what was last done about a router.
type seen struct {
	state     vrrp.State
	announces uint64
}

// carrierEvery is how long it may go unnoticed that a master's interface has lost its
// carrier: its sync group is to let go, too.
const carrierEvery = 100 * time.Millisecond

// courtesy is for how long a former master may still answer without being taken for a
// stranger: VRRP preempts before it lets go.
const courtesy = 3 * time.Second

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
		sighted: make(chan struct{}),
	}
	r.shield = shield{
		make:   func() (routerLease, error) { return d.fence.NewLease() },
		fenced: r.devices.fenced,
		leases: map[string]*guarded{},
	}
	r.setup.Store(newSetup(cfg))
	if r.engine, err = vrrpnet.New(vrrpnet.Options{Log: d.log.With("part", "vrrp")}); err != nil {
		return fmt.Errorf("open the engine of virtual routers: %w", err)
	}
	r.vips, err = vip.New(vip.Options{
		Ledger:   filepath.Join(cfg.Node.DataDir, "vrrp-vips.json"),
		Lifetime: lifetime,
		Allowed:  r.allowed,
		Guard:    func(index int) error { return r.guard(d.fence, index) },
		Schedule: func(v vip.VIP) vip.Pace { return r.setup.Load().pace(v) },
		Company:  &d.company,
		Courtesy: courtesy,
		Log:      d.log.With("part", "vrrp-vip"),
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
		return !r.stopped.Load() && r.engine.Holds(owner.Name)
	}
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
func (r *routers) run(g *errgroup.Group, parts context.Context, cfg *config.Config, secrets routerSecrets) {
	g.Go(func() error { return r.engine.Run(parts) })
	g.Go(func() error { return r.vips.Run(parts) })
	g.Go(func() error { return r.paths.Run(parts) })
	g.Go(func() error { return r.follow(parts) })
	g.Go(func() error { return vrrpnet.WatchInterfaces(parts, r.log, r.interfaces) })
	g.Go(func() error { return vrrpnet.PollCarrier(parts, carrierEvery, r.carriers) })
	g.Go(func() error {
		select {
		case <-parts.Done():
			return nil
		case <-r.sighted:
		}
		err := r.configure(cfg, secrets)
		if err != nil && !unchanged(err) {
			r.log.Error("not all virtual routers are as wanted, which is tried again", "error", err)
			return nil
		}
		return err
	})
}

// carriers returns the interfaces of the routers of which this node is the master.
func (r *routers) carriers() []int {
	list := r.busy.Load()
	if list == nil {
		return nil
	}
	return *list
}

// interfaces passes on what has become of the interfaces. Where they are others than
// before, devices with virtual MACs that have gone with their parents come back, and
// all is fenced anew, before a router can begin there. That one is down waits for
// nothing.
func (r *routers) interfaces(list []vrrpnet.Interface) {
	if r.devices.see(list) {
		r.configuring.Lock()
		defer r.configuring.Unlock()
		if err := r.shield.admit(r.setup.Load().routers); err != nil {
			r.log.Error("fencing virtual routers anew", "error", err)
		}
		r.devices.repair()
	}
	r.tellInterfaces()
	r.first.Do(func() { close(r.sighted) })
}

// tellInterfaces has the routers run where they can. The last to tell knows the latest.
func (r *routers) tellInterfaces() {
	r.telling.Lock()
	defer r.telling.Unlock()
	if err := r.engine.SetInterfaces(r.devices.usable()); err != nil && !errors.Is(err, vrrpnet.ErrStopped) {
		r.log.Error("telling the virtual routers of the interfaces", "error", err)
	}
}

// configure puts a config in force. Routers that it does not change go on as they
// are. If they cannot be fenced nothing changes. What takes something away comes
// last: a router says farewell by its device, and its addresses are fenced until they
// are gone.
func (r *routers) configure(cfg *config.Config, secrets routerSecrets) error {
	r.configuring.Lock()
	defer r.configuring.Unlock()
	if r.stopped.Load() {
		return vrrpnet.ErrStopped // what was made now would be left behind
	}
	next := newSetup(cfg)
	if err := r.shield.admit(next.routers); err != nil {
		return fmt.Errorf("%w: %w", errUnfenced, err)
	}
	r.devices.want(next.routers) // may take seconds, in which routers let go by the setup in force
	r.setup.Store(next)
	defer offer(r.poke, struct{}{})
	r.tellInterfaces()
	err := errors.Join(r.engine.Configure(r.instances(next, secrets)), r.vips.Configure(next.vips()))
	if err != nil {
		return err
	}
	return errors.Join(r.devices.trim(), r.shield.settle(next.routers))
}

func (r *routers) instances(s *setup, secrets routerSecrets) []vrrpnet.Instance {
	var list []vrrpnet.Instance
	for _, v := range s.routers {
		list = append(list, v.instance(secrets[v.Name], r.shield.leases[v.Name]))
	}
	return list
}

// follow has everything follow the states of the routers, until ctx ends.
func (r *routers) follow(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-r.engine.Changed():
			r.notice(r.engine.Changes())
		case <-r.poke:
			r.lookAll()
		case <-timer.C:
			r.lookAll()
		}
		r.step()
		r.beat.Store(time.Now().UnixMilli())
		timer.Reset(idle)
	}
}

// lookAll asks the engine for all states, which takes longer than Changes: there is
// another config, or what was missed is to be made good for.
func (r *routers) lookAll() {
	r.engine.Changes()
	clear(r.states)
	r.notice(r.engine.Status())
}

// notice takes over states.
func (r *routers) notice(list []vrrpnet.Status) {
	for _, s := range list {
		r.states[s.Name] = s
	}
}

// step has everything follow the states of the routers as they are now.
func (r *routers) step() {
	setup := r.setup.Load()
	masters := mastersOf(r.states)
	r.want(setup.wanted(masters))
	busy := r.devices.indexesOf(setup.interfaces(masters))
	r.busy.Store(&busy)
	for i := range setup.routers {
		v := &setup.routers[i]
		if s, ok := r.states[v.Name]; ok {
			r.tell(v, s)
		}
	}
}

// want has the kernel hold what is wanted, unless all is being given up.
func (r *routers) want(vips []vip.VIP, routes []route.Route, rules []route.Rule) {
	r.wanting.Lock()
	defer r.wanting.Unlock()
	if r.stopped.Load() {
		return
	}
	if err := r.vips.Want(vips); err != nil && !errors.Is(err, vip.ErrNotConfigured) { // a reload is under way
		r.log.Error("taking the addresses of virtual routers", "error", err)
	}
	r.paths.Want(routes, rules)
}

// tell announces again what is to be, and logs transitions.
func (r *routers) tell(v *virtualRouter, now vrrpnet.Status) {
	was, known := r.told[v.Name]
	r.told[v.Name] = seen{now.State, now.Announces}
	if known && was.announces != now.Announces {
		r.vips.Announce(v.VIPs)
	}
	if !known || was.state != now.State {
		r.log.Info("virtual router", "name", v.Name, "state", now.State.String(), "reason", now.Reason)
	}
}

// stop gives up what is not static for good: the farewells leave first.
func (r *routers) stop() error {
	r.wanting.Lock()
	r.stopped.Store(true)
	r.wanting.Unlock()
	r.engine.Stop()
	err := r.release()
	r.configuring.Lock()
	defer r.configuring.Unlock()
	return errors.Join(err, r.devices.close())
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

// alive tells whether the engine and what follows from it get on.
func (r *routers) alive() bool {
	return time.Since(time.UnixMilli(r.beat.Load())) < 4*idle && r.vips.Stalled() < stallLimit
}
