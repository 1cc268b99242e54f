package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/perch-vip/perch/cluster"
	"github.com/perch-vip/perch/cluster/state"
	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/vip"
	"github.com/perch-vip/perch/vip/fence"
)

// Options of Run.
type Options struct {
	ConfigPath string
	Version    string
	Log        io.Writer // where log lines go
}

// lifetime is the valid lifetime of an address in the kernel, refreshed while it
// is held: should perch be killed, the kernel takes the address away within
// lifetime + 1.1 s. Shorter ones cost more refreshes, longer ones leave a dead
// owner's address up for longer.
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

// stopLimit bounds the hand-over when the daemon is stopped, one that was under
// way already included. Who stops it does not wait for ever: Docker kills after 10 s.
const stopLimit = 5 * time.Second

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
	vips    *vip.Manager
	fence   *fence.Fence
	node    *cluster.Node
	peers   *api.PeerClient
	holder  *holder
	systemd *systemd

	reloading sync.Mutex
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
	d, err := open(opts, queue, capabilities)
	if err != nil {
		return err
	}
	defer d.vips.Close()
	control, err := api.ListenUnix(d.config().Node.Socket)
	if err != nil {
		return errors.Join(err, d.node.Close(), d.fence.Close())
	}
	return d.run(ctx, control)
}

// open reads the config and prepares every part. It starts nothing.
func open(opts Options, queue *logQueue, capabilities func() (uint64, error)) (*daemon, error) {
	cfg, warnings, err := config.Load(opts.ConfigPath)
	if err != nil {
		return nil, err
	}
	effective, err := capabilities()
	if err != nil {
		return nil, err
	}
	if err := checkCapabilities(effective); err != nil {
		return nil, err
	}
	d := &daemon{opts: opts, level: new(slog.LevelVar)}
	d.level.Set(cfg.Node.LogLevel)
	d.log = queue.logger(cfg.Node.LogFormat, d.level)
	d.current.Store(&loaded{config: cfg, warnings: texts(warnings)})
	for _, w := range warnings {
		d.log.Warn("config", "warning", w.String())
	}
	if d.systemd, err = newSystemd(d.log); err != nil {
		return nil, err
	}
	var credentials *cluster.Credentials
	if credentials, d.read, err = readCredentials(cfg.Cluster, cfg.Node.Name); err != nil {
		return nil, err
	}
	if d.fence, err = fence.New(fence.Kind(cfg.Cluster.Fence), d.log); err != nil {
		return nil, err
	}
	d.log.Info("fence", "kind", d.fence.Kind(), "promise", d.fence.Kind().Promise())
	if err := d.assemble(cfg, credentials); err != nil {
		return nil, errors.Join(err, d.fence.Close())
	}
	return d, nil
}

// assemble makes the parts that need the fence.
func (d *daemon) assemble(cfg *config.Config, credentials *cluster.Credentials) (err error) {
	if d.node, err = cluster.Open(d.clusterConfig(cfg, credentials)); err != nil {
		return err
	}
	d.holder = newHolder(d.node, d.fence, d.situation, d.log)
	d.vips, err = vip.New(vip.Options{
		Ledger:   filepath.Join(cfg.Node.DataDir, "vips.json"),
		Lifetime: lifetime,
		Allowed:  func(vip.VIP) bool { return d.holder.allowed() },
		Guard:    d.fence.Guard,
		Log:      d.log.With("part", "vip"),
	})
	if err != nil {
		return errors.Join(fmt.Errorf("open the kernel's address interface: %w", err), d.node.Close())
	}
	d.holder.vips = d.vips
	d.peers = api.NewPeerClient(d.node.DialPeer)
	return nil
}

func (d *daemon) clusterConfig(cfg *config.Config, credentials *cluster.Credentials) cluster.Config {
	c := cluster.Config{
		Name:        cfg.Cluster.Name,
		Node:        cfg.Node.Name,
		Heartbeat:   cfg.Cluster.Heartbeat,
		Dir:         filepath.Join(cfg.Node.DataDir, "raft"),
		Credentials: credentials,
		Release:     func() error { return d.holder.release() },
		Linger:      linger(d.fence.Kind()),
		Log:         d.log,
	}
	for _, p := range cfg.Cluster.Peers {
		c.Peers = append(c.Peers, cluster.Peer(p))
	}
	return c
}

// run runs all parts until ctx ends or one of them fails.
func (d *daemon) run(ctx context.Context, control net.Listener) error {
	// What is here already was left by a dead predecessor: this node owns nothing yet.
	switch err := d.holder.configure(addressesOf(d.config())); {
	case unchanged(err):
		return errors.Join(err, control.Close(), d.node.Close(), d.fence.Close())
	case err != nil:
		d.log.Error("removing addresses of an earlier run", "error", err)
	}
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	parts, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	g, parts := errgroup.WithContext(parts)
	g.Go(func() error { return d.node.Run(parts) })
	g.Go(func() error { return d.vips.Run(parts) })
	g.Go(func() error { return d.fence.Run(parts, d.holder.wake) })
	g.Go(func() error { return d.holder.run(parts) })
	g.Go(func() error { return d.holder.follow(parts) })
	g.Go(func() error { return preempter(parts, d.preempting(), d.log) })
	g.Go(func() error { return d.tellReady(parts) })
	g.Go(func() error { return scribe(parts, d.holder.claims, d.node.Claim, d.log) })
	g.Go(func() error { return mover(parts, d.holder.moves, d.moveAway, d.log) })
	g.Go(func() error { return api.Serve(parts, control, api.ControlHandler(controlSide{d}), d.log) })
	g.Go(func() error { return api.Serve(parts, d.node.PeerListener(), api.PeerHandler(peerSide{d}), d.log) })
	g.Go(func() error { return d.reloadOn(parts, hangups) })
	g.Go(func() error { return d.systemd.watchdog(parts, d.holder.alive, d.statusLine) })
	g.Go(func() error {
		select {
		case <-ctx.Done():
			defer cancel()
			return d.stop(parts)
		case <-parts.Done(): // a part has failed, and the others may take long to end
			if err := d.holder.stop(); err != nil {
				d.log.Error("releasing the VIPs at the end", "error", err)
			}
			return nil
		}
	})
	err := g.Wait()
	d.peers.CloseIdleConnections()
	return errors.Join(err, d.unfence())
}

