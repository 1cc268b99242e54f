package daemon

import "github.com/perch-vip/perch/ipvs"

// conditionOf sums up the verdicts of a server's checks, all of which must be well.
// A number in a file adds to its weight, unless it has weight 0, which makes it good or bad.
func conditionOf(checks []reference, known verdicts) ipvs.Condition {
	c := ipvs.Condition{Health: ipvs.Healthy}
	open := false // one that is made has no verdict yet
	for i := range checks {
		r := &checks[i]
		v := known.of(r.check)
		switch {
		case v.resting:
			c.Resting++
		case v.state != passed && v.state != failed:
			open = true
		}
		switch {
		case !v.known || v.state != passed:
		case r.weight == 0:
			v = r.turned(stateOf(v.value))
		default:
			c.Added += r.added(v.value)
		}
		if v.weight != nil && c.Weight == nil {
			c.Weight = v.weight
		}
		switch {
		case v.state == failed && c.Health != ipvs.Failed:
			c.Health, c.Reason = ipvs.Failed, reasonOf(r.check, v, "failed")
		case v.state != failed && v.state != passed && c.Health == ipvs.Healthy:
			c.Health, c.Reason = ipvs.Unknown, reasonOf(r.check, v, "has no verdict yet")
		}
	}
	if open {
		c.Resting = 0
	}
	return c
}

func reasonOf(check string, v verdict, otherwise string) string {
	if v.reason != "" {
		otherwise = v.reason
	}
	return "check " + check + " " + otherwise
}

// mostAdded bounds what one number adds to the weight of a server, so that no sum of them
// overflows.
const mostAdded = 1 << 31

// added returns what the number in a file adds to the weight of a server.
func (r reference) added(value int) int64 {
	return min(max(r.product(value), -mostAdded), mostAdded)
}
