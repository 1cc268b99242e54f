package web

import "time"

// The names of the metrics of a node.
const (
	buildInfo     = "perch_build_info"
	nodeStart     = "perch_node_start_time_seconds"
	nodeReady     = "perch_node_ready"
	nodeWarnings  = "perch_node_warnings"
	configReloads = "perch_config_reloads_total"
	configWell    = "perch_config_last_reload_success"
	configTaken   = "perch_config_applied_time_seconds"
	nodeSilence   = "perch_node_silence_longest_seconds"
	nodeStreams   = "perch_node_streams"
	fenceInfo     = "perch_fence_info"
	fenceWeaker   = "perch_fence_weaker"
	fenceBroken   = "perch_fence_broken"
	fenceMended   = "perch_fence_mended_total"
	notifyEvents  = "perch_notify_events_total"
	convergeState = "perch_converge_state"
	convergeRuns  = "perch_converge_runs_total"
	clockUp       = "perch_clock_up"
	clockOffset   = "perch_clock_offset_seconds"
	clockMax      = "perch_clock_max_offset_seconds"
)

func nodeFamilies() []family {
	return []family{
		{
			metric{buildInfo, gauge, "What this perch was built from; always 1.", []string{"version", "goversion"}},
			func(m *Metrics, s *sink) { s.add(1, m.Version, m.GoVersion) },
		},
		{
			metric{nodeStart, gauge, "When the daemon began, Unix time.", nil},
			func(m *Metrics, s *sink) { s.add(epoch(m.Started)) },
		},
		{
			metric{nodeReady, gauge, "1 if /readyz says so.", nil},
			func(m *Metrics, s *sink) { s.state(m.Ready) },
		},
		{
			metric{nodeWarnings, gauge, "Warnings about this node and its config; perch status has them.", nil},
			func(m *Metrics, s *sink) { s.add(float64(m.Warnings)) },
		},
		{
			metric{nodeSilence, gauge, "The longest time that a part of perch was at one thing; after 2 s the VIPs are released.", []string{"part"}},
			func(m *Metrics, s *sink) {
				for _, each := range m.Silence {
					s.add(each.For.Seconds(), each.Part)
				}
			},
		},
		{
			metric{nodeStreams, gauge, "Dashboards and readers of events that are connected.", nil},
			func(m *Metrics, s *sink) { s.add(float64(m.Streams)) },
		},
		{
			metric{configReloads, counter, "Reloads of the config, by what came of them.", []string{"result"}},
			func(m *Metrics, s *sink) {
				s.count(m.Reloads.Applied, "applied")
				s.count(m.Reloads.Refused, "refused")
			},
		},
		{
			metric{configWell, gauge, "0 if the last reload was refused; 1 also before the first.", nil},
			func(m *Metrics, s *sink) { s.state(!m.Reloads.Failed) },
		},
		{
			metric{configTaken, gauge, "When the config in force was taken over, Unix time.", nil},
			func(m *Metrics, s *sink) { s.add(epoch(m.Reloads.Last)) },
		},
	}
}

func fenceFamilies() []family {
	return []family{
		{
			metric{fenceInfo, gauge, "What keeps the kernel from answering beyond the lease; always 1.", []string{"kind"}},
			func(m *Metrics, s *sink) { s.add(1, m.Fence.Kind) },
		},
		{
			metric{fenceWeaker, gauge, "1 if \"auto\" took a weaker fence than there is, since that cannot be had.", nil},
			func(m *Metrics, s *sink) { s.state(m.Fence.Weaker) },
		},
		{
			metric{fenceBroken, gauge, "1 if the kernel may answer beyond the lease, against what the fence promises.", nil},
			func(m *Metrics, s *sink) { s.state(m.Fence.Broken) },
		},
		{
			metric{fenceMended, counter, "Times that others got in the way of the fence, and it was put right.", nil},
			func(m *Metrics, s *sink) { s.count(m.Fence.Mended) },
		},
	}
}

func notifyFamilies() []family {
	return []family{
		{
			metric{notifyEvents, counter, "Events that a target was to be told of, by what came of it.", []string{"target", "outcome"}},
			func(m *Metrics, s *sink) {
				for _, n := range m.Notify {
					s.count(n.Told, n.Target, "told")
					s.count(n.Failed, n.Target, "failed")
					s.count(n.Dropped, n.Target, "dropped")
				}
			},
		},
		{
			metric{convergeState, gauge, "How far a converge hook has come, as a label; always 1.", []string{"hook", "about", "name", "state"}},
			func(m *Metrics, s *sink) {
				for _, c := range m.Converge {
					s.add(1, c.Hook, c.About, c.Name, c.State)
				}
			},
		},
		{
			metric{convergeRuns, counter, "Runs of a converge hook, by what came of them.", []string{"hook", "about", "name", "result"}},
			func(m *Metrics, s *sink) {
				for _, c := range m.Converge {
					s.count(c.Succeeded, c.Hook, c.About, c.Name, "succeeded")
					s.count(c.Failed, c.Hook, c.About, c.Name, "failed")
				}
			},
		},
	}
}

// ofClock is a family of how this node takes time from the leader.
func ofClock(name, help string, collect func(*Clock, *sink)) family {
	return family{metric{name, gauge, help, nil}, func(m *Metrics, s *sink) {
		if m.Clock != nil {
			collect(m.Clock, s)
		}
	}}
}

func clockFamilies() []family {
	return []family{
		ofClock(clockUp, "1 if this node leads, or takes its time from the leader, which has one; else perch status has the reason.",
			func(c *Clock, s *sink) { s.state(c.Well) }),
		ofClock(clockOffset, "How far the clock of this node is ahead of the leader's.",
			func(c *Clock, s *sink) {
				if c.Measured {
					s.add(c.Offset.Seconds())
				}
			}),
		ofClock(clockMax, "How far it may be off before perch warns.", func(c *Clock, s *sink) { s.add(c.Max.Seconds()) }),
	}
}

// epoch is a time as Prometheus has it, 0 for none.
func epoch(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}
