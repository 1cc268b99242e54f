package web

import "github.com/perch-vip/perch/cmd/internal/api"

// The names of the metrics of the checks of a node.
const (
	checkHealthy  = "perch_check_healthy"
	checkState    = "perch_check_state"
	checkResults  = "perch_check_results_total"
	checkDuration = "perch_check_duration_seconds"
	checkOverdue  = "perch_check_overdue_seconds"
)

// ofChecks is a family with samples of each check.
func ofChecks(name, kind, help string, labels []string, collect func(*Check, *sink)) family {
	return family{metric{name, kind, help, labels}, func(m *Metrics, s *sink) {
		for i := range m.Checks {
			collect(&m.Checks[i], s)
		}
	}}
}

func checkFamilies() []family {
	return []family{
		ofChecks(checkHealthy, gauge, "1 if the check is healthy, 0 also while it has no verdict.", []string{"check", "kind"},
			func(c *Check, s *sink) { s.state(c.State == api.CheckHealthy, c.Name, c.Kind) }),
		ofChecks(checkState, gauge, "The state that the check is in, as a label; always 1.", []string{"check", "state"},
			func(c *Check, s *sink) { s.add(1, c.Name, c.State) }),
		ofChecks(checkResults, counter, "Looks of the check, by what they found.", []string{"check", "result"},
			func(c *Check, s *sink) {
				s.count(c.Looks-c.Failures, c.Name, "well")
				s.count(c.Failures, c.Name, "failed")
			}),
		ofChecks(checkDuration, histogram, "How long the looks of the check took.", []string{"check"},
			func(c *Check, s *sink) { s.spread(c.Took, c.Name) }),
		ofChecks(checkOverdue, gauge, "For how long the next look could not begin, since too many others are under way.", []string{"check"},
			func(c *Check, s *sink) { s.add(c.Overdue.Seconds(), c.Name) }),
	}
}
