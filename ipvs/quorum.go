package ipvs

// weights are those of members together, by what their checks say.
type weights struct {
	all  uint64 // as configured
	live uint64 // of those that count as healthy
	open uint64 // of those that may turn out to be
}

// quorum is whether the healthy members weigh enough.
type quorum struct {
	up      bool
	settled bool // it was decided once
}

// decide brings the quorum up to date. What could still be reached by first verdicts is
// not lost, as long as somebody gets traffic.
func (q *quorum) decide(r Rules, w weights) Quorum {
	s := bounds(r, w.all)
	enough := s.Gain
	if !q.settled {
		enough = s.Needed
	}
	switch {
	case q.up && (w.live == 0 || w.live+w.open < s.Loss), !q.up && !q.settled && w.live+w.open < enough:
		*q = quorum{settled: true}
	case !q.up && w.live >= enough:
		*q = quorum{up: true, settled: true}
	}
	s.Up, s.Open, s.Weight = q.up, !q.up && !q.settled, w.live
	return s
}

// bounds returns the weights in force for members that weigh so much together. All of
// them are enough in any case, and none never are.
func bounds(r Rules, all uint64) Quorum {
	wanted, hysteresis := uint64(r.Quorum), uint64(r.Hysteresis)
	needed := max(1, min(wanted, all))
	return Quorum{
		Wanted: wanted,
		Needed: needed,
		Gain:   max(needed, min(needed+hysteresis, all)),
		Loss:   needed - min(hysteresis, needed-1),
	}
}
