package vip

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// wanting is a Manager that runs and was told by Want to hold some VIPs.
func wanting(t *testing.T, opts Options, configured, want []VIP) (*Manager, *fakeKernel) {
	t.Helper()
	m, k := fakeWith(t, opts, configured)
	start(t, m)
	must(t, m.Want(want))
	synctest.Wait()
	k.takeRequests()
	return m, k
}

// slowly lets each change of the kernel take a while.
func slowly(k *fakeKernel, d time.Duration) { k.locked(func() { k.latency = d }) }

func TestWant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := vips("198.18.0.100/24", "2001:db8::100/64")
		m, k := wanting(t, Options{}, all, nil)
		must(t, m.Want(all[:1]))
		synctest.Wait()
		wantRequests(t, k, "add 198.18.0.100/24 on interface 2", "request 198.18.0.100", "reply 198.18.0.100")
		must(t, m.Want(all[1:])) // right after a look at the kernel
		synctest.Wait()
		wantRequests(t, k,
			"add 2001:db8::100/64 on interface 2", "na 2001:db8::100",
			"del 198.18.0.100/24 on interface 2")
		must(t, m.Want(nil))
		synctest.Wait()
		wantList(t, k)
	})
}

func TestWantBeforeRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := vips("198.18.0.100/24")
		m, k := fakeWith(t, Options{}, all)
		must(t, m.Want(all))
		wantList(t, k)
		start(t, m)
		wantList(t, k, "198.18.0.100/24")
	})
}

func TestWantOfConfiguredOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := vips("198.18.0.100/24", "198.18.0.101/24")
		m, k := wanting(t, Options{}, all[:1], all[:1])
		if err := m.Want(all); !errors.Is(err, ErrNotConfigured) {
			t.Errorf("error %v, want %v", err, ErrNotConfigured)
		}
		time.Sleep(time.Minute)
		wantList(t, k, "198.18.0.100/24")
	})
}

// TestWantTheSame: what is held is not looked for again, what is not is.
func TestWantTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := vips("198.18.0.100/24", "198.18.0.101/24")
		m, k := wanting(t, Options{}, all, all)
		before := m.Stats().Syncs
		must(t, m.Want([]VIP{all[1], all[0]}))
		synctest.Wait()
		if looks := m.Stats().Syncs - before; looks != 0 {
			t.Errorf("%d looks for what is held, want none", looks)
		}
		must(t, m.Want(nil))
		synctest.Wait()
		k.refuses(unix.RTM_NEWADDR, unix.EPERM)
		must(t, m.Want(all))
		synctest.Wait()
		wantReason(t, m, "add 198.18.0.100/24 on eth0: operation not permitted")
		k.refuses(0, nil)
		must(t, m.Want(all)) // long before it would be tried again
		synctest.Wait()
		wantList(t, k, "198.18.0.100/24", "198.18.0.101/24")
	})
}

// TestWantIsTriedAgain: errors are told by Status, and nobody has to ask again.
func TestWantIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := vips("198.18.0.100/24")
		m, k := wanting(t, Options{}, all, nil)
		k.refuses(unix.RTM_NEWADDR, unix.EPERM)
		must(t, m.Want(all))
		synctest.Wait()
		wantReason(t, m, "add 198.18.0.100/24 on eth0: operation not permitted")
		k.refuses(0, nil)
		time.Sleep(retryAfter + 10*time.Millisecond)
		wantList(t, k, "198.18.0.100/24")
		wantReason(t, m, "")
	})
}

