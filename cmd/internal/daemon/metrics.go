package daemon

import (
	"runtime"
	"slices"

	"github.com/perch-vip/perch/checker"
	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/clock"
	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/cmd/internal/web"
	"github.com/perch-vip/perch/vip"
)

// openMetrics makes what serves metrics and answers probes, and starts nothing.
func (d *daemon) openMetrics(cfg *config.Config) {
	d.correspondence = d.newCorrespondence()
	from := web.Sources{
		Metrics: d.measure, Alive: d.alive, Obstacles: d.obstacles, Events: d.events, Board: d.board, Names: d.names,
	}
	d.metrics = web.NewServer(from, d.log.With("part", "web"))
	d.metrics.Listen(cfg.Node.Listen)
}

// measure returns what a scrape shows. It reads the kernel's table once, and asks no other
// node, and nothing of what decides on ownership or on services.
func (d *daemon) measure() web.Metrics {
	counted, err := d.balancer.counted()
	if err != nil {
		d.log.Debug("counters of services", "error", err)
	}
	routers, ipvs, s := d.scraped.look(d.routers, d.fence.Kind()), d.balancer.status(), d.ownSnapshot()
	s.routers = routers.state
	return web.Metrics{
		Version:   d.opts.Version,
		GoVersion: runtime.Version(),
		Started:   d.began,
		Ready:     len(d.obstaclesOf(routers, s.bgp, ipvs)) == 0,
		Warnings:  len(s.ownAlarms(routers.list)),
		Reloads:   d.reloads.all(),
		Fence:     d.fenceMeasured(),
		Silence:   d.supervisor.longest(),
		Clock:     clockMeasured(s.clock),
		Cluster:   d.clusterMeasured(),
		VIPs:      d.vipsMeasured(),
		Anycast:   d.anycastMeasured(),
		Announced: d.announcedMeasured(),
		Routers:   withAllDrops(routers.list),
		Unknown:   routers.unknown(),
		Checks:    d.checksMeasured(),
		Notify:    byTarget(s.notified),
		Converge:  byHook(convergedOf(s.hooks)),
		BGP:       s.bgp,
		IPVS:      ipvs,
		Services:  d.balancer.report(counted),
		Counted:   err == nil,
	}
}

func (d *daemon) fenceMeasured() web.Fence {
	return web.Fence{
		Kind: string(d.fence.Kind()), Weaker: d.fence.Missing() != nil && fences(d.config()),
		Broken: d.fence.Trouble() != nil, Mended: d.fence.Mended().Count,
	}
}

// vipsMeasured are the VIPs of the cluster. One that is in the kernel behind a shut fence
// is not held: another node may have it.
func (d *daemon) vipsMeasured() []web.VIP {
	if d.member == nil {
		return nil
	}
	return measuredVIPs(d.member.vips.Status(), d.member.holder.place() == here)
}

func (d *daemon) anycastMeasured() []web.VIP {
	if d.anycast == nil {
		return nil
	}
	return measuredVIPs(d.anycast.manager.Status(), true)
}

func measuredVIPs(list []vip.Status, may bool) []web.VIP {
	vips := make([]web.VIP, len(list))
	for i, s := range list {
		vips[i] = web.VIP{
			Address: s.VIP.Address.String(), Interface: s.VIP.Interface, Held: s.Held && may,
			Readded: s.Readded, Conflicts: s.Conflict.Count, Conflict: s.Conflict.Ongoing,
		}
	}
	return vips
}

// announcedMeasured is what each part has told the neighbours.
func (d *daemon) announcedMeasured() (list []web.Announced) {
	add := func(part string, m *vip.Manager) {
		s := m.Stats()
		list = append(list, web.Announced{
			Part: part, Sent: s.Announced, Failed: s.AnnounceErrors, Withheld: s.Withheld, Defended: s.Defended,
		})
	}
	if d.member != nil {
		add("cluster", d.member.vips)
	}
	if d.routers != nil {
		add("vrrp", d.routers.vips)
	}
	if d.anycast != nil {
		add("anycast", d.anycast.manager)
	}
	return list
}

// checksMeasured are the checks of this node.
func (d *daemon) checksMeasured() (list []web.Check) {
	spent := map[string]checker.Spent{}
	for _, s := range d.checks.runner.Spent() {
		spent[s.Name] = s
	}
	bounds := checker.SpentBounds()
	for _, s := range d.checks.runner.Status() {
		took := spent[s.Name]
		list = append(list, web.Check{
			Name: s.Name, Kind: s.Kind, State: string(s.State), Looks: s.Looks, Failures: s.Failures, Overdue: s.Overdue,
			Took: web.Spread{Bounds: bounds[:], Counts: took.Counts[:], Count: took.Count, Sum: took.Sum},
		})
	}
	return list
}

// byTarget adds up what has become of the events of each target: several [[notify]] may
// have the same one.
func byTarget(list []api.Notified) (sums []api.Notified) {
	at := map[string]int{}
	for _, n := range list {
		i, known := at[n.Target]
		if !known {
			i, at[n.Target] = len(sums), len(sums)
			sums = append(sums, api.Notified{Target: n.Target})
		}
		sums[i].Told += n.Told
		sums[i].Failed += n.Failed
		sums[i].Dropped += n.Dropped
	}
	return sums
}

// byHook adds up the runs of hooks that are alike: of one program, for the same, with other
// arguments. Of how far they have come the worst counts.
func byHook(list []api.Convergence) (sums []api.Convergence) {
	ranks := []string{api.Converged, api.ConvergeWaiting, api.ConvergeRunning, api.ConvergeFailing}
	at := map[[3]string]int{}
	for _, c := range list {
		key := [3]string{c.Hook, c.About, c.Name}
		i, known := at[key]
		if !known {
			i, at[key] = len(sums), len(sums)
			sums = append(sums, api.Convergence{Hook: c.Hook, About: c.About, Name: c.Name, State: c.State})
		}
		sums[i].Succeeded += c.Succeeded
		sums[i].Failed += c.Failed
		if slices.Index(ranks, c.State) > slices.Index(ranks, sums[i].State) {
			sums[i].State = c.State
		}
	}
	return sums
}

// clockMeasured is how this node takes its time, nil where it does from nobody. An offset
// from a clock that does not know the time itself says nothing.
func clockMeasured(s *clock.Status) *web.Clock {
	if s == nil {
		return nil
	}
	m := &web.Clock{Well: s.Trouble == "", Max: s.MaxOffset}
	if s.Asked == "" {
		return m
	}
	m.Measured = s.Silent == "" && s.Reading.Unsynchronized == ""
	m.Well = m.Well && m.Measured
	if m.Measured {
		m.Offset = s.Reading.Offset
	}
	return m
}
