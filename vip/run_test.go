package vip

import (
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// TestOwnChangesAskForNothing: neither adding nor refreshing nor releasing makes
// Run look at the kernel.
func TestOwnChangesAskForNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := append(vips("198.18.0.100/24", "2001:db8::100/64"), many(100)...)
		m, k := fakeWith(t, Options{Lifetime: 4 * time.Second}, all)
		start(t, m)
		before := m.Stats()
		must(t, m.Set(all))
		time.Sleep(30*time.Second + 500*time.Millisecond)
		must(t, m.Set(nil))
		time.Sleep(10 * time.Second)
		after := m.Stats()
		if looks := after.Syncs - before.Syncs; looks != 2 {
			t.Errorf("%d looks, want the 2 of Set", looks)
		}
		if n := uint64(len(all)); after.Refreshed < 30*n || after.Refreshed > 31*n {
			t.Errorf("%d refreshes of %d VIPs in 30 s, want one a second", after.Refreshed, n)
		}
		n4 := uint64(len(all) - 1)
		if frames := uint64(len(k.sent)); after.Announced+after.Asked != frames || after.Announced != 5*(2*n4+1) || after.Asked != 2*n4 {
			t.Errorf("%d frames sent, stats are %+v, want 5 announcements of each VIP and 2 questions for each IPv4 one", frames, after)
		}
	})
}

// TestLifetimes: refreshed in time for hours; gone soon after Run has ended.
func TestLifetimes(t *testing.T) {
	for _, lifetime := range []time.Duration{time.Second, 5 * time.Second, time.Hour} {
		t.Run(lifetime.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				all := vips("198.18.0.100/24", "2001:db8::100/64")
				m, k := fakeWith(t, Options{Lifetime: lifetime}, all)
				stop := start(t, m)
				must(t, m.Set(all))
				for range 1000 {
					time.Sleep(lifetime / 10)
					wantList(t, k, "198.18.0.100/24", "2001:db8::100/64")
				}
				if got := m.Stats().Readded; got != 0 {
					t.Errorf("%d readded, want none", got)
				}
				stop()
				time.Sleep(lifetime)
				wantList(t, k)
			})
		})
	}
}

// TestFirstRefreshAtOnce: an address that is never refreshed is not sure to end.
func TestFirstRefreshAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := vips("198.18.0.100/24")
		m, k := fakeWith(t, Options{Lifetime: time.Hour}, all)
		start(t, m)
		must(t, m.Set(all))
		synctest.Wait()
		wantRequests(t, k, "add 198.18.0.100/24 on interface 2", "request 198.18.0.100", "reply 198.18.0.100",
			"replace 198.18.0.100/24 on interface 2")
	})
}

// TestRefreshRefused: a refresh that fails is tried again in time.
func TestRefreshRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := vips("198.18.0.100/24")
		m, k := fakeWith(t, Options{Lifetime: 20 * time.Second}, all)
		start(t, m)
		must(t, m.Set(all))
		time.Sleep(4 * time.Second)
		failed := 0
		k.locked(func() {
			k.refuse = func(kind int, _ address) error {
				if kind != unix.RTM_NEWADDR {
					return nil
				}
				failed++
				return unix.ENOMEM
			}
		})
		time.Sleep(14 * time.Second)
		k.refuses(0, nil)
		time.Sleep(10 * time.Second)
		wantList(t, k, "198.18.0.100/24")
		if got := m.Stats(); failed < 10 || failed > 15 || got.Readded != 0 {
			t.Errorf("%d tries failed, stats are %+v; want about one a second, and none readded", failed, got)
		}
	})
}

// TestLookFails: while the kernel cannot be read nothing is lost, and Run goes on
// trying, but not all the time.
func TestLookFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := vips("198.18.0.100/24", "198.18.0.101/24")
		m, k := fakeWith(t, Options{}, all)
		must(t, m.Set(all[:1]))
		start(t, m)
		k.refuses(unix.RTM_GETADDR, unix.ENOMEM)
		const want = "list addresses: cannot allocate memory"
		if err := m.Set(all); err == nil || err.Error() != want {
			t.Errorf("error %v, want %q", err, want)
		}
		before := m.Stats().Syncs
		time.Sleep(10 * time.Second)
		if looks := m.Stats().Syncs - before; looks < 9 || looks > 11 {
			t.Errorf("%d looks in 10 s, want one a second", looks)
		}
		if got := m.Status(); !got[0].Held || got[1].Held {
			t.Errorf("status is %+v, want what it was", got)
		}
		k.refuses(0, nil)
		time.Sleep(retryAfter + 10*time.Millisecond)
		wantList(t, k, "198.18.0.100/24", "198.18.0.101/24")
	})
}

// TestNotAllowed: while ownership has ended, what Run does of itself takes nothing
// back, until somebody releases or ownership is back.
func TestNotAllowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := vips("198.18.0.100/24", "2001:db8::100/64")
		var ended atomic.Bool
		allowed := func(VIP) bool { return !ended.Load() }
		m, k := fakeWith(t, Options{Lifetime: 5 * time.Second, Allowed: allowed}, all)
		start(t, m)
		must(t, m.Set(all))
		time.Sleep(10100 * time.Millisecond) // between two refreshes
		ended.Store(true)
		k.takeRequests()
		must(t, k.byHand(2, "198.18.0.100/24"))
		time.Sleep(2 * time.Minute)
		wantRequests(t, k)
		wantList(t, k)
		if err := m.Set(all); !errors.Is(err, ErrNotAllowed) {
			t.Errorf("error %v, want %v", err, ErrNotAllowed)
		}
		wantRequests(t, k)
		ended.Store(false)
		time.Sleep(retryAfter + 10*time.Millisecond)
		wantList(t, k, "198.18.0.100/24", "2001:db8::100/64")
		ended.Store(true)
		must(t, m.Set(nil))
		wantList(t, k)
	})
}