// TestWantGivesUpFirst: what a demand takes away goes within one address's time,
// whatever is being added, and also when more is wanted right afterwards.
func TestWantGivesUpFirst(t *testing.T) {
	for name, more := range map[string]int{"only": 0, "then more": 1} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				all := many(1000)
				m, k := wanting(t, Options{}, all, all[:2])
				slowly(k, time.Millisecond)
				must(t, m.Want(all[:999]))
				time.Sleep(100*time.Millisecond + 500*time.Microsecond)
				must(t, m.Want(all[1:999]))
				if more > 0 {
					must(t, m.Want(all[1:999+more]))
				}
				time.Sleep(2 * time.Millisecond)
				if gone := all[0].Address.String(); slices.Contains(k.list(), gone) {
					t.Errorf("%s is still there, after %d of the others were added", gone, len(k.list())-2)
				}
				got := len(k.list())
				time.Sleep(10 * time.Millisecond)
				if added := len(k.list()) - got; added < 5 {
					t.Errorf("%d added in the 10 ms afterwards, want the others to go on", added)
				}
				time.Sleep(2 * time.Second)
				if got := len(k.list()); got != 998+more {
					t.Errorf("%d addresses, want %d", got, 998+more)
				}
			})
		})
	}
}

// TestWantYieldsWithoutALook: but for one some time later.
func TestWantYieldsWithoutALook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := append(many(200), vips("2001:db8::100/64")...)
		m, k := wanting(t, Options{}, all, all)
		time.Sleep(time.Second)
		before := m.Stats().Syncs
		must(t, m.Want(all[100:]))
		synctest.Wait()
		if got, looks := len(k.list()), m.Stats().Syncs-before; got != 101 || looks != 0 {
			t.Errorf("%d addresses are left after %d looks, want 101 after none", got, looks)
		}
		must(t, m.Want(nil))
		synctest.Wait()
		wantList(t, k)
		time.Sleep(time.Second)
		if looks := m.Stats().Syncs - before; looks != 1 {
			t.Errorf("%d looks in all, want 1", looks)
		}
	})
}

// TestWantYieldsNothingElse: neither an address of the node goes along, nor does the
// interface keep what is set for a moment, or lose what somebody had set.
func TestWantYieldsNothingElse(t *testing.T) {
	for name, test := range map[string]struct {
		promotes bool
		refused  error
	}{"promotes not": {}, "promotes": {promotes: true}, "refuses to": {refused: unix.EPERM}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				all := vips("198.18.0.100/24", "198.18.0.101/24")
				m, k := wanting(t, Options{}, all, all)
				k.locked(func() { k.links[0].promotes = test.promotes })
				k.refuses(unix.RTM_SETLINK, test.refused)
				k.put(2, "198.18.0.1/24")
				must(t, m.Want(nil)) // before it is known
				synctest.Wait()
				wantList(t, k, "198.18.0.1/24")
				k.locked(func() {
					if got := k.promotes(2); got != test.promotes {
						t.Errorf("the interface promotes: %t, want %t", got, test.promotes)
					}
				})
			})
		})
	}
}

// TestWantYieldsWhatIsStuck: what cannot be removed is tried again.
func TestWantYieldsWhatIsStuck(t *testing.T) {
	for _, kind := range []int{unix.RTM_DELADDR, unix.RTM_GETLINK} {
		synctest.Test(t, func(t *testing.T) {
			all := vips("198.18.0.100/24", "198.18.0.101/24")
			m, k := wanting(t, Options{}, all, all)
			k.refuses(kind, unix.ENOMEM)
			must(t, m.Want(all[:1]))
			time.Sleep(10 * time.Millisecond)
			k.refuses(0, nil)
			time.Sleep(retryAfter + 10*time.Millisecond)
			wantList(t, k, "198.18.0.100/24")
		})
	}
}

// TestWantYieldsPrimariesLast: each primary that goes before its secondaries has the kernel
// promote one of them.
func TestWantYieldsPrimariesLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := vips("198.18.0.100/24", "198.18.0.101/24", "198.18.0.102/24")
		m, k := wanting(t, Options{}, all, all)
		k.takeRequests()
		must(t, m.Want(nil))
		time.Sleep(time.Second)
		var gone []string
		for _, request := range k.takeRequests() {
			if strings.Contains(request, "del") {
				gone = append(gone, request)
			}
		}
		if len(gone) != 3 || !strings.Contains(gone[0], "198.18.0.102") || !strings.Contains(gone[2], "198.18.0.100") {
			t.Errorf("removed in this order: %q", gone)
		}
	})
}

