package checker

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// usual is a schedule whose parts can be told apart.
var usual = Schedule{
	Interval:     10 * time.Second,
	FastInterval: time.Second,
	Timeout:      500 * time.Millisecond,
	Warmup:       4 * time.Second,
	Rise:         2,
	Fall:         3,
}

const middle = 0.5 // the jitter that changes nothing

// TestMachine writes each look as + or -, and the state after it with the time to the
// next: in capitals after a verdict, with ! if that took the fast interval.
func TestMachine(t *testing.T) {
	tests := []struct{ name, looks, want string }{
		{"rise from unknown", "+++", "unknown! HEALTHY healthy"},
		{"fall from unknown", "----", "unknown! unknown! FAILED failed"},
		{"looks that differ begin to count again", "+-+--+++", "unknown! unknown! unknown! unknown! unknown! unknown! HEALTHY healthy"},
		{"fast from a failure to the verdict", "++---", "unknown! HEALTHY healthy! healthy! FAILED"},
		{"fast until a look that agrees", "++--+-", "unknown! HEALTHY healthy! healthy! healthy healthy!"},
		{"fast from the first that is well again", "---+-++", "unknown! unknown! FAILED failed! failed failed! HEALTHY"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := newMachine(usual, 0, middle)
			var got []string
			for _, look := range test.looks {
				begun := m.due
				m.begin(begun)
				said := string(m.state)
				if m.end(begun, look == '+', middle) {
					said = strings.ToUpper(string(m.state))
				} else if said != string(m.state) {
					t.Errorf("another state, %s, that it does not tell of", m.state)
				}
				switch m.due - begun {
				case usual.FastInterval:
					said += "!"
				case usual.Interval:
				default:
					t.Errorf("the next look comes after %s", m.due-begun)
				}
				got = append(got, said)
			}
			if got := strings.Join(got, " "); got != test.want {
				t.Errorf("%s\n got %s\nwant %s", test.looks, got, test.want)
			}
		})
	}
}

func TestWhenToLook(t *testing.T) {
	const s, ms = time.Second, time.Millisecond
	healthy := func(begun time.Duration) machine {
		m := newMachine(usual, 0, 0)
		for range usual.Rise {
			m.begin(begun)
			m.end(begun, true, middle)
		}
		return m
	}
	slow := usual
	slow.Interval = time.Hour
	steady := usual
	steady.FastInterval = 0
	tests := []struct {
		name string
		due  func() time.Duration
		want time.Duration
	}{
		{"warm-up, at its begin", func() time.Duration { m := newMachine(usual, 7*s, 0); return m.due }, 7 * s},
		{"warm-up, at its end", func() time.Duration { m := newMachine(usual, 7*s, 1); return m.due }, 11 * s},
		{"a tenth less", func() time.Duration { m := healthy(0); m.end(0, true, 0); return m.due }, 9 * s},
		{"a tenth more", func() time.Duration { m := healthy(0); m.end(0, true, 1); return m.due }, 11 * s},
		{"from begin to begin", func() time.Duration { m := healthy(s); m.begin(20 * s); m.end(22*s, true, middle); return m.due }, 30 * s},
		{"a look longer than the interval", func() time.Duration { m := healthy(s); m.begin(20 * s); m.end(33*s, true, middle); return m.due }, 33 * s},
		{"no fast interval", func() time.Duration { m := newMachine(steady, 0, 0); m.begin(s); m.end(s, true, middle); return m.due }, 11 * s},
		{"no interval at all", func() time.Duration {
			m := newMachine(Schedule{}, 0, 0)
			m.begin(s)
			m.end(s, true, middle)
			return m.due
		}, s + 10*ms},
		{"a change", func() time.Duration { m := healthy(s); m.hurry(2 * s); return m.due }, 2 * s},
		{"a change right after a look", func() time.Duration { m := healthy(s); m.hurry(s + ms); return m.due }, s + 10*ms},
		{"a change before the first look", func() time.Duration { m := newMachine(usual, 0, 1); m.hurry(0); return m.due }, 0},
		{"a change when it is due", func() time.Duration { m := healthy(s); m.hurry(12 * s); return m.due }, 11 * s},
		{"a longer interval", func() time.Duration { m := healthy(s); m.reschedule(2*s, slow, middle); return m.due }, 11 * s},
		{"a shorter interval", func() time.Duration {
			m := healthy(s)
			m.reschedule(s, slow, middle)
			m.end(s, true, middle)
			m.reschedule(2*s, usual, middle)
			return m.due
		}, 7 * s},
	}
	for _, test := range tests {
		if got := test.due(); (got - test.want).Abs() > time.Microsecond {
			t.Errorf("%s: due at %s, want %s", test.name, got, test.want)
		}
	}
}