// TestNotAllowedToAnnounce: nor does it go on announcing what it still holds.
func TestNotAllowedToAnnounce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := vips("198.18.0.100/24")
		var ended atomic.Bool
		m, k := fakeWith(t, Options{Allowed: func(VIP) bool { return !ended.Load() }}, all)
		start(t, m)
		must(t, m.Set(all))
		ended.Store(true)
		k.takeRequests()
		before := m.Stats().Withheld
		time.Sleep(3 * time.Minute)
		wantRequests(t, k)
		if n := m.Stats().Withheld - before; n == 0 || before != 0 {
			t.Errorf("%d announcements were withheld, %d before", n, before)
		}
		ended.Store(false)
		time.Sleep(time.Minute)
		wantRequests(t, k, "request 198.18.0.100", "reply 198.18.0.100")
	})
}

func TestAnnouncementTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := vips("2001:db8::100/64")
		m, k := fakeWith(t, Options{}, all)
		start(t, m)
		begin := time.Now()
		must(t, m.Set(all))
		time.Sleep(2 * time.Minute)
		var got []time.Duration
		for _, a := range k.announced("2001:db8::100") {
			got = append(got, a.at.Sub(begin))
		}
		want := []time.Duration{
			0, 50 * time.Millisecond, 200 * time.Millisecond, time.Second, 5 * time.Second, 65 * time.Second,
		}
		if !slices.Equal(got, want) {
			t.Errorf("announced at %v, want %v", got, want)
		}
	})
}

// TestOverrun: after lost notifications all is read anew.
func TestOverrun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, k := holding(t, Options{}, vips("198.18.0.100/24", "2001:db8::100/64"))
		start(t, m)
		time.Sleep(30 * time.Second)
		k.locked(func() { k.overrun, k.sent = true, nil })
		must(t, k.byHand(2, "198.18.0.100/24")) // its notification is the one that is lost
		time.Sleep(100 * time.Millisecond)
		wantList(t, k, "198.18.0.100/24", "2001:db8::100/64")
		if got := k.announced("2001:db8::100"); len(got) != 2 {
			t.Errorf("%d announcements of the other VIP, want those of a new start", len(got))
		}
		if got := m.Stats(); got.Overruns != 1 || got.Readded != 1 {
			t.Errorf("stats are %+v, want one overrun and one readded", got)
		}
	})
}

func TestRunOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, _ := fakeWith(t, Options{}, nil)
		stop := start(t, m)
		if err := m.Run(t.Context()); err == nil {
			t.Error("a second Run began")
		}
		stop()
		must(t, m.Close())
	})
}

// TestRefreshAfterACorrection: a refresh does not undo what was corrected.
func TestRefreshAfterACorrection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := vips("2001:db8::100/64")
		m, k := fakeWith(t, Options{Lifetime: 4 * time.Second}, all)
		k.put(2, "2001:db8::1/64")
		start(t, m)
		must(t, m.Set(all))
		time.Sleep(10 * time.Second)
		must(t, k.byHand(2, "2001:db8::1/64"))
		time.Sleep(10 * time.Second)
		k.locked(func() {
			if len(k.addresses) != 1 || k.addresses[0].has(unix.IFA_F_NOPREFIXROUTE) {
				t.Errorf("the kernel has %+v, want the VIP with a route", k.addresses)
			}
		})
	})
}

// TestConfiguredAgain: a VIP that was dropped from the configuration and comes back
// is announced from the start on.
func TestConfiguredAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := vips("2001:db8::100/64")
		m, k := holding(t, Options{}, all)
		start(t, m)
		time.Sleep(10 * time.Second)
		must(t, m.Configure(nil))
		if _, any := m.schedule.Deadline(); any {
			t.Error("what is not configured is on the schedule")
		}
		must(t, m.Configure(all))
		k.takeRequests()
		must(t, m.Set(all))
		time.Sleep(300 * time.Millisecond)
		wantRequests(t, k, "add 2001:db8::100/64 on interface 2",
			"na 2001:db8::100", "na 2001:db8::100", "na 2001:db8::100")
	})
}

// TestNotAllowedAsksSlowly: what may not be done is asked for no more often than it
// is due.
func TestNotAllowedAsksSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		var ended atomic.Bool
		allowed := func(VIP) bool { asked.Add(1); return !ended.Load() }
		m, _ := holding(t, Options{Lifetime: time.Hour, Allowed: allowed}, vips("198.18.0.100/24"))
		ended.Store(true)
		start(t, m)
		time.Sleep(time.Minute)
		if got := asked.Load(); got > 20 {
			t.Errorf("asked %d times in a minute", got)
		}
	})
}

// TestRefreshKeepsWhatIsThere: what somebody changed about an address stays.
func TestRefreshKeepsWhatIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := vips("198.18.0.100/24")
		m, k := holding(t, Options{Lifetime: 4 * time.Second}, all)
		start(t, m)
		k.locked(func() { k.addresses[0].metric = 77 })
		must(t, m.Set(all))
		time.Sleep(10 * time.Second)
		k.locked(func() {
			if got := k.addresses[0].metric; got != 77 {
				t.Errorf("metric %d, want 77", got)
			}
		})
	})
}

// TestRunEndsWithNotices: a Manager that is deaf does not go on as if nothing were.
func TestRunEndsWithNotices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, k := fakeWith(t, Options{}, nil)
		k.deaf = unix.ENOMEM
		const want = "read netlink notifications: cannot allocate memory"
		if err := m.Run(t.Context()); err == nil || err.Error() != want {
			t.Errorf("error %v, want %q", err, want)
		}
	})
}
