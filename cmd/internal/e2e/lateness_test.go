package e2e

import (
	"math"
	"slices"
	"testing"
	"time"
)

// deviations are by how much times between two adverts are longer than the interval, the
// shortest first.
type deviations []time.Duration

// deviationsOf takes the times at which the adverts of each router have come, from begin to end.
// A router that has gone silent is late, too, though its next advert is not there to say so.
func deviationsOf(adverts [][]time.Time, interval time.Duration, begin, end time.Time) (d deviations) {
	for _, times := range adverts {
		last := begin
		for i, at := range times {
			if i > 0 {
				d = append(d, at.Sub(last)-interval)
			}
			last = at
		}
		if silent := end.Round(0).Sub(last.Round(0)) - interval; silent > 0 {
			d = append(d, silent)
		}
	}
	slices.Sort(d)
	return d
}

// absolute returns how far all are from the interval.
func (d deviations) absolute() deviations {
	abs := slices.Clone(d)
	for i, v := range abs {
		abs[i] = v.Abs()
	}
	slices.Sort(abs)
	return abs
}

// µs returns the nearest-rank quantile, not a number if there is none.
func (d deviations) µs(q float64) float64 {
	if len(d) == 0 {
		return math.NaN()
	}
	rank := int(math.Ceil(q * float64(len(d))))
	return d[max(rank, 1)-1].Seconds() * 1e6
}

func TestDeviations(t *testing.T) {
	begin := time.Unix(1000, 0)
	at := func(ms ...int) (times []time.Time) {
		for _, ms := range ms {
			times = append(times, begin.Add(time.Duration(ms)*time.Millisecond))
		}
		return times
	}
	const ms = time.Millisecond
	for name, tt := range map[string]struct {
		adverts [][]time.Time
		want    deviations
	}{
		"in time":         {[][]time.Time{at(50, 150, 250)}, deviations{0, 0}},
		"late, then not":  {[][]time.Time{at(50, 153, 250)}, deviations{-3 * ms, 3 * ms}},
		"of two routers":  {[][]time.Time{at(50, 151, 251), at(60, 162, 262)}, deviations{0, 0, 1 * ms, 2 * ms}},
		"one is left out": {[][]time.Time{at(50, 250)}, deviations{100 * ms}},
		"it goes silent":  {[][]time.Time{at(50, 150)}, deviations{0, 50 * ms}},
		"never one":       {[][]time.Time{nil}, deviations{200 * ms}},
	} {
		if got := deviationsOf(tt.adverts, 100*ms, begin, begin.Add(300*ms)); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
	d := deviations{-3 * ms, 0, 2 * ms}
	if got := d.absolute(); !slices.Equal(got, deviations{0, 2 * ms, 3 * ms}) {
		t.Errorf("absolute: %v", got)
	}
	if d.µs(0.5) != 0 || d.µs(0.99) != 2000 || !math.IsNaN(deviations(nil).µs(0.5)) {
		t.Errorf("quantiles: %v, %v, %v", d.µs(0.5), d.µs(0.99), deviations(nil).µs(0.5))
	}
}
