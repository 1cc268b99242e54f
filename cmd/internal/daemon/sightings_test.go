package daemon

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/perch-vip/perch/cluster/state"
)

// A node whose clock was ahead by hours does not keep another held down for hours.
func TestHoldDownEndsWhateverTheClocksSay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		history := []state.Move{
			{Term: 2, Time: begin.Add(-time.Minute), From: "lb1", To: "lb2", Cause: causeHealth},
			{Term: 3, Time: begin.Add(5 * time.Hour), From: "lb1", To: "lb3", Cause: causeHealth},
		}
		var s sightings
		held := func() holdDown { now := time.Now(); return newRecord(now, s.dated(now, history)).held("lb1") }
		if until := held().until; !until.Equal(begin.Add(20 * time.Second)) {
			t.Errorf("held down until %s, want 20s", until.Sub(begin))
		}
		time.Sleep(19 * time.Second)
		history = append(history, state.Move{Term: 4, Time: begin.Add(9 * time.Hour), From: "lb3", To: "lb1"})
		if until := held().until; !until.Equal(begin.Add(20 * time.Second)) {
			t.Errorf("held down until %s, want 20s", until.Sub(begin))
		}
		time.Sleep(time.Second)
		if against := held(); against != (holdDown{}) {
			t.Errorf("held down for %s more", time.Until(against.until))
		}
	})
}

func TestSightingsAreForgottenWithTheirMoves(t *testing.T) {
	var s sightings
	s.dated(noon, []state.Move{{Term: 1, To: "lb1", Time: noon}, {Term: 2, To: "lb2", Time: noon}})
	got := s.dated(noon.Add(time.Second), []state.Move{{Term: 2, To: "lb2", Time: noon.Add(time.Hour)}})
	if len(s.first) != 1 || !got[0].Time.Equal(noon) {
		t.Errorf("%v, %v", s.first, got)
	}
}
