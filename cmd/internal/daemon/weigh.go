package daemon

import (
	"fmt"
	"slices"
)

// health is what its checks make of a node, or of a virtual router.
type health string

// Healths. The zero value is like unsure.
const (
	well   health = "healthy"
	sick   health = "sick"
	unsure health = "unknown" // a check that it depends on has no verdict yet
)

// judgement is the state of a check.
type judgement string

// Judgements. The zero value is like undecided.
const (
	undecided judgement = "unknown"
	passed    judgement = "healthy"
	failed    judgement = "failed"
)

// verdict is what a check says of what it looks at.
type verdict struct {
	state judgement
	value int  // counts instead of the state, if it is known and the check has passed
	known bool // only with checks of kind file
	// weight is what a script wants a real server to have, if it says so.
	weight  *uint32
	resting bool // the check is not made now
	// reason is of one that has failed, such as "failed 3 of 3: connection refused", or
	// undecided, such as "has looked once".
	reason string
}

// verdicts are those of checks by name, which do not change. Few of many differ from one time
// to the next.
type verdicts map[string]*verdict

// of returns the verdict of a check, the zero value for one that is not known.
func (l verdicts) of(check string) verdict {
	if v := l[check]; v != nil {
		return *v
	}
	return verdict{}
}

// reference is one use of a check.
type reference struct {
	check   string
	weight  int  // -253 to 253, for a server -65535 to 65535; 0 is a fault
	reverse bool // failed counts as passed, and the other way round
}

// fitness is what the checks make of a node, or of a virtual router.
type fitness struct {
	health   health
	priority int      // with what the checks add and take away
	reasons  []string // why it is sick or unsure, without repetitions
}

// addressOwner is the VRRP priority that no weight changes.
const addressOwner = 255

// faultBelow is what a number must be above, to weigh rather than to be a fault.
const faultBelow = -254

// weigh adds what the verdicts of the checks referred to make of a base priority. A
// fault makes it sick.
func weigh(base int, refs []reference, known verdicts) fitness {
	total := fitness{health: well, priority: base}
	for _, ref := range refs {
		effect := ref.effect(known.of(ref.check))
		total.priority += effect.priority
		switch {
		case effect.health == total.health && effect.health != well:
			total.reasons = append(total.reasons, effect.reasons...)
		case effect.health == sick, effect.health == unsure && total.health == well:
			total.health, total.reasons = effect.health, effect.reasons
		}
	}
	slices.Sort(total.reasons)
	total.reasons = slices.Compact(total.reasons)
	total.priority = min(max(total.priority, 1), addressOwner-1)
	if base == addressOwner {
		total.priority = addressOwner
	}
	return total
}

// effect returns what one reference changes.
func (r reference) effect(v verdict) fitness {
	if v.known && v.state == passed {
		return r.effectOf(v.value)
	}
	v = r.turned(v)
	switch {
	case v.state == failed && r.weight == 0:
		return r.makes(sick, v.reason, "failed")
	case v.state == failed && r.weight < 0, v.state == passed && r.weight > 0:
		return fitness{health: well, priority: r.weight}
	case v.state != failed && v.state != passed && r.weight == 0:
		return r.makes(unsure, v.reason, "has no verdict yet")
	}
	return fitness{health: well}
}

func (r reference) makes(h health, reason, otherwise string) fitness {
	if reason == "" {
		reason = otherwise
	}
	return fitness{health: h, reasons: []string{"check " + r.check + " " + reason}}
}

// effectOf returns what the number in a file changes: it is multiplied by the weight.
// With weight 0 any but 0 is a failure.
func (r reference) effectOf(value int) fitness {
	if r.weight == 0 {
		return r.effect(stateOf(value))
	}
	product := r.product(min(max(value, faultBelow), -faultBelow))
	if product <= faultBelow {
		return r.makes(sick, fmt.Sprintf("has found %d, times %d", value, r.weight), "")
	}
	return fitness{health: well, priority: int(min(product, -faultBelow))}
}

// product returns a number multiplied by the weight.
func (r reference) product(value int) int64 {
	if r.reverse {
		return -int64(value) * int64(r.weight)
	}
	return int64(value) * int64(r.weight)
}

// stateOf returns what a number says that is not weighed: any but 0 is a failure.
func stateOf(value int) verdict {
	if value == 0 {
		return verdict{state: passed}
	}
	return verdict{state: failed, reason: fmt.Sprintf("has found %d", value)}
}

// turned returns the verdict as the reference takes it.
func (r reference) turned(v verdict) verdict {
	if r.reverse {
		return v.reversed()
	}
	return v
}

// reversed returns the verdict that a reference in reverse takes it for.
func (v verdict) reversed() verdict {
	switch v.state {
	case failed:
		return verdict{state: passed}
	case passed:
		return verdict{state: failed, reason: "is healthy, and must not be"}
	}
	return v
}
