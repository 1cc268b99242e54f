package route

import (
	"testing"
	"time"
)

// standing is a Manager that does what is due when the test says so.
func (l *lab) standing() *Manager {
	l.t.Helper()
	m, err := New(nil)
	must(l.t, err)
	l.t.Cleanup(m.Close)
	return m
}

// turns does what is due, and returns after how long it is to be done again, 0 for
// never.
func (m *Manager) turns() time.Duration {
	next, again := m.turn()
	if !again {
		return 0
	}
	return time.Until(next)
}

// TestTurnAgain: soon while something is missing, later when all is well, never when
// nothing is wanted.
func TestTurnAgain(t *testing.T) {
	l := newLab(t)
	m := l.standing()
	if next := m.turns(); next != 0 {
		t.Errorf("next turn after %v, with nothing wanted", next)
	}
	m.Want([]Route{{Destination: prefix("192.0.2.0/24"), Device: "later"}}, nil)
	if next := m.turns(); next <= 0 || next > retryAfter {
		t.Errorf("next turn after %v, with something missing", next)
	}
	m.Want([]Route{gateway}, nil)
	if next := m.turns(); next < lookEvery/2 {
		t.Errorf("next turn after %v, with all well", next)
	}
	if !m.watch.listening {
		t.Error("does not listen while something is wanted")
	}
	m.Want(nil, nil)
	if next := m.turns(); next != 0 || m.watch.listening {
		t.Errorf("next turn after %v and listens %t, with nothing wanted", next, m.watch.listening)
	}
	l.has()
}

// TestNoLookWhenItMatters: what is wanted after a while without anything is added
// without listing what is there.
func TestNoLookWhenItMatters(t *testing.T) {
	l := newLab(t)
	m := l.standing()
	m.turns()
	m.lookAt = time.Now().Add(-time.Hour)
	surplus := Route{Destination: prefix("192.0.2.0/24"), Blackhole: true}
	must(t, l.RouteAdd(surplus.entry(0).message())) // which a look would find
	m.Want([]Route{gateway}, nil)
	m.turns()
	l.has(gatewayText, "192.0.2.0/24 table 254 metric 0 scope 0 blackhole")
	m.lookAt = time.Now().Add(-time.Hour)
	m.turns()
	l.has(gatewayText)
	m.Want(nil, nil)
	m.turns()
}

// TestBreather: who keeps removing something is answered once a second.
func TestBreather(t *testing.T) {
	l := newLab(t)
	m := l.standing()
	m.Want([]Route{gateway}, nil)
	m.turns()
	for took, want := range map[time.Duration]time.Duration{
		0: 20 * time.Millisecond, 5 * time.Millisecond: 50 * time.Millisecond, time.Minute: retryAfter,
	} {
		if got := m.breather(took); got != want {
			t.Errorf("pause after %v is %v, want %v", took, got, want)
		}
	}
	l.remove(gateway)
	m.turns()
	if got := m.breather(0); got != retryAfter {
		t.Errorf("pause after a route was put back is %v, want %v", got, retryAfter)
	}
	m.turns()
	if got := m.breather(0); got == retryAfter {
		t.Errorf("pause is still %v", got)
	}
	m.Want(nil, nil)
	m.turns()
}
