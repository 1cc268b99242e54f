package vrrp

import (
	"net/netip"
	"slices"
	"testing"
	"time"
)

// One test for each rule of RFC 9568, named for its section.

const (
	start = 100 * time.Second
	adv   = time.Second
)

var below, self, above = netip.MustParseAddr("198.18.0.1"), netip.MustParseAddr("198.18.0.2"), netip.MustParseAddr("198.18.0.3")

// router makes one of priority 100, changed by the given functions.
func router(change ...func(*Config)) *Router {
	cfg := Config{Version: V3, Priority: 100, Interval: adv, Source: self, Preempt: true}
	for _, c := range change {
		c(&cfg)
	}
	return New(cfg)
}

// backup makes one that has started.
func backup(change ...func(*Config)) *Router {
	r := router(change...)
	r.Start(start)
	return r
}

// master makes one that has taken over at the returned time.
func master(change ...func(*Config)) (*Router, time.Duration) {
	r := backup(change...)
	at, _ := r.Deadline()
	r.Tick(at)
	return r, at
}

// expect compares the state, the deadline as time from now on, and the actions.
func (r *Router) expect(t *testing.T, now time.Duration, state State, due time.Duration, got []Action, want ...Action) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("actions %v, want %v", got, want)
	}
	at, ticking := r.Deadline()
	if r.State() != state || ticking && at-now != due {
		t.Errorf("%s for another %s, want %s for %s", r.State(), at-now, state, due)
	}
}

func priority(p uint8) func(*Config) { return func(c *Config) { c.Priority = p } }

// skewOf is the skew time of priority p where a master advertises so often.
func skewOf(p int, interval time.Duration) time.Duration {
	return time.Duration(256-p) * interval / 256
}

func TestRFC9568_6_1_SkewTime(t *testing.T) {
	for _, tt := range []struct {
		version  Version
		priority uint8
		interval time.Duration
		want     time.Duration
	}{
		{V3, 100, time.Second, 609375 * time.Microsecond},
		{V3, 254, time.Second, 7812500 * time.Nanosecond},
		{V3, 1, 100 * time.Millisecond, 99609375 * time.Nanosecond},
		{V2, 100, 5 * time.Second, 609375 * time.Microsecond}, // RFC 3768 section 6.1: whatever the interval
	} {
		r := backup(priority(tt.priority), func(c *Config) { c.Version, c.Interval = tt.version, tt.interval })
		r.expect(t, start, Backup, 3*tt.interval+tt.want, nil)
	}
}

func TestRFC9568_6_4_1_StartupAsOwner(t *testing.T) {
	r := router(priority(Owner))
	got := r.Start(start)
	r.expect(t, start, Master, adv, got, SendAdvert, Take)
}

func TestRFC9568_6_4_1_StartupAsBackup(t *testing.T) {
	r := router()
	got := r.Start(start)
	r.expect(t, start, Backup, 3*adv+skewOf(100, adv), got)
}

func TestRFC9568_6_4_2_Shutdown(t *testing.T) {
	r := backup()
	r.expect(t, start, Init, 0, r.Stop())
}

func TestRFC9568_6_4_2_MasterDown(t *testing.T) {
	r := backup()
	due, _ := r.Deadline()
	if early := r.Tick(due - 1); len(early) > 0 {
		t.Errorf("too early: %v", early)
	}
	r.expect(t, due, Master, adv, r.Tick(due), SendAdvert, Take)
}

func TestRFC9568_6_4_2_PriorityZero(t *testing.T) {
	r := backup()
	r.expect(t, start, Backup, skewOf(100, adv), r.Hear(start, below, 0, adv))
}

func TestRFC9568_6_4_2_AdvertOfAtLeastThisPriority(t *testing.T) {
	for _, p := range []uint8{100, 200} {
		r := backup()
		now := start + adv
		r.expect(t, now, Backup, 3*adv+skewOf(100, adv), r.Hear(now, below, p, adv))
	}
}

func TestRFC9568_6_4_2_TheIntervalOfTheMasterCounts(t *testing.T) {
	const slow = 4 * time.Second
	r := backup()
	r.expect(t, start, Backup, 3*slow+skewOf(100, slow), r.Hear(start, above, 200, slow))
	due, _ := r.Deadline()
	r.expect(t, due, Master, adv, r.Tick(due), SendAdvert, Take) // its own counts again
}

func TestRFC9568_6_4_2_LowerPriorityIsDiscarded(t *testing.T) {
	r := backup()
	now := start + adv
	r.expect(t, now, Backup, 2*adv+skewOf(100, adv), r.Hear(now, above, 99, adv))
}

