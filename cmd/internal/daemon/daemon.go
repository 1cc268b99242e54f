package daemon

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/cmd/internal/events"
	"github.com/perch-vip/perch/cmd/internal/netns"
	"github.com/perch-vip/perch/cmd/internal/notify"
	"github.com/perch-vip/perch/cmd/internal/sysctl"
	"github.com/perch-vip/perch/cmd/internal/web"
	"github.com/perch-vip/perch/ipvs"
	"github.com/perch-vip/perch/vip"
	"github.com/perch-vip/perch/vip/fence"
)

// Options of Run.
type Options struct {
	Config  Source
	Version string
	Log     io.Writer // where log lines go
	Abort   func()    // ends the process if Run cannot, after a part hung; nil for nobody
}

// lifetime is the valid lifetime of an address in the kernel, refreshed while it
// is held: should perch be killed, the kernel takes the address away within
// lifetime + 1.1 s. Shorter ones cost more refreshes, longer ones leave a dead
// owner's address up for longer: where a fence keeps it dark, it is longer with many.
const lifetime = 2 * time.Second

// afterLife is how long after its lifetime the kernel may take to remove an address.
const afterLife = 1100 * time.Millisecond

// linger is how long a fence of a kind lets a dead owner's addresses answer after the
// end of its lease. With fence = "off" the cluster does as if they did not.
func linger(kind fence.Kind) time.Duration {
	if kind == fence.Lifetime {
		return lifetime + afterLife
	}
	return 0
}

// loaded is a config in force and what was odd about it.
type loaded struct {
	config   *config.Config
	warnings []string
}

// daemon joins the domain packages.
type daemon struct {
	opts    Options
	log     *slog.Logger
	level   *slog.LevelVar
	current atomic.Pointer[loaded]
	read    []credentialFile // at start
	secrets routerSecrets    // likewise
	fence   *fence.Fence
	checks  *checks
	member  *member    // nil without a [cluster]
	herald  *herald    // nil without a [bgp]
	anycast *anycast   // nil without anycast
	book    *orderBook // nil with a [cluster]

	serverChecks *checks // of real servers
	balancer     *balancer
	services     *ipvs.Manager
	tuning       *sysctl.Keeper
	retune       chan struct{} // says that the services of the config are others

	events    *events.Log
	attempts  attempts
	looking   chan struct{} // for the lookout
	unheard   unheard
	notifier  *notify.Notifier
	converger *notify.Converger
	targets   targets
	programs  atomic.Pointer[nodePrograms]
	vetting   *vetting      // of all of them
	released  chan struct{} // closed when this node has given up its addresses for good

	control        *api.Control // nil before the start
	metrics        *web.Server
	correspondence *correspondence
	moves          moveCount
	reloads        reloadCount
	scraped        routerGlance // by scrapes
	probed         routerGlance // by probes
	began          time.Time
	routers        *routers    // nil without a [[vrrp]] and [static]
	company        vip.Company // of the Managers of all
	systemd        *systemd

	supervisor *supervisor
	ending     atomic.Bool            // no part goes on
	hangs      atomic.Bool            // one does, and is not waited for
	phase      atomic.Pointer[string] // instead of the status line, or nil

	reloading sync.Mutex     // guards what follows
	told      []notify.Entry // who is told of events
}

// Run is the daemon. It ends when ctx does, after it has handed leadership over
// and released the VIPs, or when it cannot go on; VIPs are released then too.
func Run(ctx context.Context, opts Options) error {
	return start(ctx, opts, effectiveCapabilities)
}

// start opens everything that can fail before it touches an address: an accidental
// second daemon must not remove those of the first.
func start(ctx context.Context, opts Options, capabilities func() (uint64, error)) error {
	queue := newLogQueue(opts.Log)
	logging, end := context.WithCancel(context.WithoutCancel(ctx))
	var writer sync.WaitGroup
	writer.Go(func() { queue.run(logging) })
	defer writer.Wait()
	defer end()
	d, err := open(ctx, opts, queue, capabilities)
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) { // it has begun nothing
		return nil
	}
	if err != nil {
		return err
	}
	defer d.closeVIPs()
	if d.control, err = api.ListenControl(d.config().Node.Socket, d.log); err != nil {
		return errors.Join(err, d.abandon())
	}
	return d.run(ctx)
}

