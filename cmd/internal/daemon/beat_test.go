package daemon

import (
	"testing"
	"time"
)

// looks has a vigil look at a part again and again, and returns what it says last.
func looks(v *vigil, times int, passed time.Duration, beat func(i int) uint64) (part string) {
	for i := range times {
		part = v.look([]reading{{"other", 0}, {"part", beat(i)}}, passed)
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
		beat   func(int) uint64
		want   string
	}{
		{"at one thing for too long", enough, beatEvery, same(7), "part"},
		{"at one thing for not quite as long", enough - 1, beatEvery, same(7), ""},
		{"at rest", 100 * enough, beatEvery, same(8), ""},
		{"gets on", 100 * enough, beatEvery, func(i int) uint64 { return uint64(2*(i/(enough-1)) + 1) }, ""},
		{"gets on, with rests between", 100 * enough, beatEvery, func(i int) uint64 { return uint64(i / 3) }, ""},
		{"the process stood still", 2, time.Hour, same(7), ""},
		{"the process stands still time and again, and the part even when it goes on", 6, time.Hour, same(7), "part"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := looks(newVigil(), test.times, test.passed, test.beat); got != test.want {
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
		if got := looks(v, almost, beatEvery, func(int) uint64 { return beat }); got != "" {
			t.Errorf("at %d %q is silent", beat, got)
		}
	}
}
