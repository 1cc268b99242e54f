package ipvs

import "time"

// A slow start takes a step a second, and no more than rampSteps.
const rampSteps = 20

// ramp is a slow start. The zero value is for none.
type ramp struct {
	on    bool
	since time.Duration
}

// weight returns what there is of the full weight, which is more than 0, and when that
// changes next; 0 for never. Once it is full the ramp is off.
func (r *ramp) weight(now, over time.Duration, full uint32) (weight uint32, next time.Duration) {
	steps := max(1, min(over/time.Second, rampSteps))
	if !r.on || now-r.since >= over {
		*r = ramp{}
		return full, 0
	}
	at := func(step time.Duration) uint32 { return 1 + uint32(uint64(full-1)*uint64(step)/uint64(steps)) }
	step := (now - r.since) * steps / over
	weight = at(step)
	for ; step <= steps; step++ {
		if at(step) > weight {
			return weight, r.since + (step*over+steps-1)/steps
		}
	}
	return weight, 0
}