// TestWantAgain: what is wanted again while it waits to be removed stays.
func TestWantAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := many(300)
		m, k := wanting(t, Options{}, all, all)
		slowly(k, time.Millisecond)
		must(t, m.Want(nil))
		time.Sleep(10 * time.Millisecond)
		must(t, m.Want(all[:50]))
		time.Sleep(time.Second)
		if got := m.Stats(); len(k.list()) != 50 || got.Readded != 0 {
			t.Errorf("%d addresses are there, %d were put back; want 50 and none", len(k.list()), got.Readded)
		}
		if adds := strings.Count(strings.Join(k.takeRequests(), "\n"), "add"); adds != 0 {
			t.Errorf("%d addresses were added, want none removed before", adds)
		}
	})
}

// TestWantStopsWhatIsGivenUp: nothing is added for a demand that is over.
func TestWantStopsWhatIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := many(1000)
		m, k := wanting(t, Options{}, all, nil)
		slowly(k, time.Millisecond)
		must(t, m.Want(all))
		time.Sleep(100*time.Millisecond + 500*time.Microsecond)
		must(t, m.Want(nil))
		time.Sleep(110 * time.Millisecond)
		wantList(t, k)
	})
}

// TestReleasesInSuccession: those that come faster than the kernel can be read do
// not keep each other from being carried out.
func TestReleasesInSuccession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := many(500)
		m, k := wanting(t, Options{}, all, all)
		k.locked(func() {
			k.refuse = func(kind int, _ address) error {
				if kind == unix.RTM_GETADDR {
					k.pause(5 * time.Millisecond)
				}
				return nil
			}
		})
		for i := range 200 {
			must(t, m.Want(all[i+1:]))
			time.Sleep(time.Millisecond)
			if late := len(k.list()) - len(all) + i; late > 10 {
				t.Fatalf("release %d is %d releases late", i, late)
			}
		}
	})
}

// TestWantsAddTogether: takings in quick succession are added without a stop, and
// cost few looks.
func TestWantsAddTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := many(200)
		m, k := wanting(t, Options{}, all, nil)
		slowly(k, time.Millisecond)
		before := m.Stats().Syncs
		for i := range all {
			must(t, m.Want(all[:i+1]))
			time.Sleep(time.Millisecond / 2)
		}
		time.Sleep(150 * time.Millisecond)
		if got := len(k.list()); got != len(all) {
			t.Errorf("%d addresses, want %d", got, len(all))
		}
		if looks := m.Stats().Syncs - before; looks > 12 {
			t.Errorf("%d looks for %d takings", looks, len(all))
		}
	})
}

// TestWantBlind: what is given up goes also while the kernel cannot be read, and
// the rest stays.
func TestWantBlind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := vips("198.18.0.100/24", "198.18.0.101/24", "2001:db8::100/64")
		m, k := wanting(t, Options{}, all, all[:2])
		k.refuses(unix.RTM_GETADDR, unix.ENOMEM)
		must(t, m.Want(all[1:]))
		synctest.Wait()
		wantList(t, k, "198.18.0.101/24")
		k.refuses(0, nil)
		time.Sleep(retryAfter + 10*time.Millisecond)
		wantList(t, k, "198.18.0.101/24", "2001:db8::100/64")
	})
}

// TestWantOvertakesSet: and the other way round.
func TestWantOvertakesSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := many(100)
		m, k := wanting(t, Options{}, all, nil)
		slowly(k, time.Millisecond)
		done := make(chan error, 1)
		go func() { done <- m.Set(all) }()
		time.Sleep(10 * time.Millisecond)
		must(t, m.Want(all[:5]))
		if err := <-done; !errors.Is(err, ErrSuperseded) {
			t.Errorf("Set returned %v, want %v", err, ErrSuperseded)
		}
		must(t, m.Want(all))
		time.Sleep(10 * time.Millisecond)
		must(t, m.Set(nil))
		wantList(t, k)
	})
}

