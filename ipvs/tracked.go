package ipvs

import "time"

// tracked is what a pool remembers of a member.
type tracked struct {
	Member
	condition Condition
	step      uint64 // the last one with it

	known       bool    // it had a verdict
	live        bool    // it counts as healthy
	doubted     int     // so many checks rested when another one took it out; 0 for none
	reason      string  // of the last verdict
	checkWeight *uint32 // of the last verdict, if it had one
	added       int64   // to the weight by the last verdict
	found       *uint32 // the weight that the kernel had it with before perch was started

	standing bool          // by, as there is no quorum
	in       bool          // the kernel is to have it,
	weight   uint32        // with this weight,
	next     time.Duration // which is another one then; 0 for never

	past    bool // when it gets traffic now, it comes back, or is new to a pool that had begun
	serving bool // it is good for traffic
	ramp    ramp
}

// takeOver takes the member over as the kernel has it.
func (t *tracked) takeOver() {
	t.in, t.found = t.condition.Present != nil, t.condition.Present
}

// judge brings the health up to date, and returns what there is to tell of it, if
// anything. A member whose checks have become unknown stays as it is until a verdict. One that
// is presumed to be healthy does not come up by its first verdict, however soon that is there.
func (t *tracked) judge(r Rules) EventKind {
	c, first := &t.condition, !t.known
	was := t.live || first && t.presumed(r)
	switch {
	case c.Health != Unknown:
		t.known, t.live, t.reason = true, c.Health == Healthy, c.Reason
		t.doubt(was)
	case t.cleared():
		t.live, t.reason, t.doubted = true, "", 0
	default:
		t.live = was
		return ""
	}
	switch {
	case t.live && !was:
		return ServerUp
	case !t.live && (was || first):
		return ServerDown
	}
	return ""
}

// doubt notes after a verdict whether nothing but a check that goes on speaks against the
// member, while others of it rest, and what a good one says of the weight.
func (t *tracked) doubt(was bool) {
	c := &t.condition
	switch {
	case t.live:
		t.checkWeight, t.added, t.doubted = c.Weight, c.Added, 0
	case was || c.Resting == 0:
		t.doubted = c.Resting
	}
}

// cleared returns whether that check finds the member well again, so that it is as it was.
func (t *tracked) cleared() bool { return t.doubted > 0 && t.condition.Resting == t.doubted }

// presumed returns whether the member counts as healthy before its first verdict: one that
// gets traffic already does.
func (t *tracked) presumed(r Rules) bool {
	if t.found != nil {
		return *t.found > 0
	}
	return r.StartUp
}

// full returns the weight that it has if it is healthy, but for a slow start.
func (t *tracked) full() uint32 {
	weight := t.Weight
	if t.checkWeight != nil {
		weight = *t.checkWeight
	}
	return t.condition.Order.apply(add(weight, t.added))
}

// serve finds out the member's place in a pool whose servers get traffic.
func (t *tracked) serve(now time.Duration) {
	t.goOn(now)
	if t.standing {
		t.ramp.since = now // it begins with the traffic
	}
	t.in = t.live || t.in && t.lingers()
	t.standing, t.weight, t.next = false, 0, 0
	if !t.serving {
		return
	}
	full := t.full()
	if !t.known && t.found != nil && t.condition.Order.Weight == nil {
		full = *t.found
	}
	t.weight, t.next = t.ramp.weight(now, t.SlowStart, full)
}

// standBy finds it out in a pool whose traffic goes to the sorry server.
func (t *tracked) standBy(now time.Duration) {
	t.goOn(now)
	t.in = t.in && t.lingers()
	t.standing, t.weight, t.next = true, 0, 0
}

// goOn begins a slow start when it is time for one.
func (t *tracked) goOn(now time.Duration) {
	serving := t.live && t.full() > 0
	if serving && !t.serving && t.past {
		t.ramp = ramp{on: true, since: now}
	}
	t.serving = serving
	t.past = t.past || t.known || t.live
}

// lingers returns whether it is kept, with weight 0, if it is in the kernel and may get no
// traffic: for the connections that it has.
func (t *tracked) lingers() bool {
	return t.Inhibit || t.condition.Order.Drain || !t.known
}
