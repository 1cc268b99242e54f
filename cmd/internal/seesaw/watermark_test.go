package seesaw

import (
	"testing"

	"pgregory.net/rapid"
)

// seesawService is how Seesaw's engine decides whether a service is healthy.
type seesawService struct {
	watermarks
	healthy bool
}

func (s *seesawService) update(healthy int) bool {
	threshold := s.low
	if !s.healthy {
		threshold = max(s.high, s.low)
	}
	switch {
	case s.backends == 0 || healthy == 0:
		s.healthy = false
	case threshold == 0:
		s.healthy = healthy >= 1
	default:
		s.healthy = float32(healthy)/float32(s.backends) >= threshold
	}
	return s.healthy
}

// perchService is how perch decides, as docs/ipvs.md says, once it has had a quorum.
type perchService struct {
	quorum
	up bool
}

func (s *perchService) update(live int) bool {
	if s.up {
		s.up = live > 0 && live >= s.weight-s.hysteresis
	} else {
		s.up = live >= s.weight+s.hysteresis
	}
	return s.up
}

// A quorum that is exact comes and goes as Seesaw's services do; of others it is known what
// differs: a service of perch is never down where one of Seesaw would be up.
func TestQuorumIsWatermarks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := watermarks{
			low:      float32(rapid.IntRange(0, 100).Draw(t, "low")) / 100,
			high:     float32(rapid.IntRange(0, 100).Draw(t, "high")) / 100,
			backends: rapid.IntRange(1, 12).Draw(t, "backends"),
		}
		weights := make([]int, w.backends)
		same := rapid.IntRange(1, 5).Draw(t, "weight")
		for i := range weights {
			weights[i] = same
		}
		up, down := w.needs()
		q := quorumOf(up, down, weights)
		if same > 1 && !q.exact {
			t.Fatalf("%+v with weights of %d is not exact: %+v", w, same, q)
		}
		ours, theirs := &perchService{quorum: q}, &seesawService{watermarks: w}
		for _, n := range rapid.SliceOf(rapid.IntRange(0, w.backends)).Draw(t, "healthy") {
			a, b := ours.update(n*same), theirs.update(n)
			if q.exact && a != b || b && !a {
				t.Fatalf("%+v, %+v: with %d healthy perch says %v, Seesaw %v", w, q, n, a, b)
			}
		}
	})
}

// The lightest servers count: where Seesaw has a service perch has it, too.
func TestQuorumOfDifferentWeights(t *testing.T) {
	for _, c := range []struct {
		up, down int
		weights  []int
		want     quorum
	}{
		{1, 1, []int{3, 7}, quorum{3, 0, true}},
		{2, 2, []int{5, 1, 3}, quorum{4, 0, false}},
		{3, 1, []int{5, 1, 3}, quorum{5, 4, false}},
		{2, 1, []int{0, 2}, quorum{1, 0, false}},
		{3, 3, []int{2, 2}, quorum{6, 0, true}}, // never: one is off
		{2, 2, nil, quorum{2, 0, true}},
	} {
		if got := quorumOf(c.up, c.down, c.weights); got != c.want {
			t.Errorf("%d and %d of %v: got %+v, want %+v", c.up, c.down, c.weights, got, c.want)
		}
	}
}

// Fractions are compared in 32 bits: 3 of 10 are 0.3, and 7 of 10 are not 0.70000005.
func TestNeeds(t *testing.T) {
	for _, c := range []struct {
		w        watermarks
		up, down int
	}{
		{watermarks{0, 0, 4}, 1, 1},
		{watermarks{0.3, 0, 10}, 3, 3},
		{watermarks{0.3, 0, 4}, 2, 2},
		{watermarks{0.25, 0.5, 4}, 2, 1},
		{watermarks{0, 0.5, 3}, 2, 1},
		{watermarks{0.70000005, 0, 10}, 8, 8},
		{watermarks{1, 1, 3}, 3, 3},
		{watermarks{0.5, 0, 0}, 1, 1},
	} {
		if up, down := c.w.needs(); up != c.up || down != c.down {
			t.Errorf("%+v: got %d and %d, want %d and %d", c.w, up, down, c.up, c.down)
		}
	}
}