// TestAllowedByVIP: a VIP that may not be held keeps no other from being taken,
// refreshed, put back and announced, nor an error of another from being told.
func TestAllowedByVIP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := vips("2001:db8::100/64", "2001:db8::101/64")
		var ended atomic.Bool
		allowed := func(v VIP) bool { return v != all[0] || !ended.Load() }
		var log strings.Builder
		opts := Options{Allowed: allowed, Lifetime: 4 * time.Second, Log: slog.New(slog.NewTextHandler(&log, nil))}
		m, k := wanting(t, opts, all, all)
		ended.Store(true)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		wantList(t, k, "2001:db8::101/64")
		if slices.Contains(k.takeRequests(), "na 2001:db8::100") {
			t.Error("announced what may not be held")
		}
		if strings.Contains(log.String(), "addresses are not as wanted") {
			t.Errorf("log is %q, want no error", log.String())
		}
		wantReason(t, m, ErrNotAllowed.Error())
		must(t, k.byHand(2, "2001:db8::101/64"))
		time.Sleep(100 * time.Millisecond)
		wantList(t, k, "2001:db8::101/64")
		k.refuses(unix.RTM_NEWADDR, unix.EPERM)
		must(t, k.byHand(2, "2001:db8::101/64"))
		time.Sleep(time.Second)
		synctest.Wait()
		if !strings.Contains(log.String(), "addresses are not as wanted") {
			t.Errorf("log is %q, want the error of the other VIP", log.String())
		}
		k.refuses(0, nil)
		k.takeRequests()
		ended.Store(false)
		time.Sleep(2 * time.Second)
		if got := m.Status(); !got[0].Held || !got[1].Held {
			t.Errorf("status is %+v, want both held", got)
		}
		wantReason(t, m, "")
	})
}

// TestConflictOfOneAllowed: only who may hold a VIP contends for it.
func TestConflictOfOneAllowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := vips("198.18.0.100/24", "198.18.0.101/24")
		var ended atomic.Bool
		m, k := settled(t, Options{Allowed: func(v VIP) bool { return v != all[0] || !ended.Load() }}, all)
		ended.Store(true)
		k.claims(rivalMAC, all[0].Address.Addr())
		k.claims(rivalMAC, all[1].Address.Addr())
		time.Sleep(time.Second)
		if got := m.Status(); got[0].Conflict.Count != 0 || got[1].Conflict.Count != 1 {
			t.Errorf("status is %+v, want a conflict of the second", got)
		}
	})
}

func TestAnnounce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := vips("2001:db8::100/64", "2001:db8::101/64", "2001:db8::102/64")
		m, k := wanting(t, Options{}, all, all[:2])
		time.Sleep(30 * time.Second)
		k.takeRequests()
		m.Announce(all[1:])
		time.Sleep(100 * time.Millisecond)
		wantRequests(t, k, "na 2001:db8::101", "na 2001:db8::101")
		time.Sleep(10 * time.Second)
		wantRequests(t, k, "na 2001:db8::101", "na 2001:db8::101", "na 2001:db8::101")
		must(t, m.Want(nil))
		m.Announce(all)
		synctest.Wait()
		if _, any := m.schedule.Deadline(); any {
			t.Error("what is not held is on the schedule")
		}
	})
}

// TestPaces: each VIP has its own.
func TestPaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := vips("2001:db8::100/64", "2001:db8::101/64")
		paces := map[VIP]Pace{all[1]: {Delay: 2 * time.Second, Refresh: 10 * time.Second}}
		_, k := wanting(t, Options{Schedule: func(v VIP) Pace { return paces[v] }}, all, all)
		begin := time.Now()
		time.Sleep(30 * time.Second)
		for addr, want := range map[string][]time.Duration{
			"2001:db8::100": {0, 50 * time.Millisecond, 200 * time.Millisecond, time.Second, 5 * time.Second},
			"2001:db8::101": {
				0, 50 * time.Millisecond, 200 * time.Millisecond, time.Second,
				2 * time.Second, 12 * time.Second, 22 * time.Second,
			},
		} {
			var got []time.Duration
			for _, a := range k.announced(addr) {
				got = append(got, a.at.Sub(begin))
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s announced at %v, want %v", addr, got, want)
			}
		}
	})
}
