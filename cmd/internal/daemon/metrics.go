package daemon

import (
	"runtime"

	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/cmd/internal/web"
)

// openMetrics makes what serves metrics, and starts nothing.
func (d *daemon) openMetrics(cfg *config.Config) {
	d.correspondence = d.newCorrespondence()
	d.metrics = web.NewServer(web.Sources{Metrics: d.measure, Events: d.events, Board: d.board, Names: d.names}, d.log.With("part", "metrics"))
	d.metrics.Listen(cfg.Node.Listen)
}

// measure returns what a scrape shows. It reads the kernel's table once, and asks nothing
// of what decides on ownership or on services.
func (d *daemon) measure() web.Metrics {
	counted, err := d.balancer.counted()
	if err != nil {
		d.log.Debug("counters of services", "error", err)
	}
	return web.Metrics{
		Version:   d.opts.Version,
		GoVersion: runtime.Version(),
		BGP:       d.bgpStatus(),
		IPVS:      d.balancer.status(),
		Services:  d.balancer.report(counted),
		Counted:   err == nil,
	}
}
