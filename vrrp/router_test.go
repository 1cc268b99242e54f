package vrrp

import (
	"net/netip"
	"testing"
	"time"
)

// What fleets of keepalived add to the RFC, and the lease.

func TestStartDelay(t *testing.T) {
	const delay = 10 * time.Second
	for _, p := range []uint8{100, Owner} {
		r := router(priority(p), func(c *Config) { c.StartDelay = delay })
		r.expect(t, start, Backup, delay+3*adv+skewOf(int(p), adv), r.Start(start))
		now := start + delay - 1
		if r.Hear(now, above, 0, adv); r.deadline < start+delay {
			t.Errorf("it heard a farewell before the delay was over")
		}
		now = start + delay
		r.expect(t, now, Backup, skewOf(int(p), adv), r.Hear(now, above, 0, adv))
	}
}

func TestPreemptDelay(t *testing.T) {
	const delay = 5 * adv
	r := backup(func(c *Config) { c.PreemptDelay = delay })
	full := 3*adv + skewOf(100, adv)
	now := start
	for now < start+delay {
		r.expect(t, now, Backup, full, r.Hear(now, above, 50, adv))
		now += adv
	}
	r.expect(t, now, Backup, full-adv, r.Hear(now, above, 50, adv)) // it waits no more
	r.expect(t, now, Backup, full, r.Hear(now, above, 150, adv))    // a better one
	r.expect(t, now, Backup, full, r.Hear(now, above, 50, adv))     // the delay begins anew
}

func TestFault(t *testing.T) {
	r, now := master()
	r.expect(t, now, Fault, 0, r.SetPriority(now, 0), Release, SendFarewell)
	if got := r.Hear(now, above, 0, adv); got != nil || r.State() != Fault {
		t.Errorf("in fault it heard an advert: %v", got)
	}
	if got := r.Tick(now + time.Hour); got != nil {
		t.Errorf("in fault its timer went off: %v", got)
	}
	now += time.Minute
	r.expect(t, now, Backup, 3*adv+skewOf(100, adv), r.SetPriority(now, 100))
}

func TestFaultOfAnOwner(t *testing.T) {
	r := router(priority(Owner))
	r.Start(start)
	r.SetPriority(start, 0)
	r.expect(t, start, Master, adv, r.SetPriority(start, Owner), SendAdvert, Take)
}

func TestFaultBeforeTheStart(t *testing.T) {
	r := router()
	r.expect(t, start, Init, 0, r.SetPriority(start, 0))
	r.expect(t, start, Fault, 0, r.Start(start))
}

// A priority that changes moves the end of a backup's patience by the difference of
// the skew times.
func TestPriorityChanges(t *testing.T) {
	r := backup()
	now := start + adv
	r.expect(t, now, Backup, 2*adv+skewOf(200, adv), r.SetPriority(now, 200))
	m, now := master()
	m.expect(t, now, Master, adv, m.SetPriority(now, 50))
	m.expect(t, now, Backup, 3*adv+skewOf(50, adv), m.Hear(now, below, 60, adv), Release)
}

// A master whose process did not run for as long as the others are patient lets go
// first, and is master again when it then hears nobody.
func TestLateMasterLetsGo(t *testing.T) {
	r, now := master()
	if r.Lease() != now+3*adv {
		t.Errorf("the lease ends at %s, want %s", r.Lease(), now+3*adv)
	}
	now = r.Lease() - 1
	r.expect(t, now, Master, adv, r.Tick(now), SendAdvert)
	now = r.Lease()
	r.expect(t, now, Backup, adv+skewOf(100, adv), r.Tick(now), Release)
	if r.Lease() != 0 {
		t.Error("a backup has a lease")
	}
	heard := *r
	heard.expect(t, now, Backup, 3*adv+skewOf(100, adv), heard.Hear(now, above, 100, adv))
	due, _ := r.Deadline()
	r.expect(t, due, Master, adv, r.Tick(due), SendAdvert, Take)
}

// A backup whose process did not run has heard nothing, and begins anew.
func TestLateBackupListens(t *testing.T) {
	r := backup()
	due, _ := r.Deadline()
	now := due + 3*adv
	r.expect(t, now, Backup, 3*adv+skewOf(100, adv), r.Tick(now))
	due, _ = r.Deadline()
	now = due + 3*adv - 1
	r.expect(t, now, Master, adv, r.Tick(now), SendAdvert, Take)
}

// A master that gives up is followed at once, whatever holds this router back otherwise.
func TestFarewellEndsEachDelay(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"nopreempt":     func(c *Config) { c.Preempt = false },
		"preempt_delay": func(c *Config) { c.PreemptDelay = time.Hour },
	} {
		r := backup(change)
		r.Hear(start, below, 50, adv)
		r.expect(t, start, Backup, skewOf(100, adv), r.Hear(start, below, 0, adv))
		due, _ := r.Deadline()
		if got := r.weaker; got != 0 {
			t.Errorf("%s: a weaker master since %s", name, got)
		}
		if r.Tick(due); r.State() != Master {
			t.Errorf("%s: %s", name, r.State())
		}
	}
}

// nopreempt comes before preempt_delay.
func TestNoPreemptWithDelay(t *testing.T) {
	r := backup(func(c *Config) { c.Preempt, c.PreemptDelay = false, adv })
	now := start
	for range 5 {
		r.expect(t, now, Backup, 3*adv+skewOf(100, adv), r.Hear(now, below, 50, adv))
		now += adv
	}
}

