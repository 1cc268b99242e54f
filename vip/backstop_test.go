package vip

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func always(VIP) bool { return true }

func TestBackstop(t *testing.T) {
	for _, c := range []struct {
		n    int
		want time.Duration
	}{
		{0, 2 * time.Second},
		{1, 2 * time.Second},
		{25, 2 * time.Second},
		{26, 3 * time.Second},
		{200, 16 * time.Second},
		{750, time.Minute},
		{1000, time.Minute},
		{5000, time.Minute},
	} {
		if got := backstop(2*time.Second, c.n); got != c.want {
			t.Errorf("%d VIPs have a lifetime of %v, want %v", c.n, got, c.want)
		}
	}
	if got := backstop(time.Hour, 5000); got != time.Hour {
		t.Errorf("a lifetime of an hour has become %v", got)
	}
}

func TestTurns(t *testing.T) {
	now := time.Unix(1000, 0)
	var s turns
	for i := range 10 {
		if at, want := s.Take(now, time.Second, 4), now.Add(time.Duration(i%5)*250*time.Millisecond); at != want {
			t.Errorf("turn %d is at %v, want %v", i, at.Sub(now), want.Sub(now))
		}
	}
	late := now.Add(time.Hour)
	if at := s.Take(late, time.Second, 0); at != late {
		t.Errorf("after a pause it is at %v, want at once", at)
	}
}

// TestRefreshesComeTogether: what is due soon is refreshed with what is due, so that few
// wake the Manager, and none of them comes late.
func TestRefreshesComeTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := many(200)
		m, k := fakeWith(t, Options{Lifetime: 2 * time.Second, Fenced: always}, all)
		start(t, m)
		must(t, m.Set(all))
		time.Sleep(time.Minute)
		batches, last := 0, m.Stats().Refreshed
		for range 1000 { // of 10 ms
			time.Sleep(10 * time.Millisecond)
			synctest.Wait()
			if now := m.Stats().Refreshed; now != last {
				batches, last = batches+1, now
			}
		}
		if batches > 45 {
			t.Errorf("500 refreshes in 10 s came in %d batches", batches)
		}
		k.locked(func() {
			for _, end := range k.expiry {
				if left := time.Until(end); left < 12*time.Second-10*time.Millisecond {
					t.Fatalf("a lifetime of 16 s has %v left, and was not refreshed", left)
				}
			}
		})
	})
}

// refreshes counts them in a time, and in the busiest 100 ms of it.
func refreshes(crew []*Manager, d time.Duration) (all, most int) {
	count := func() (n int) {
		for _, m := range crew {
			n += int(m.Stats().Refreshed)
		}
		return n
	}
	first := count()
	for last := first; d > 0; d -= 100 * time.Millisecond {
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		now := count()
		most, last = max(most, now-last), now
	}
	return count() - first, most
}

// TestRefreshesOfABackstopAreFew: whatever the number of VIPs, of one Manager or of several,
// from the take-over on, and spread over time. None is lost.
func TestRefreshesOfABackstopAreFew(t *testing.T) {
	for _, c := range []struct{ managers, each, rate int }{{1, 1, 2}, {1, 25, 50}, {1, 200, 50}, {4, 50, 50}, {1, 1000, 67}, {1, 5000, 334}} {
		t.Run(fmt.Sprintf("%d x %d", c.managers, c.each), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				company, all := &Company{}, many(c.managers*c.each)
				var crew []*Manager
				var kernels []*fakeKernel
				for part := range slices.Chunk(all, c.each) {
					k := newFakeKernel(ethernetLink(2, "eth0"))
					kernels = append(kernels, k)
					m := newManager(Options{Lifetime: 2 * time.Second, Fenced: always, Company: company}, k)
					must(t, m.Configure(part))
					start(t, m)
					crew = append(crew, m)
					must(t, m.Set(part))
				}
				const period = 20 * time.Second
				for _, earlier := range []int{c.rate * int(period/time.Second) / 8, 0} { // the first ones find those that they go with, and later
					n, most := refreshes(crew, period)
					if limit := c.rate*int(period/time.Second) + earlier + c.managers*c.each/8 + 25; n > limit {
						t.Errorf("%d refreshes in %v, want at most %d", n, period, limit)
					}
					if c.each >= 200 && most > c.rate/5+25 {
						t.Errorf("%d refreshes in 100 ms, want them spread", most)
					}
				}
				time.Sleep(time.Minute)
				for i, m := range crew {
					if got, n := m.Stats().Readded, len(kernels[i].list()); got != 0 || n != c.each {
						t.Errorf("%d addresses are left of %d, and %d were lost and put back", n, c.each, got)
					}
				}
			})
		})
	}
}

// longest is the longest lifetime that is left to an address.
func longest(k *fakeKernel) (most time.Duration) {
	k.locked(func() {
		for _, end := range k.expiry {
			most = max(most, time.Until(end))
		}
	})
	return most
}

// TestBackstopFollowsTheNumber: the first lifetimes of a take-over are long enough, and
// soon after most VIPs are gone those that are left have short ones.
func TestBackstopFollowsTheNumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := many(1000)
		m, k := fakeWith(t, Options{Lifetime: 2 * time.Second, Fenced: always}, all)
		start(t, m)
		must(t, m.Set(all[:3]))
		if got := longest(k); got > 2*time.Second {
			t.Errorf("3 VIPs have %v to live", got)
		}
		must(t, m.Set(all))
		k.locked(func() {
			for _, v := range all[3:] {
				if left := time.Until(k.expiry[v.place(2)]); left < 59*time.Second {
					t.Fatalf("%s has %v to live after a take-over of 1,000", v, left)
				}
			}
		})
		time.Sleep(time.Minute)
		must(t, m.Set(all[:5]))
		time.Sleep(16 * time.Second)
		if got := longest(k); got > 2*time.Second {
			t.Errorf("16 s after all but 5 are gone one has %v to live", got)
		}
		time.Sleep(time.Minute)
		if got := m.Stats(); got.Readded != 0 || len(k.list()) != 5 {
			t.Errorf("%d addresses, %+v", len(k.list()), got)
		}
	})
}

// TestShortLifetimesWithoutAFence: where the lifetime is the fence it is short, whatever the
// number; where the fence is lost it is so at once, and when it is back refreshes are few
// again, and spread.
func TestShortLifetimesWithoutAFence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := many(500)
		var fenced atomic.Bool
		opts := Options{Lifetime: 2 * time.Second, Fenced: func(VIP) bool { return fenced.Load() }}
		m, k := fakeWith(t, opts, all)
		stop := start(t, m)
		must(t, m.Set(all))
		short := func(when string) {
			t.Helper()
			if got := longest(k); got > 2*time.Second {
				t.Errorf("%s an address has %v to live", when, got)
			}
		}
		short("without a fence")
		fenced.Store(true)
		time.Sleep(time.Minute)
		if got := longest(k); got < 39*time.Second {
			t.Errorf("with a fence the longest has %v to live, want 40 s", got)
		}
		if n, most := refreshes([]*Manager{m}, 20*time.Second); n > 1020 || most > 20 {
			t.Errorf("%d refreshes in 20 s, %d in 100 ms, want 50 a second, and spread", n, most)
		}
		fenced.Store(false)
		m.RefreshAll()
		time.Sleep(50 * time.Millisecond)
		short("soon after its fence was lost")
		time.Sleep(time.Minute)
		if got := m.Stats().Readded; got != 0 {
			t.Errorf("%d were lost and put back", got)
		}
		stop()
		time.Sleep(2 * time.Second)
		wantList(t, k)
	})
}