// tellReady tells the service manager once this node takes part in the cluster.
func (d *daemon) tellReady(parts context.Context) error {
	select {
	case <-parts.Done():
	case <-d.node.Ready():
		d.systemd.ready()
		d.log.Info("perch is running", "node", d.name(), "cluster", d.config().Cluster.Name, "version", d.opts.Version)
	}
	return nil
}

// unfence takes the fence out of the kernel, unless addresses are left behind it.
func (d *daemon) unfence() error {
	if d.holder.holding() {
		return nil
	}
	return d.fence.Close()
}

// stop hands over, if this node leads and another can take over, and releases.
// The VIPs stay until the hand-over releases them, and do not come back if it
// fails. It does not wait for the hand-over longer than stopLimit, or than the
// other parts run.
func (d *daemon) stop(parts context.Context) error {
	d.systemd.stopping()
	d.holder.leave()
	ctx, cancel := context.WithTimeout(parts, stopLimit)
	defer cancel()
	done := make(chan struct{})
	go func() { // left behind when it takes too long: the process is about to end
		defer close(done)
		d.handOverAtEnd(ctx)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		d.log.Warn("stopping without a hand-over", "error", fmt.Errorf("not done: %w", ctx.Err()))
	}
	return d.holder.stop()
}

// handOverAtEnd hands over. One that is under way already is waited for.
func (d *daemon) handOverAtEnd(ctx context.Context) {
	winner, err := d.node.Transfer("", state.Stopped(d.name()))
	for errors.Is(err, cluster.ErrTransferring) && ctx.Err() == nil {
		pause(ctx, 10*time.Millisecond)
		winner, err = d.node.Transfer("", state.Stopped(d.name()))
	}
	switch {
	case ctx.Err() != nil: // nobody waits for it any more
	case err == nil:
		d.log.Info("handed over", "to", winner)
	case !errors.Is(err, cluster.ErrNotLeader):
		d.log.Warn("stopping without a hand-over", "error", err)
	}
}

// moveAway hands over because this node leads and may not own.
func (d *daemon) moveAway() error {
	winner, err := d.node.Transfer("", whyMove(d.name(), d.situation()))
	if errors.Is(err, cluster.ErrNotLeader) {
		return nil
	}
	if err == nil {
		d.log.Info("handed over", "to", winner)
	}
	return err
}

// preempting hands the VIPs to a better node while this one holds them.
func (d *daemon) preempting() preempting {
	return preempting{
		now: d.node.Now,
		enabled: func() (bool, time.Duration) {
			c := d.config().Cluster
			return c.Preempt, c.PreemptDelay
		},
		better: func() string {
			if !d.holder.holding() {
				return ""
			}
			return d.node.Better()
		},
		handOver: func(to string) error {
			_, err := d.node.Transfer(to, to+" has a higher priority")
			return err
		},
	}
}

// situation says what speaks against this node as an owner.
func (d *daemon) situation() situation {
	self, _ := d.config().Cluster.Peer(d.name())
	return situation{
		witness:  self.Witness,
		drained:  d.node.Drained(d.name()),
		unfenced: d.fence.Trouble() != nil,
	}
}

func (d *daemon) config() *config.Config { return d.current.Load().config }

func (d *daemon) name() string { return d.config().Node.Name }

func (d *daemon) snapshot() snapshot {
	current := d.current.Load()
	return snapshot{
		config:   current.config,
		version:  d.opts.Version,
		view:     d.node.View(),
		memory:   d.node.State(),
		refused:  d.node.Refused(),
		holding:  d.holder.holding(),
		vips:     d.vips.Status(),
		fence:    d.fence.Kind(),
		unfenced: d.fence.Trouble(),
		mended:   d.fence.Mended(),
		waits:    d.node.Waits(),
		warnings: current.warnings,
	}
}

// statusLine is what `systemctl status` shows.
func (d *daemon) statusLine() string {
	return statusLine(d.node.View(), d.situation(), d.holder.holding(), len(d.config().VIPs))
}

func statusLine(view cluster.View, s situation, holding bool, vips int) string {
	switch {
	case holding && vips == 1:
		return fmt.Sprintf("owner of 1 VIP, term %d", view.Term)
	case holding:
		return fmt.Sprintf("owner of %d VIPs, term %d", vips, view.Term)
	case view.Left:
		return "no member of the cluster any more, perch join to come back"
	case !view.Quorum:
		return "no majority, no VIP is held"
	case view.Role != cluster.Leader:
		return fmt.Sprintf("standby, %s leads, term %d", view.Leader, view.Term)
	case s.witness:
		return fmt.Sprintf("leads, but is a witness and holds no VIP, term %d", view.Term)
	case s.drained:
		return fmt.Sprintf("leads, but is drained and holds no VIP, term %d", view.Term)
	case s.unfenced:
		return fmt.Sprintf("leads, but its fence does not hold and it holds no VIP, term %d", view.Term)
	default:
		return fmt.Sprintf("leads, but holds no VIP yet, term %d", view.Term)
	}
}
