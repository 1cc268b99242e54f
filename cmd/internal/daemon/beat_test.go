package daemon

import (
	"testing"
	"time"
)

// looks has a vigil look at a part again and again, and returns what it says last.
func looks(v *vigil, times int, passed, waited time.Duration, beat func(i int) uint64) (part string) {
	for i := range times {
		part = v.look([]reading{{"other", 0}, {"part", beat(i)}}, passed, waited)
	}
	return part
}

func TestVigil(t *testing.T) {
	const enough = int(silenceLimit/beatEvery) + 1
	same := func(beat uint64) func(int) uint64 { return func(int) uint64 { return beat } }
	tests := []struct {
		name   string
		times  int
		passed time.Duration
		waited time.Duration
		beat   func(int) uint64
		want   string
	}{
		{"at one thing for too long", enough, beatEvery, 0, same(7), "part"},
		{"at one thing for not quite as long", enough - 1, beatEvery, 0, same(7), ""},
		{"at rest", 100 * enough, beatEvery, 0, same(8), ""},
		{"gets on", 100 * enough, beatEvery, 0, func(i int) uint64 { return uint64(2*(i/(enough-1)) + 1) }, ""},
		{"gets on, with rests between", 100 * enough, beatEvery, 0, func(i int) uint64 { return uint64(i / 3) }, ""},
		{"starved for a while", 5 * enough, beatEvery, beatEvery, same(7), ""},
		{"starved for ever", leastShare * enough, beatEvery, beatEvery, same(7), "part"},
		{"starved for half of the time", 2*enough - 2, beatEvery, beatEvery / 2, same(7), ""},
		{"silent for longer than that", 2 * enough, beatEvery, beatEvery / 2, same(7), "part"},
		{"waited for longer than it was looked", enough, beatEvery, time.Hour, same(7), ""},
		{"the process stood still", 2, time.Hour, 0, same(7), ""},
		{"the process stands still time and again, and the part even when it goes on", 6, time.Hour, 0, same(7), "part"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := looks(newVigil(), test.times, test.passed, test.waited, test.beat); got != test.want {
				t.Errorf("silent is %q, want %q", got, test.want)
			}
		})
	}
}

// What was at one thing before, and has got on since, begins anew.
func TestVigilForgets(t *testing.T) {
	v := newVigil()
	almost := int(silenceLimit / beatEvery)
	for _, beat := range []uint64{7, 9, 8, 9} {
		if got := looks(v, almost, beatEvery, 0, func(int) uint64 { return beat }); got != "" {
			t.Errorf("at %d %q is silent", beat, got)
		}
	}
}

// It is asked what threads wait for once there is somebody in doubt, and no sooner.
func TestVigilDoubts(t *testing.T) {
	if doubtAfter <= idle {
		t.Error("a part that comes round in time is in doubt")
	}
	v := newVigil()
	looks(v, int(doubtAfter/beatEvery), beatEvery, 0, func(int) uint64 { return 7 })
	if v.doubts() {
		t.Error("a part is in doubt that has hardly been silent")
	}
	looks(v, 1, beatEvery, 0, func(int) uint64 { return 7 })
	if !v.doubts() {
		t.Error("nobody is in doubt, and one is silent")
	}
	looks(v, 1, beatEvery, 0, func(int) uint64 { return 9 })
	if v.doubts() {
		t.Error("a part is in doubt that has got on")
	}
}

func TestLongestWait(t *testing.T) {
	before := map[string]turn{"1": {5, 100, false}, "2": {5, 100, false}, "gone": {}}
	for name, test := range map[string]struct {
		now  map[string]turn
		want time.Duration
	}{
		"nobody waits":                   {map[string]turn{"1": {9, 100, false}, "2": {5, 100, false}}, 0},
		"two have waited":                {map[string]turn{"1": {9, 103, false}, "2": {6, 107, false}}, 7},
		"one waits all the time":         {map[string]turn{"1": {5, 100, true}, "2": {6, 101, false}}, 50},
		"one runs":                       {map[string]turn{"1": {9, 102, true}}, 2},
		"one is new":                     {map[string]turn{"3": {0, 90, true}}, 0},
		"waits from before are told now": {map[string]turn{"1": {6, 900, false}}, 50},
	} {
		if got := longestWait(before, test.now, 50); got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
	if got := longestWait(nil, before, 50); got != 0 {
		t.Errorf("at the first look: %d", got)
	}
}
