package checker

import (
	"testing"
	"time"
)

func TestSpent(t *testing.T) {
	var s Spent
	bounds := SpentBounds()
	for i, bound := range bounds {
		if i > 0 && bound <= bounds[i-1] {
			t.Errorf("bound %d is %v", i, bound)
		}
		s.add(bound)
	}
	s.add(bounds[0] + 1)
	s.add(time.Hour)
	want := Spent{Count: spentBounds + 2}
	for i, bound := range bounds {
		want.Counts[i]++
		want.Sum += bound
	}
	want.Counts[1]++
	want.Sum += bounds[0] + 1 + time.Hour
	if s != want {
		t.Errorf("%+v, want %+v", s, want)
	}
}

// Each look is counted, and Spent is in the order of Set.
func TestSpentByLooks(t *testing.T) {
	var a task
	a.entry.Name = "a"
	a.record(outcome{took: 2 * time.Millisecond}, time.Now())
	a.record(outcome{took: time.Millisecond, reason: "refused"}, time.Now())
	r := NewRunner(Options{})
	r.order = []*task{{entry: Entry{Name: "b"}}, &a}
	got := r.Spent()
	if len(got) != 2 || got[0].Name != "b" || got[0].Count != 0 || got[1].Name != "a" || got[1].Count != 2 || got[1].Sum != 3*time.Millisecond {
		t.Errorf("%+v", got)
	}
}