func TestRescheduleKeepsTheVerdict(t *testing.T) {
	m := newMachine(usual, 0, 0)
	for range usual.Fall - 1 {
		m.end(0, false, middle)
	}
	strict := usual
	strict.Fall = 2
	if m.reschedule(0, strict, middle); m.state != Unknown {
		t.Errorf("%s without a look", m.state)
	}
	if m.end(0, false, middle); m.state != Failed {
		t.Errorf("%s after looks enough of which some were before", m.state)
	}
	m.reschedule(0, usual, middle)
	if m.state != Failed {
		t.Errorf("%s by another schedule", m.state)
	}
}

// TestSpoil is for looks that tell nothing.
func TestSpoil(t *testing.T) {
	m := newMachine(usual, 0, 0)
	m.end(0, false, middle)
	for range usual.Fall - 1 {
		m.begin(m.due)
		if before := m.inRow; !m.spoil(m.begun+time.Minute) || m.inRow != before || m.due != m.begun+time.Minute {
			t.Errorf("it counts, or the next is not due at once: %+v", m)
		}
		m.begin(m.due)
		if m.spoil(m.begun) {
			t.Errorf("two in a row do not count")
		}
		m.end(m.begun, false, middle)
	}
	if m.state != Failed {
		t.Errorf("%s after enough looks that count", m.state)
	}
	if m.spoil(m.begun); m.due != m.begun+lookAgain {
		t.Errorf("the next look is due %s after the begin of the last", m.due-m.begun)
	}
}

// TestMachineProperties compares a machine with what its whole history says.
func TestMachineProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := Schedule{
			Interval:     time.Duration(rapid.IntRange(20, 1000).Draw(t, "interval")) * time.Millisecond,
			FastInterval: time.Duration(rapid.IntRange(20, 1000).Draw(t, "fast")) * time.Millisecond,
			Rise:         rapid.IntRange(1, 4).Draw(t, "rise"),
			Fall:         rapid.IntRange(1, 4).Draw(t, "fall"),
		}
		jitter := rapid.Float64Range(0, 1)
		m := newMachine(s, 0, 0)
		var looks string
		state := Unknown
		for range rapid.IntRange(1, 50).Draw(t, "looks") {
			begun := m.due + time.Duration(rapid.IntRange(0, 100).Draw(t, "wait"))*time.Millisecond
			end := begun + time.Duration(rapid.IntRange(0, 1500).Draw(t, "took"))*time.Millisecond
			ok := rapid.Bool().Draw(t, "ok")
			m.begin(begun)
			changed := m.end(end, ok, jitter.Draw(t, "jitter"))
			looks += map[bool]string{true: "+", false: "-"}[ok]

			before := state
			switch {
			case strings.HasSuffix(looks, strings.Repeat("+", s.Rise)):
				state = Healthy
			case strings.HasSuffix(looks, strings.Repeat("-", s.Fall)):
				state = Failed
			}
			if m.state != state || changed != (state != before) {
				t.Fatalf("%s: %s (told: %t), want %s", looks, m.state, changed, state)
			}
			interval := s.Interval
			if state == Unknown || ok != (state == Healthy) {
				interval = s.FastInterval
			}
			if err := dueBetween(m.due, max(end, begun+interval*9/10), max(end, begun+interval*11/10)); err != nil {
				t.Fatalf("%s: %v", looks, err)
			}
		}
	})
}

func dueBetween(due, low, high time.Duration) error {
	if due < low-time.Microsecond || due > high+time.Microsecond {
		return fmt.Errorf("due at %s, want %s to %s", due, low, high)
	}
	return nil
}