// Two with one address do not answer each other without end.
func TestSameAddress(t *testing.T) {
	r, now := master()
	r.expect(t, now, Master, adv, r.Hear(now, self, 100, adv))
	const link = "eth0"
	r, now = master(func(c *Config) { c.Source = ll1.WithZone(link) })
	r.expect(t, now, Master, adv, r.Hear(now, ll1, 100, adv))
	r, now = master(func(c *Config) { c.Source = ll1 })
	r.expect(t, now, Master, adv, r.Hear(now, ll1.WithZone(link), 100, adv))
}

// Nor do two of which each takes itself for the better one.
func TestAnswersAreFew(t *testing.T) {
	r, now := master()
	for round := range 3 {
		answers := 0
		for range 100 {
			answers += len(r.Hear(now, above, 50, adv)) / 2
			answers += len(r.Hear(now, above, 0, adv))
		}
		if answers != maxAnswers {
			t.Errorf("round %d: %d answers", round, answers)
		}
		due, _ := r.Deadline()
		r.expect(t, due, Master, adv, r.Tick(due), SendAdvert)
		now = due
	}
}

func TestMaster(t *testing.T) {
	is := func(r *Router, want netip.Addr, when string) {
		t.Helper()
		if got := r.Master(); got != want {
			t.Errorf("%s: %s, want %s", when, got, want)
		}
	}
	none := netip.Addr{}
	r := router()
	is(r, none, "before the start")
	r.Start(start)
	is(r, none, "when nobody was heard")
	r.Hear(start, above.WithZone(""), 150, adv)
	is(r, above, "as backup")
	r.Hear(start, below, 50, adv)
	is(r, below, "of lower priority")
	r.Hear(start, below, 0, adv)
	is(r, none, "after a farewell")
	due, _ := r.Deadline()
	r.Tick(due)
	is(r, self, "as master")
	r.SetSource(lb1)
	is(r, lb1, "with another address")
	r.Hear(due, above, 150, adv)
	is(r, above, "after a loss")
	r.SetPriority(due, 0)
	is(r, none, "in fault")
	r.SetPriority(due, 100)
	is(r, none, "after a fault")
}

// With another address a tie is broken in another way.
func TestSetSource(t *testing.T) {
	r, now := master()
	r.SetSource(netip.MustParseAddr("198.18.0.9"))
	r.expect(t, now, Master, adv, r.Hear(now, above, 100, adv), SendAdvert, Announce)
}

func TestRouterAllocatesNothing(t *testing.T) {
	r, now := master()
	if n := testing.AllocsPerRun(100, func() {
		now += adv
		r.Tick(now)
		r.Hear(now, above, 50, adv)
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestReconfigureKeepsTheState(t *testing.T) {
	cfg := Config{Version: V3, Priority: 100, Interval: time.Second, Source: netip.MustParseAddr("198.18.0.1"), Preempt: true}
	r := New(cfg)
	r.Start(0)
	faster := cfg
	faster.Interval, faster.Source = 100*time.Millisecond, netip.Addr{}
	if actions := r.Reconfigure(time.Second, faster); len(actions) != 0 || r.State() != Backup {
		t.Errorf("a backup became %s, with %v", r.State(), actions)
	}
	due, _ := r.Deadline()
	r.Tick(due)
	slower := faster
	slower.Interval = 2 * time.Second
	for _, next := range []Config{slower, faster} {
		now := due + 50*time.Millisecond
		actions := r.Reconfigure(now, next)
		if len(actions) != 1 || actions[0] != SendAdvert || r.State() != Master {
			t.Errorf("a master became %s, with %v", r.State(), actions)
		}
		if due, _ = r.Deadline(); due != now+next.Interval || r.Lease() != now+3*next.Interval {
			t.Errorf("next advert after %s, lease of %s", due-now, r.Lease()-now)
		}
	}
	if r.Master() != cfg.Source {
		t.Errorf("its source is %s", r.Master())
	}
}

func TestReticence(t *testing.T) {
	r, now := master(func(c *Config) { c.Reticent = true })
	due := r.deadline
	r.expect(t, now, Master, due-now, r.Hear(now, above, 50, adv), Announce)
	r.expect(t, now, Master, adv, r.Hear(now, above, 0, adv), SendAdvert) // it does answer a farewell
}

// A master that answers with no advert announces for no more adverts than it would answer.
func TestReticenceHasAnEnd(t *testing.T) {
	r, now := master(func(c *Config) { c.Reticent = true })
	for round := range 3 {
		announced := 0
		for range 20 {
			announced += len(r.Hear(now, above, 50, adv))
		}
		if announced != maxAnswers {
			t.Errorf("round %d: announced %d times, want %d", round, announced, maxAnswers)
		}
		now += adv
		r.Tick(now)
	}
}

func TestConcession(t *testing.T) {
	concede := func(c *Config) { c.Concede = true }
	r, now := master(concede)
	r.expect(t, now, Backup, 3*adv+skewOf(100, adv), r.Hear(now, above, 150, adv), Release, SendAdvert)
	r, now = master(concede)
	r.expect(t, now, Backup, 3*adv+skewOf(100, adv), r.Hear(now, above, 100, adv), Release)
}