func TestRFC9568_6_4_2_WithoutPreemptLowerPriorityCounts(t *testing.T) {
	r := backup(func(c *Config) { c.Preempt = false })
	now := start + adv
	r.expect(t, now, Backup, 3*adv+skewOf(100, adv), r.Hear(now, above, 99, adv))
	r.expect(t, now, Backup, skewOf(100, adv), r.Hear(now, above, 0, adv)) // but it may give up
}

func TestRFC9568_6_4_3_Shutdown(t *testing.T) {
	r, now := master()
	r.expect(t, now, Init, 0, r.Stop(), Release, SendFarewell)
}

func TestRFC9568_6_4_3_AdverTimer(t *testing.T) {
	r, now := master()
	now += adv
	r.expect(t, now, Master, adv, r.Tick(now), SendAdvert)
	now += adv + adv/10 // late, and the next one is not
	r.expect(t, now, Master, adv*9/10, r.Tick(now), SendAdvert)
}

func TestRFC9568_6_4_3_PriorityZero(t *testing.T) {
	r, now := master()
	now += adv / 2
	r.expect(t, now, Master, adv, r.Hear(now, above, 0, adv), SendAdvert)
}

func TestRFC9568_6_4_3_HigherPriority(t *testing.T) {
	r, now := master()
	r.expect(t, now, Backup, 6*adv+skewOf(100, 2*adv), r.Hear(now, below, 101, 2*adv), Release)
}

func TestRFC9568_6_4_3_EqualPriorityAndHigherAddress(t *testing.T) {
	r, now := master()
	r.expect(t, now, Backup, 3*adv+skewOf(100, adv), r.Hear(now, above, 100, adv), Release)
}

func TestRFC9568_6_4_3_LosingAdvertIsAnswered(t *testing.T) {
	for _, tt := range []struct {
		from     netip.Addr
		priority uint8
	}{{above, 99}, {below, 100}} {
		r, now := master()
		now += adv / 2
		r.expect(t, now, Master, adv, r.Hear(now, tt.from, tt.priority, adv), SendAdvert, Announce)
	}
}

// Of two with one priority the one with the higher address is master, in both families.
func TestRFC9568_6_4_3_TieOverIPv6(t *testing.T) {
	low, high := netip.MustParseAddr("fe80::1"), netip.MustParseAddr("fe80::ff")
	r, now := master(func(c *Config) { c.Source = low })
	r.expect(t, now, Backup, 3*adv+skewOf(100, adv), r.Hear(now, high, 100, adv), Release)
	r, now = master(func(c *Config) { c.Source = high.WithZone("eth0") })
	r.expect(t, now, Master, adv, r.Hear(now, low.WithZone("eth0"), 100, adv), SendAdvert, Announce)
}

func TestRFC9568_6_4_3_ChangedPriority(t *testing.T) {
	r, now := master()
	r.expect(t, now, Master, adv, r.SetPriority(now, 200))
	r.expect(t, now, Master, adv, r.Hear(now, above, 150, adv), SendAdvert, Announce)
	r.SetPriority(now, 100)
	r.expect(t, now, Backup, 3*adv+skewOf(100, adv), r.Hear(now, above, 150, adv), Release)
}

// The skew time is that of the master's interval, also after a loss (section 6.4.3).
func TestRFC9568_6_4_3_TheIntervalOfTheMasterCounts(t *testing.T) {
	r, now := master(func(c *Config) { c.Interval = 100 * time.Millisecond })
	r.expect(t, now, Backup, 3*adv+skewOf(100, adv), r.Hear(now, above, 200, adv), Release)
	due, _ := r.Deadline()
	r.expect(t, due, Master, 100*time.Millisecond, r.Tick(due), SendAdvert, Take)
	if got := r.Lease() - due; got != 300*time.Millisecond {
		t.Errorf("a lease of %s", got)
	}
}

// An owner takes over whatever it hears, also where preemption is off (section 6.1:
// Preempt_Mode does not apply to it).
func TestRFC9568_6_1_AnOwnerPreempts(t *testing.T) {
	r := backup(priority(Owner), func(c *Config) { c.Preempt, c.StartDelay = false, adv })
	now := start + 2*adv
	due, _ := r.Deadline()
	r.expect(t, now, Backup, due-now, r.Hear(now, above, 254, adv))
}

// Between two address owners, too, the higher address wins (erratum 8298 leaves it open).
func TestTwoOwners(t *testing.T) {
	r := router(priority(Owner))
	r.Start(start)
	r.expect(t, start, Backup, 3*adv+skewOf(255, adv), r.Hear(start, above, Owner, adv), Release)
}

func TestTwoOwnersAndTheHigherAddress(t *testing.T) {
	r := router(priority(Owner))
	r.Start(start)
	r.expect(t, start, Master, adv, r.Hear(start, below, Owner, adv), SendAdvert, Announce)
}
