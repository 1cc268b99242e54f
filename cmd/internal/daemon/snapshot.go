package daemon

import "time"

// ownSnapshot is of what is read without waiting for anybody, and not about addresses.
func (d *daemon) ownSnapshot() snapshot {
	current := d.current.Load()
	s := snapshot{
		config:   current.config,
		version:  d.opts.Version,
		now:      time.Now().UTC(),
		fence:    d.fence.Kind(),
		weaker:   d.fence.Missing(),
		unfenced: d.fence.Trouble(),
		mended:   d.fence.Mended(),
		warnings: current.warnings,
		orders:   d.orders(),
		notified: d.notified(),
		hooks:    d.converger.Status(),
		unrun:    d.vetting.warnings(),
		bgp:      d.bgpStatus(),
		unserved: d.metrics.Trouble(),
		deaf:     d.control.Trouble(),
	}
	if d.member != nil {
		if c, on := d.member.clock.Status(); on {
			s.clock = &c
		}
	}
	return s
}

func (d *daemon) snapshot() snapshot {
	s := d.ownSnapshot()
	s.checks = d.checks.runner.Status()
	if d.anycast != nil {
		s.anycast, s.why = d.anycast.manager.Status(), d.anycast.reason()
	}
	if m := d.member; m != nil {
		s.told = m.node.Recollects() // before it is read
		s.view, s.memory, s.fitness = m.node.View(), m.node.State(), d.fitness()
		s.memory.History = m.sightings.dated(time.Now(), s.memory.History)
		s.refused, s.waits = m.node.Refused(), m.node.Waits()
		s.holding, s.vips = m.holder.holding(), m.vips.Status()
	}
	if d.routers != nil {
		s.routers = d.routers.snapshot()
	}
	return s
}
