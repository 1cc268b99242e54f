package vrrpnet

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// Whatever is put, moved and taken out, the runner that is first has the least time.
func TestDeadlines(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var adverts, patience deadlines
	runners := make([]*runner, 200)
	for i := range runners {
		runners[i] = &runner{}
	}
	for step := range 20000 {
		r := runners[random.IntN(len(runners))]
		switch random.IntN(5) {
		case 0:
			r.dequeue()
		case 1, 2:
			adverts.put(r, time.Duration(random.IntN(1000)))
		default:
			patience.put(r, time.Duration(random.IntN(1000)))
		}
		for _, d := range []*deadlines{&adverts, &patience} {
			if got, want := d.first(), least(runners, d); got != want && (got == nil || want == nil || got.wake != want.wake) {
				t.Fatalf("step %d: first is %v, want %v", step, got, want)
			}
		}
	}
	for _, d := range []*deadlines{&adverts, &patience} {
		for i, r := range d.runners {
			if r.at != i || r.queue != d {
				t.Fatalf("runner %d thinks that it is at %d", i, r.at)
			}
		}
	}
}

func least(runners []*runner, d *deadlines) *runner {
	var there []*runner
	for _, r := range runners {
		if r.queue == d {
			there = append(there, r)
		}
	}
	if len(there) == 0 {
		return nil
	}
	return slices.MinFunc(there, func(a, b *runner) int { return int(a.wake - b.wake) })
}

func TestDeadlinesAllocateNothing(t *testing.T) {
	var d deadlines
	runners := make([]*runner, 1000)
	for i := range runners {
		runners[i] = &runner{}
		d.put(runners[i], time.Duration(i))
	}
	if n := testing.AllocsPerRun(1000, func() { d.put(d.first(), d.first().wake+500) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
