package ipvs

import (
	"testing"

	"pgregory.net/rapid"
)

func TestTimeoutsPlan(t *testing.T) {
	tests := []struct {
		name      string
		former    former
		now, want Timeouts
		next      former
		change    Timeouts
	}{
		{name: "nothing wanted", now: Timeouts{900, 120, 300}},
		{
			name: "one is set", now: Timeouts{900, 120, 300}, want: Timeouts{TCP: 60},
			next: former{TCP: 900}, change: Timeouts{TCP: 60},
		},
		{
			name: "what is right is not set", now: Timeouts{60, 120, 300}, want: Timeouts{TCP: 60},
			next: former{TCP: 60},
		},
		{
			name: "another value", former: former{UDP: 300}, now: Timeouts{900, 120, 60}, want: Timeouts{UDP: 30},
			next: former{UDP: 300}, change: Timeouts{UDP: 30},
		},
		{
			name: "put back", former: former{TCP: 900, UDP: 300}, now: Timeouts{60, 120, 30}, want: Timeouts{UDP: 30},
			next: former{UDP: 300}, change: Timeouts{TCP: 900},
		},
		{
			name: "all in turn", former: former{TCPFin: 120}, now: Timeouts{900, 60, 300}, want: Timeouts{TCP: 50},
			next: former{TCP: 900}, change: Timeouts{TCP: 50, TCPFin: 120},
		},
	}
	for _, test := range tests {
		next, change := test.former.plan(test.now, test.want)
		if next != test.next || change != test.change {
			t.Errorf("%s: %v by setting %v, want %v by %v", test.name, next, change, test.next, test.change)
		}
	}
}

// TestTimeoutsSurviveCrashes: whatever is wanted in turn, and wherever a crash comes, the
// timeouts come out as they went in.
func TestTimeoutsSurviveCrashes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func() uint32 { return rapid.Uint32Range(0, 3).Draw(t, "timeout") }
		before := Timeouts{draw() + 1, draw() + 1, draw() + 1}
		now, f := before, former{}
		set := func(change Timeouts) {
			for _, one := range [...]struct {
				at  *uint32
				set uint32
			}{{&now.TCP, change.TCP}, {&now.TCPFin, change.TCPFin}, {&now.UDP, change.UDP}} {
				if one.set != 0 {
					*one.at = one.set
				}
			}
		}
		for range rapid.IntRange(0, 6).Draw(t, "demands") {
			next, change := f.plan(now, Timeouts{draw(), draw(), draw()})
			crash := rapid.IntRange(0, 3).Draw(t, "crash")
			f = f.until(next)
			if crash == 0 {
				continue
			}
			set(change)
			if crash == 1 {
				continue
			}
			f = next
		}
		_, change := f.plan(now, Timeouts{})
		set(change)
		if now != before {
			t.Fatalf("put back %v, want %v", now, before)
		}
	})
}
