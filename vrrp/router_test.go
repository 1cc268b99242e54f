package vrrp

import (
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
// first, and is master again only when nobody else is.
func TestLateMasterLetsGo(t *testing.T) {
	r, now := master()
	if r.Lease() != now+3*adv {
		t.Errorf("the lease ends at %s, want %s", r.Lease(), now+3*adv)
	}
	now = r.Lease() - 1
	r.expect(t, now, Master, adv, r.Tick(now), SendAdvert)
	now = r.Lease()
	r.expect(t, now, Backup, 3*adv+skewOf(100, adv), r.Tick(now), Release)
	if r.Lease() != 0 {
		t.Error("a backup has a lease")
	}
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