// open reads the config and prepares every part. It starts nothing.
func open(ctx context.Context, opts Options, queue *logQueue, capabilities func() (uint64, error)) (*daemon, error) {
	sourced, err := opts.Config()
	if err != nil {
		return nil, err
	}
	cfg, warnings := sourced.Config, sourced.Warnings
	if err := netns.Enter(ctx, cfg.Node.NetNamespace); err != nil {
		return nil, err
	}
	effective, err := capabilities()
	if err != nil {
		return nil, err
	}
	if err := checkCapabilities(effective); err != nil {
		return nil, err
	}
	d := &daemon{opts: opts, level: new(slog.LevelVar), began: time.Now(), events: events.New(cfg.Node.Name), looking: make(chan struct{}, 1)}
	d.events.Add(events.Event{Kind: events.DaemonStarted, Reason: "version " + opts.Version})
	d.reloads.begin(d.began)
	d.level.Set(cfg.Node.LogLevel)
	d.log = queue.logger(cfg.Node.LogFormat, d.level)
	d.current.Store(&loaded{config: cfg, warnings: texts(warnings)})
	for _, w := range warnings {
		d.log.Warn("config", "warning", w.String())
	}
	if d.systemd, err = newSystemd(d.log); err != nil {
		return nil, err
	}
	secrets, err := readSecrets(sourced)
	if err != nil {
		return nil, err
	}
	d.read, d.secrets = secrets.files, secrets.routers
	if d.fence, err = fence.New(fence.Kind(cfg.Fence()), d.log); err != nil {
		return nil, err
	}
	d.log.Info("fence", "kind", d.fence.Kind(), "promise", d.fence.Kind().Promise())
	if err := d.assemble(cfg, secrets); err != nil {
		return nil, errors.Join(err, d.abandon())
	}
	return d, nil
}

// assemble makes the parts that need the fence.
func (d *daemon) assemble(cfg *config.Config, s secrets) error {
	err := d.openNotifier(cfg)
	if err != nil {
		return err
	}
	if d.checks, err = openChecks(cfg.Checks, d.log.With("part", "checker")); err != nil {
		return err
	}
	if err := d.openHerald(cfg); err != nil {
		return err
	}
	if err := d.openAnycast(cfg); err != nil {
		return err
	}
	if cfg.Cluster != nil {
		if err := d.openMember(cfg, s.cluster); err != nil {
			return err
		}
	} else {
		d.book = openOrderBook(cfg.Node.DataDir, d.log)
	}
	if err := d.openBalancer(cfg); err != nil {
		return err
	}
	d.openMetrics(cfg)
	if hasRouters(cfg) || leftRouters(cfg.Node.DataDir) {
		return d.openRouters(cfg)
	}
	return nil
}

// abandon closes what was opened of a daemon that does not run.
func (d *daemon) abandon() error {
	var err error
	if d.member != nil {
		err = d.member.node.Close()
	}
	return errors.Join(err, d.fence.Close())
}

func (d *daemon) closeVIPs() {
	if d.hangs.Load() {
		return
	}
	if d.member != nil {
		d.member.vips.Close()
	}
	if d.routers != nil {
		d.routers.close()
	}
	if d.anycast != nil {
		d.anycast.manager.Close()
	}
}

// sweep removes addresses that a dead predecessor left, which this node does not own
// yet. All of them go before the first is fenced anew, since that takes the
// predecessor's fence away.
func (d *daemon) sweep() error {
	if d.routers != nil {
		if err := d.routers.sweep(d.config()); err != nil {
			return err
		}
	}
	if d.member != nil {
		switch err := d.member.holder.configure(addressesOf(d.config())); {
		case unchanged(err):
			return err
		case err != nil:
			d.log.Error("removing addresses of an earlier run", "error", err)
		}
		for _, why := range d.hindrances() {
			d.log.Warn("this node is not ready for a VIP", "why", why)
		}
	}
	if d.anycast != nil {
		return d.anycast.sweep(anycastOf(d.config()))
	}
	return nil
}

// run runs all parts, between the programs of the start and of the end. What a dead
// predecessor left does not wait for the first.
func (d *daemon) run(ctx context.Context) error {
	if err := d.sweep(); err != nil {
		return errors.Join(err, d.control.Close(), d.abandon())
	}
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	d.supervisor = newSupervisor(d.watched(), func() bool { return ctx.Err() != nil || d.ending.Load() })
	defer d.inform()()
	defer d.runStopProgram(ctx)
	d.runProgram(ctx, d.programs.Load().start)
	if ctx.Err() != nil {
		return errors.Join(d.control.Close(), d.abandon())
	}
	if !managed() {
		d.log.Info("no service manager runs perch: it ends when a part of it hangs, and starts again only if somebody sees to that")
	}
	d.phase.Store(nil)
	return d.supervised(ctx, func() error { return d.runParts(ctx, hangups) })
}

