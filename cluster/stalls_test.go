package cluster

import (
	"testing"
	"time"
)

func TestStalls(t *testing.T) {
	var s stalls
	at := time.Date(2026, 1, 12, 3, 4, 5, 0, time.UTC)
	s.note(time.Hour, at)
	s.allow(300 * time.Millisecond)
	s.note(300*time.Millisecond, at)
	if got := s.read(); got != (Stalls{}) {
		t.Errorf("writes in time are %+v", got)
	}
	s.note(2*time.Second, at)
	s.note(time.Second, at.Add(time.Minute))
	if got, want := s.read(), (Stalls{2, at.Add(time.Minute), 2 * time.Second}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
