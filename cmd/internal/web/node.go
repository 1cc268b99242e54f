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
	fenceInfo     = "perch_fence_info"
	fenceWeaker   = "perch_fence_weaker"
	fenceBroken   = "perch_fence_broken"
	fenceMended   = "perch_fence_mended_total"
	notifyEvents  = "perch_notify_events_total"
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
	return []family{{
		metric{notifyEvents, counter, "Events that a target was to be told of, by what came of it.", []string{"target", "outcome"}},
		func(m *Metrics, s *sink) {
			for _, n := range m.Notify {
				s.count(n.Told, n.Target, "told")
				s.count(n.Failed, n.Target, "failed")
				s.count(n.Dropped, n.Target, "dropped")
			}
		},
	}}
}

// epoch is a time as Prometheus has it, 0 for none.
func epoch(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}
