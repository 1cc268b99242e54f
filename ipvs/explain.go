package ipvs

import "cmp"

// status says how a member stands that is not the sorry server now.
func (t *tracked) status() MemberStatus {
	state := t.state()
	return MemberStatus{
		Address: t.Address, State: state, Reason: t.explain(state),
		Healthy: t.live, Weight: t.weight, Configured: t.Weight,
	}
}

// asSorry says how it stands as the sorry server, with a weight of that.
func (t *tracked) asSorry(weight uint32) MemberStatus {
	return MemberStatus{
		Address: t.Address, State: MemberSorry, Reason: joinReasons("no quorum", t.fault()),
		Healthy: t.live, Weight: weight, Configured: t.Weight,
	}
}

func (t *tracked) state() MemberState {
	switch {
	case t.condition.Order.Drain && t.in && t.condition.Active > 0:
		return MemberDraining
	case t.condition.Order.Drain && (t.in || t.live):
		return MemberDrained
	case t.known && !t.live:
		return MemberDown
	case t.live && t.standing:
		return MemberStandingBy
	case !t.known:
		return MemberUnknown
	default:
		return MemberUp
	}
}

// explain says what neither the state nor the orders of operators tell.
func (t *tracked) explain(s MemberState) string {
	switch s {
	case MemberDraining, MemberDrained:
		return t.fault()
	case MemberStandingBy:
		return "no quorum"
	case MemberUnknown:
		return t.guess()
	case MemberDown:
		return t.sinceVerdict()
	default:
		return cmp.Or(t.ofWeight(), t.sinceVerdict())
	}
}

// fault says what the checks have against it.
func (t *tracked) fault() string {
	if t.known && !t.live {
		return t.sinceVerdict()
	}
	return ""
}

// sinceVerdict is the reason of the last verdict, and why there is none now.
func (t *tracked) sinceVerdict() string {
	switch {
	case t.condition.Health != Unknown:
		return t.reason
	case t.condition.Resting > 0:
		return joinReasons(t.reason, "not looked at now")
	}
	return joinReasons(t.reason, "a check has no verdict yet")
}

// guess says what it is taken for before its first verdict.
func (t *tracked) guess() string {
	switch {
	case t.found != nil:
		return "as before perch was started, until a verdict"
	case t.live:
		return "counts as healthy until a verdict"
	}
	return t.condition.Reason
}

// ofWeight says where its weight comes from, if that is neither the config nor an order.
func (t *tracked) ofWeight() string {
	switch {
	case t.ramp.on && t.weight < t.full():
		return "slow start"
	case t.checkWeight != nil && t.condition.Order.Weight == nil:
		return "weight by its check"
	}
	return ""
}

// joinReasons makes one reason of two, either of which may be "".
func joinReasons(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "; " + b
}
