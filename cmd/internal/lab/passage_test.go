package lab

import (
	"testing"
	"time"
)

func TestPassage(t *testing.T) {
	a, b := &Host{Name: "a"}, &Host{Name: "b"}
	const ms = time.Millisecond
	start := time.Now()
	at := func(n int) time.Time { return start.Add(time.Duration(n) * ms) }
	var ways []Ways
	for _, w := range []Ways{
		{At: at(0)},
		{At: at(10), Via: []*Host{a}},
		{At: at(15), Via: []*Host{a}}, // no change
		{At: at(20), Via: []*Host{a, b}},
		{At: at(50), Via: []*Host{b}},
		{At: at(60)},
		{At: at(62), Via: []*Host{b, nil}},
	} {
		ways = follow(ways, w)
	}
	tests := map[string]struct {
		from, until int
		want        string
		without     time.Duration
		shared      time.Duration
		broken      bool
	}{
		"all":             {-5, 70, "0s by [], 10ms by [a], 20ms by [a b], 50ms by [b], 60ms by [], 62ms by [b a stranger]", 12 * ms, 38 * ms, true},
		"from the middle": {30, 70, "0s by [a b], 20ms by [b], 30ms by [], 32ms by [b a stranger]", 2 * ms, 28 * ms, true},
		"from a change":   {62, 70, "0s by [b a stranger]", 0, 8 * ms, false},
		"from the end":    {69, 70, "0s by [b a stranger]", 0, ms, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := passage(ways, at(tt.from), at(tt.until))
			if got := p.String(); got != tt.want {
				t.Errorf("passage %s, want %s", got, tt.want)
			}
			if p.Without() != tt.without || p.Shared() != tt.shared || p.Broken() != tt.broken {
				t.Errorf("without %v, shared %v, broken %v", p.Without(), p.Shared(), p.Broken())
			}
		})
	}
	p := passage(ways, at(0), at(70))
	if begin, ok := p.Begin(b); !ok || begin != at(20) {
		t.Errorf("b begins at %v, %v", begin.Sub(start), ok)
	}
	if end, ok := p.End(a); !ok || end != at(50) {
		t.Errorf("a ends at %v, %v", end.Sub(start), ok)
	}
	if _, ok := p.End(b); ok {
		t.Error("b ends, but it is on the last way")
	}
	if _, ok := passage(ways, at(65), at(70)).Begin(a); ok {
		t.Error("a begins, but it was gone")
	}
}