// runParts runs all parts until ctx ends or one of them fails.
func (d *daemon) runParts(ctx context.Context, hangups <-chan os.Signal) error {
	parts, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	group, parts := errgroup.WithContext(parts)
	g := &crew{group, d.recordFailure}
	context.AfterFunc(parts, func() { d.ending.Store(true) })
	if d.member != nil {
		d.runMember(g, parts)
	}
	if d.routers != nil {
		d.routers.run(g, parts, d.config(), d.secrets)
	}
	if d.herald != nil {
		d.herald.run(g, parts)
	}
	if d.anycast != nil {
		d.anycast.runAll(g, parts)
	}
	d.checks.run(g, parts, d.heed)
	d.serverChecks.run(g, parts, d.balancer.wake)
	d.runBalancer(g, parts)
	g.Go(func() error { return d.fence.Run(parts, d.fenceChanged) })
	g.Go(func() error { return d.tellReady(parts) })
	g.Go(func() error { return api.ServeControl(parts, d.control, controlSide{d}, d.log) })
	g.Go(func() error { return d.metrics.Run(parts) })
	g.Go(func() error { return d.correspondence.run(parts) })
	g.Go(func() error { return d.lookOut(parts) })
	g.Go(func() error { return d.vetting.run(parts) })
	g.Go(func() error { return d.lookForWarnings(parts) })
	g.Go(func() error { return d.reloadOn(parts, hangups) })
	if os.Getpid() == 1 {
		g.Go(func() error { return reapOrphans(parts, orphanEvery) })
	}
	g.Go(func() error {
		defer close(d.released)
		select {
		case <-ctx.Done():
			defer cancel()
			defer d.recordEnd()
			return d.stop(parts)
		case <-parts.Done(): // a part has failed, and the others may take long to end
			if err := d.letGo(); err != nil {
				d.log.Error("releasing the VIPs at the end", "error", err)
			}
			d.recordEnd()
			return nil
		}
	})
	err := g.Wait()
	if d.member != nil {
		d.member.peers.CloseIdleConnections()
	}
	return errors.Join(err, d.unfence())
}

// fenceChanged follows the fence into trouble, and out of it: addresses that it ends no
// longer end with their lifetime.
func (d *daemon) fenceChanged() {
	if d.member != nil {
		d.member.vips.RefreshAll()
	}
	if d.routers != nil {
		d.routers.vips.RefreshAll()
	}
	d.wake()
}

// wake has ownership evaluated anew, which hangs on the fence, as does what the others
// are told. That of virtual routers does not: VRRP promises less than a fence does.
func (d *daemon) wake() {
	d.lookSoon()
	if d.member != nil {
		d.member.holder.wake()
		d.member.teller.wake()
	}
}

// tellReady tells the service manager once this node takes part in the cluster.
func (d *daemon) tellReady(parts context.Context) error {
	var name string
	if d.member != nil {
		name = d.config().Cluster.Name
		select {
		case <-parts.Done():
			return nil
		case <-d.member.node.Ready():
		}
	}
	d.systemd.ready()
	d.log.Info("perch is running", "node", d.name(), "cluster", name, "version", d.opts.Version)
	return nil
}

// stop gives up everything in an orderly way. The routers are first: their backups
// need not be asked.
func (d *daemon) stop(parts context.Context) error {
	d.systemd.stopping()
	d.events.Add(events.Event{Kind: events.DaemonStopping})
	d.balancer.leave()
	var err error
	if d.anycast != nil {
		d.anycast.stop()
	}
	if d.routers != nil {
		err = d.routers.stop()
	}
	if d.member != nil {
		err = errors.Join(err, d.leave(parts))
		d.tellOwnership()
	}
	if d.routers != nil {
		err = errors.Join(err, d.routers.end())
	}
	return err
}

// letGo gives up everything at once. What has an owner is first: nobody extends its lease
// any more, and anycast VIPs take their time.
func (d *daemon) letGo() error {
	d.balancer.leave()
	var err error
	if d.member != nil {
		err = d.member.holder.stop()
		d.tellOwnership()
	}
	if d.routers != nil {
		err = errors.Join(err, d.routers.stop(), d.routers.end())
	}
	if d.anycast != nil {
		d.anycast.stop()
	}
	return err
}

// unfence takes the fence out of the kernel, unless addresses are left behind it.
func (d *daemon) unfence() error {
	if d.member != nil && d.member.holder.holding() || d.routers != nil && d.routers.holding() {
		return nil
	}
	return d.fence.Close()
}

func (d *daemon) config() *config.Config { return d.current.Load().config }

func (d *daemon) name() string { return d.config().Node.Name }
