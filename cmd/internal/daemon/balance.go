package daemon

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/cmd/internal/doctor"
	"github.com/perch-vip/perch/cmd/internal/sysctl"
	"github.com/perch-vip/perch/ipvs"
)

// openBalancer makes what balances load. It starts nothing, and needs no IPVS.
func (d *daemon) openBalancer(cfg *config.Config) (err error) {
	log := d.log.With("part", "ipvs")
	if err := os.MkdirAll(cfg.Node.DataDir, 0o700); err != nil { // VIPs do not hang on that
		log.Warn("what perch puts into the kernel cannot be remembered", "error", err)
	}
	if d.serverChecks, err = openChecks(checksServed(cfg), d.log.With("part", "server-checker")); err != nil {
		return err
	}
	d.serverChecks.setResting(restingAtFirst(servedBy(cfg)))
	d.services = ipvs.New(ipvs.Config{Record: filepath.Join(cfg.Node.DataDir, "services.json"), Log: log})
	d.tuning = sysctl.NewKeeper(filepath.Join(cfg.Node.DataDir, "sysctls.json"), log)
	d.retune = make(chan struct{}, 1)
	d.balancer = &balancer{
		kernel:   d.services,
		syncer:   newSyncer(syncMark(filepath.Join(cfg.Node.DataDir, "sync")), log),
		config:   d.config,
		verdicts: d.serverChecks.all,
		ease:     d.serverChecks.setResting,
		machine:  machineAddresses,
		orders:   d.orders,
		where:    d.where,
		tell:     d.tellService,
		log:      log,
		poke:     make(chan struct{}, 1),
		begin:    time.Now(),
	}
	return nil
}

// runBalancer starts what balances load, which ends with the context. What the balancer
// speaks to ends after it: it has something to say at the end, as has who gives up the addresses.
func (d *daemon) runBalancer(g *crew, parts context.Context) {
	b := d.balancer
	around(g, parts, together(d.services.Run, b.syncer.run, d.notifier.Run, d.converger.Run), together(b.run, d.untilReleased))
	g.Go(func() error { return d.tune(parts) })
	g.Go(func() error { return d.follow(parts) })
}

// untilReleased ends when this node has given up its addresses for good.
func (d *daemon) untilReleased(ctx context.Context) error {
	<-ctx.Done()
	<-d.released
	return nil
}

// together runs all, and ends when all have ended.
func together(all ...func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		var g errgroup.Group
		for _, run := range all {
			g.Go(func() error { return run(ctx) })
		}
		return g.Wait()
	}
}

// follow has the balancer follow the orders of operators, and where the VIPs are, of which
// users are told.
func (d *daemon) follow(parts context.Context) error {
	var ordered, moved, elected <-chan struct{}
	if d.member != nil {
		ordered, moved = d.member.node.Remembered(), d.member.holder.moved
	} else {
		ordered = d.book.given
	}
	if d.routers != nil {
		elected = d.routers.moved
	}
	for {
		d.tellOwnership()
		d.converger.Wake()
		select {
		case <-parts.Done():
			return nil
		case <-ordered:
		case <-moved:
		case <-elected:
		}
		d.balancer.wake()
	}
}

// tuneEvery is how often it is made sure that the host is as the services need it: modules
// are loaded, and interfaces come.
const tuneEvery = 10 * time.Second

// tune sets the sysctls that the services need, if it is to, until parts end: again and
// again, and at once after a reload.
func (d *daemon) tune(parts context.Context) error {
	said := ""
	for parts.Err() == nil {
		text := ""
		if err := d.tuneOnce(); err != nil {
			text = err.Error()
		}
		if text != "" && text != said {
			d.log.Warn("sysctls of the services are not as they should be", "error", text)
		}
		said = text
		select {
		case <-parts.Done():
		case <-d.retune:
		case <-time.After(tuneEvery):
		}
	}
	return d.tuning.Restore()
}

func (d *daemon) tuneOnce() error {
	cfg := *d.config()
	cfg.Services = servedBy(&cfg)
	if !cfg.IPVS.ManageSysctls || len(cfg.Services) == 0 {
		return d.tuning.Set(nil)
	}
	facts, err := doctor.Survey()
	if err != nil {
		return err
	}
	return d.tuning.Set(doctor.Settings(&cfg, facts))
}

// where returns where the addresses are that move between machines.
func (d *daemon) where() whereabouts {
	w := whereabouts{}
	at := elsewhere
	if d.member != nil {
		at = d.member.holder.place()
	}
	for _, v := range d.config().VIPs {
		w[v.Address.Addr()] = at
	}
	for a := range ranged(d.config()) {
		w[a] = at
	}
	if d.routers != nil {
		for v := range d.routers.setup.Load().owners {
			w[v.Address.Addr()] = d.routers.place(v)
		}
	}
	return w
}
