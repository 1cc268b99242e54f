package vrrp

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// holder is a router and what came of its actions.
type holder struct {
	*Router
	holds bool
	sent  time.Duration // its last advert
}

// obey does actions, and checks that they fit what was.
func (h *holder) obey(t *testing.T, now time.Duration, actions []Action) {
	t.Helper()
	for _, a := range actions {
		switch a {
		case SendAdvert:
			h.sent = now
		case Take, Release:
			if h.holds == (a == Take) {
				t.Errorf("%s, and it holds: %t", a, h.holds)
			}
			h.holds = a == Take
		case SendFarewell:
			if h.holds {
				t.Error("it says farewell before it has released")
			}
		case Announce:
			if !h.holds {
				t.Error("it announces what it does not hold")
			}
		}
	}
}

// check checks what is always true.
func (h *holder) check(t *testing.T) {
	t.Helper()
	master := h.State() == Master
	if h.holds != master {
		t.Errorf("%s, and it holds: %t", h.State(), h.holds)
	}
	want := time.Duration(0)
	if master {
		want = h.sent + 3*h.cfg.Interval
	}
	if h.Lease() != want {
		t.Errorf("%s: the lease ends at %s, want %s", h.State(), h.Lease(), want)
	}
	if at, ticking := h.Deadline(); master && (!ticking || at > h.sent+h.cfg.Interval) {
		t.Errorf("the next advert is due at %s, the last was at %s", at, h.sent)
	}
}

// step lets something happen, and returns what is to be done then.
func (h *holder) step(t *testing.T, rnd *rand.Rand, now time.Duration) []Action {
	t.Helper()
	switch rnd.IntN(10) {
	case 0:
		return h.SetPriority(now, uint8(rnd.IntN(4)*85))
	case 1:
		if h.State() == Init {
			return h.Start(now)
		}
		if rnd.IntN(4) == 0 {
			return h.Stop()
		}
	case 2, 3:
		priority := []uint8{0, 50, 100, 150, 255}[rnd.IntN(5)]
		return h.Hear(now, []Sender{{Address: below}, {Address: self}, {Address: above}}[rnd.IntN(3)].Address, priority, adv)
	default:
		actions := h.Tick(now)
		if at, ticking := h.Deadline(); ticking && at <= now {
			t.Errorf("after a tick at %s it is due at %s", now, at)
		}
		return actions
	}
	return nil
}

// Whatever happens, a router holds the addresses exactly while it is the master, has a
// lease for as long as its last advert is good for, and is not due for ever.
func TestAnySequence(t *testing.T) {
	for seed := range uint64(200) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 0))
			all, group := holders(rnd)
			now := start
			for range 500 {
				now += time.Duration(rnd.Int64N(int64(adv) * []int64{1, 1, 1, 10}[rnd.IntN(4)]))
				h := all[rnd.IntN(len(all))]
				h.obey(t, now, h.step(t, rnd, now))
				group.Settle(now, func(r *Router, actions []Action) {
					for _, h := range all {
						if h.Router == r {
							h.obey(t, now, actions)
						}
					}
				})
				masters := 0
				for _, h := range all {
					h.check(t)
					if h.holds {
						masters++
					}
				}
				if masters > 0 && masters < len(all) {
					t.Errorf("%d of %d are masters", masters, len(all))
				}
				if t.Failed() {
					return
				}
			}
		})
	}
}

// holders returns one router, or a group.
func holders(rnd *rand.Rand) ([]*holder, Group) {
	count := 1 + rnd.IntN(3)
	var all []*holder
	var group Group
	for range count {
		r := router(priority(uint8(1+rnd.IntN(255))), func(c *Config) {
			c.Grouped = count > 1
			c.Preempt = rnd.IntN(2) == 0
			c.PreemptDelay = time.Duration(rnd.IntN(2)) * adv
			c.StartDelay = time.Duration(rnd.IntN(2)) * adv
			c.Version = Version(2 + rnd.IntN(2))
		})
		all = append(all, &holder{Router: r})
		if count > 1 {
			group = append(group, r)
		}
	}
	return all, group
}
