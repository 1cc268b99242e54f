package vrrp

import (
	"slices"
	"testing"
	"time"
)

// pair is a started group of two.
func pair(change ...func(*Config)) (a, b *Router, g Group) {
	change = append(change, func(c *Config) { c.Grouped = true })
	a, b = router(change...), router(change...)
	a.Start(start)
	b.Start(start)
	return a, b, Group{a, b}
}

// settle returns what each member is to do.
func (g Group) settle(now time.Duration) map[*Router][]Action {
	all := map[*Router][]Action{}
	g.Settle(now, func(r *Router, actions []Action) { all[r] = slices.Clone(actions) })
	return all
}

// A member that waits for the others has no deadline, and does not wait any more when
// it hears a master.
func TestGroupMemberWaits(t *testing.T) {
	a, b, g := pair()
	now, _ := a.Deadline()
	if got := a.Tick(now); got != nil || len(g.settle(now)) > 0 {
		t.Errorf("alone: %v", got)
	}
	if at, ticking := a.Deadline(); ticking || a.State() != Backup {
		t.Errorf("%s until %s", a.State(), at)
	}
	a.Hear(now, above, 50, adv) // it does not count
	a.Hear(now, above, 150, adv)
	if _, ticking := a.Deadline(); !ticking {
		t.Error("it heard a master, and still waits for the others")
	}
	b.Tick(now)
	if got := g.settle(now); len(got) > 0 {
		t.Errorf("one is ready: %v", got)
	}
	later, _ := a.Deadline()
	a.Tick(later)
	got := g.settle(later)
	for _, r := range g {
		r.expect(t, later, Master, adv, got[r], SendAdvert, Take)
	}
}

// What one has lost the other one gives away.
func TestGroupLosesTogether(t *testing.T) {
	a, b, g := pair()
	now, _ := a.Deadline()
	a.Tick(now)
	b.Tick(now)
	g.settle(now)
	a.expect(t, now, Backup, 3*adv+skewOf(100, adv), a.Hear(now, above, 150, adv), Release)
	b.expect(t, now, Backup, 3*adv+skewOf(100, adv), g.settle(now)[b], Release, SendFarewell)
	if b.Master().IsValid() {
		t.Errorf("it knows of a master: %s", b.Master())
	}
}

func TestGroupFault(t *testing.T) {
	a, b, g := pair()
	a.SetPriority(start, 0)
	g.settle(start)
	if b.State() != Fault || b.Priority() != 0 {
		t.Errorf("the other one: %s, priority %d", b.State(), b.Priority())
	}
	b.SetPriority(start, 120) // its own priority does not end it
	g.settle(start)
	b.expect(t, start, Fault, 0, nil)
	a.SetPriority(start, 100)
	a.expect(t, start, Fault, 0, nil)
	g.settle(start)
	a.expect(t, start, Backup, 3*adv+skewOf(100, adv), nil)
	b.expect(t, start, Backup, 3*adv+skewOf(120, adv), nil)
}

// What is not started is in nobody's way but that of a rise.
func TestGroupOfOneThatIsNotStarted(t *testing.T) {
	a, b, g := pair()
	b.Stop()
	b.SetPriority(start, 0)
	g.settle(start)
	a.expect(t, start, Backup, 3*adv+skewOf(100, adv), nil) // no fault
	b.SetPriority(start, 100)
	a.SetPriority(start, 0)
	g.settle(start)
	b.expect(t, start, Init, 0, nil)
	b.Start(start)
	g.settle(start)
	b.expect(t, start, Fault, 0, nil)
	b.Stop()
	a.SetPriority(start, 100)
	g.settle(start)
	a.expect(t, start, Backup, 3*adv+skewOf(100, adv), nil)
	b.expect(t, start, Init, 0, nil) // nobody starts it but Start
}

func TestGroupMemberThatWasReadyIsStopped(t *testing.T) {
	a, b, g := pair()
	now, _ := a.Deadline()
	a.Tick(now)
	a.Stop()
	b.Tick(now)
	if got := g.settle(now); len(got) > 0 {
		t.Errorf("it rose without the other one: %v", got)
	}
}

// A member that waits has lost its master, and a farewell has it wait a little more.
func TestGroupMemberHearsFarewell(t *testing.T) {
	a, _, _ := pair()
	a.Hear(start, above, 150, adv)
	now, _ := a.Deadline()
	a.Tick(now)
	if a.Master().IsValid() {
		t.Errorf("it knows of a master: %s", a.Master())
	}
	a.expect(t, now, Backup, skewOf(100, adv), a.Hear(now, above, 0, adv))
	if _, ticking := a.Deadline(); !ticking {
		t.Error("it has no deadline")
	}
}

func TestGroupAllocatesNothing(t *testing.T) {
	_, _, g := pair()
	do := func(*Router, []Action) {}
	if n := testing.AllocsPerRun(100, func() { g.Settle(start, do) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
