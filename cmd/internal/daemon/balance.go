package daemon

import (
	"context"
	"net/netip"
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
	if d.serverChecks, err = openChecks(cfg.ServerChecks, d.log.With("part", "server-checker")); err != nil {
		return err
	}
	d.hooks = newHooks(d.serverChecks.host, log)
	d.tuning = sysctl.NewKeeper(filepath.Join(cfg.Node.DataDir, "sysctls.json"), log)
	d.retune = make(chan struct{}, 1)
	d.balancer = &balancer{
		manager:  ipvs.New(ipvs.Config{Record: filepath.Join(cfg.Node.DataDir, "services.json"), Log: log}),
		syncer:   newSyncer(log),
		config:   d.config,
		verdicts: d.serverChecks.all,
		orders:   d.orders,
		held:     d.held,
		tell:     d.hooks.tell,
		log:      log,
		poke:     make(chan struct{}, 1),
		pools:    map[string]*balanced{},
		begin:    time.Now(),
	}
	return nil
}

// runBalancer starts what balances load, which ends with the context.
func (d *daemon) runBalancer(g *errgroup.Group, parts context.Context) {
	b := d.balancer
	d.serverChecks.run(g, parts, b.wake)
	around(g, parts, b.manager.Run, b.run)
	g.Go(func() error { return b.syncer.run(parts) })
	g.Go(func() error { return d.hooks.follow(parts) })
	g.Go(func() error { return d.tune(parts) })
	g.Go(func() error { return d.follow(parts) })
}

// follow has the balancer follow the orders of operators, and where the VIPs are.
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
	cfg := d.config()
	if !cfg.IPVS.ManageSysctls || len(cfg.Services) == 0 {
		return d.tuning.Set(nil)
	}
	facts, err := doctor.Survey()
	if err != nil {
		return err
	}
	return d.tuning.Set(doctor.Settings(cfg, facts))
}

// held returns the addresses that move between machines, and whether this node has them.
func (d *daemon) held() map[netip.Addr]bool {
	held := map[netip.Addr]bool{}
	holding := d.member != nil && d.member.holder.holding()
	for _, v := range d.config().VIPs {
		held[v.Address.Addr()] = holding
	}
	if d.routers == nil {
		return held
	}
	for v, owner := range d.routers.setup.Load().owners {
		held[v.Address.Addr()] = d.routers.engine.Holds(owner.Name)
	}
	return held
}
