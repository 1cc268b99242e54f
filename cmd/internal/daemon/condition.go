package daemon

import "github.com/perch-vip/perch/ipvs"

// conditionOf sums up the verdicts of a server's checks, all of which must be well.
func conditionOf(checks []reference, known verdicts) ipvs.Condition {
	c := ipvs.Condition{Health: ipvs.Healthy}
	for _, r := range checks {
		v, added := r.onServer(known.of(r.check))
		c.Added += added
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

// onServer returns what a check says of a server, and adds to its weight: the number in a
// file, multiplied by the weight. With weight 0 the number decides whether the server is
// well.
func (r reference) onServer(v verdict) (verdict, int64) {
	switch {
	case !v.known || v.state != passed:
		return v, 0
	case r.weight == 0:
		return r.turned(stateOf(v.value)), 0
	}
	return v, min(max(r.product(v.value), -mostAdded), mostAdded)
}
