package seesaw

import "slices"

// watermarks are the fractions of backends that a service of Seesaw needs, with the number that
// they are fractions of.
type watermarks struct {
	low, high float32
	backends  int
}

// needs returns how many healthy backends make Seesaw begin a service (up), and how many let it
// go on (down). It compares fractions as they are, in 32 bits; without a watermark one will do.
// More than there are backends is never.
func (w watermarks) needs() (up, down int) {
	return w.least(max(w.high, w.low)), w.least(w.low)
}

func (w watermarks) least(fraction float32) int {
	for n := 1; n <= w.backends; n++ {
		if float32(n)/float32(w.backends) >= fraction {
			return n
		}
	}
	return w.backends + 1
}

// quorum is what perch has for watermarks: a live weight, and by how much it must differ.
type quorum struct {
	weight, hysteresis int
	exact              bool // whether it comes and goes as with Seesaw once it has been there
}

// quorumOf returns the quorum for so many healthy servers to win it and to keep it, of servers
// with these weights. A quorum is lost below weight - hysteresis and comes back at weight +
// hysteresis, so that both thresholds are met if their sum is even.
//
// With different weights it is that of the lightest servers: so many servers always do, and
// fewer heavy ones may.
func quorumOf(up, down int, weights []int) quorum {
	sorted := slices.Sorted(slices.Values(weights))
	won, kept := max(1, sum(sorted, up)), max(1, sum(sorted, down))
	exact := len(sorted) == 0 || sorted[0] == sorted[len(sorted)-1] && sorted[0] > 0
	if (won-kept)%2 != 0 {
		won--
		// Live weights are multiples of the weight: one less makes a difference only to 1.
		exact = exact && sorted[0] > 1
	}
	return quorum{weight: (won + kept) / 2, hysteresis: (won - kept) / 2, exact: exact || up == 1}
}

// sum adds the first n weights. Those that are missing weigh as the last one, and at least 1.
func sum(weights []int, n int) (total int) {
	for i := range n {
		switch {
		case i < len(weights):
			total += weights[i]
		case len(weights) > 0:
			total += max(1, weights[len(weights)-1])
		default:
			total++
		}
	}
	return total
}
