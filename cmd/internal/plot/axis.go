package plot

import (
	"math"
	"strconv"
)

// axis is a logarithmic scale between two places of a picture.
type axis struct {
	low, high float64 // values at its ends, above 0
	from, to  float64 // where these are
}

// newAxis makes one on which all values above 0 have a place, between round numbers. Without
// such values it goes from 1 to 10.
func newAxis(values []float64, from, to float64) axis {
	low, high := math.Inf(1), 0.0
	for _, v := range values {
		if v > 0 {
			low, high = min(low, v), max(high, v)
		}
	}
	if high == 0 {
		low, high = 1, 10
	}
	a := axis{low: roundDown(low), high: roundUp(high), from: from, to: to}
	if a.low == a.high {
		a.high = roundUp(a.high * 1.5)
	}
	return a
}

// at is where a value above 0 is.
func (a axis) at(value float64) float64 {
	share := math.Log(value/a.low) / math.Log(a.high/a.low)
	return a.from + share*(a.to-a.from)
}

// ticks are the round numbers on the scale: powers of ten, and where there are few of them, twice
// and five times these.
func (a axis) ticks() (ticks []float64) {
	steps := []float64{1, 2, 5}
	if a.high/a.low > 500 {
		steps = steps[:1]
	}
	for power := math.Floor(math.Log10(a.low)); power <= math.Log10(a.high)+1; power++ {
		for _, step := range steps {
			if v := step * math.Pow(10, power); v >= a.low*0.999 && v <= a.high*1.001 {
				ticks = append(ticks, v)
			}
		}
	}
	return ticks
}

// roundDown is the next number below that is 1, 2 or 5 times a power of ten.
func roundDown(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, step := range []float64{5, 2} {
		if step*power <= v*1.000001 {
			return step * power
		}
	}
	return power
}

// roundUp is the next one above.
func roundUp(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, step := range []float64{1, 2, 5} {
		if step*power >= v*0.999999 {
			return step * power
		}
	}
	return 10 * power
}

// label is a number as it is written at a tick.
func label(v float64) string {
	if v >= 1000 {
		return strconv.FormatFloat(v/1000, 'g', 4, 64) + "k"
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}
