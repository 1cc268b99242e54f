package daemon

import (
	"testing"
	"time"
)

func TestMarginIsTheLeastThatWasLeft(t *testing.T) {
	var m margin
	for _, left := range []time.Duration{80, 50, 60, -1, 0, 70} {
		m.note(left * time.Millisecond)
	}
	if least, lapses := time.Duration(m.least.Load()), m.lapses.Load(); least != 50*time.Millisecond || lapses != 2 {
		t.Errorf("least %s, %d lapses, want 50ms and 2", least, lapses)
	}
}

// A lease that ends under the VIPs is a lapse; leadership that is given away, or lost before,
// is none.
func TestLapsesAreCounted(t *testing.T) {
	holding(t, func(t *testing.T, r *rig) {
		r.cluster.give(7, time.Second)
		expect(t, r, len(testVIPs), "leader")
		time.Sleep(600 * time.Millisecond)
		r.cluster.give(7, time.Second)
		expect(t, r, len(testVIPs), "with a longer lease")
		least, lapses := time.Duration(r.margin.least.Load()), r.margin.lapses.Load()
		if least <= 0 || least > 400*time.Millisecond || lapses != 0 {
			t.Errorf("least %s, %d lapses, want 400ms at most, and none", least, lapses)
		}
		r.cluster.give(0, 0)
		expect(t, r, 0, "leadership lost")
		if lapses := r.margin.lapses.Load(); lapses != 0 {
			t.Errorf("%d lapses although the lease ran", lapses)
		}
		r.cluster.give(8, time.Second)
		expect(t, r, len(testVIPs), "leader again")
		time.Sleep(2 * time.Second)
		expect(t, r, 0, "at the lease's end")
		if lapses := r.margin.lapses.Load(); lapses != 1 {
			t.Errorf("%d lapses, want 1", lapses)
		}
	})
}
