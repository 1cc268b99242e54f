package vip

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// TestReleaseDoesNotWait: Set(nil) waits for one address, not for the rest of a
// Set that is under way, and afterwards nothing is added or announced.
func TestReleaseDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := many(1000)
		m, k := fakeWith(t, Options{}, all)
		start(t, m)
		k.latency = time.Millisecond
		first := make(chan error, 1)
		go func() { first <- m.Set(all) }()
		time.Sleep(100*time.Millisecond + 500*time.Microsecond)
		begin := time.Now()
		must(t, m.Set(nil))
		if took := time.Since(begin); took > 110*time.Millisecond {
			t.Errorf("the release of 100 addresses at 1 ms each took %v", took)
		}
		if err := <-first; !errors.Is(err, ErrSuperseded) {
			t.Errorf("the first Set returned %v, want %v", err, ErrSuperseded)
		}
		wantList(t, k)
		k.takeRequests()
		time.Sleep(2 * time.Minute)
		wantRequests(t, k)
	})
}

// TestReleaseDuringReconcile: the same while Run puts back what somebody flushed.
func TestReleaseDuringReconcile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, k := holding(t, Options{Lifetime: 20 * time.Second}, many(1000))
		start(t, m)
		time.Sleep(time.Second)
		k.locked(func() {
			k.flush(func(address) bool { return true })
			k.latency = time.Millisecond
		})
		time.Sleep(50*time.Millisecond + 500*time.Microsecond)
		begin := time.Now()
		must(t, m.Set(nil))
		if took := time.Since(begin); took > 60*time.Millisecond {
			t.Errorf("the release of at most 50 addresses at 1 ms each took %v", took)
		}
		wantList(t, k)
		time.Sleep(time.Minute)
		wantList(t, k)
	})
}

// TestReleaseDuringConfigure: a sweep does not hold up the release either.
func TestReleaseDuringConfigure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := many(100)
		m, k := holding(t, Options{}, all)
		k.latency = time.Millisecond
		swept := make(chan error, 1)
		go func() { swept <- m.Configure(all[:50]) }()
		time.Sleep(20 * time.Millisecond)
		must(t, m.Set(nil))
		must(t, <-swept)
		wantList(t, k)
	})
}

// TestSetSameWantShares: a Set that one with the same want overtakes is none the worse.
func TestSetSameWantShares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := many(100)
		m, k := fakeWith(t, Options{}, all)
		k.latency = time.Millisecond
		first := make(chan error, 1)
		go func() { first <- m.Set(all) }()
		time.Sleep(20 * time.Millisecond)
		must(t, m.Set(all))
		must(t, <-first)
		if got := len(k.list()); got != len(all) {
			t.Errorf("the kernel has %d addresses, want %d", got, len(all))
		}
	})
}

// TestReleaseBlind: an address goes even when the kernel cannot be read.
func TestReleaseBlind(t *testing.T) {
	m, k := holding(t, Options{}, vips("198.18.0.100/24", "2001:db8::100/64"))
	k.refuses(unix.RTM_GETADDR, unix.ENOMEM)
	if err := m.Set(nil); !errors.Is(err, unix.ENOMEM) {
		t.Errorf("error %v, want %v", err, unix.ENOMEM)
	}
	wantList(t, k)
	for _, s := range m.Status() {
		if s.Held {
			t.Errorf("%s is held", s.VIP)
		}
	}
}

// TestBlindReleaseSparesOthers: what the kernel would remove along with a VIP
// stays, also when it could not be read.
func TestBlindReleaseSparesOthers(t *testing.T) {
	m, k := holding(t, Options{}, vips("198.18.0.100/24"))
	k.put(2, "198.18.0.1/24")
	k.refuses(unix.RTM_GETADDR, unix.ENOMEM)
	if err := m.Set(nil); !errors.Is(err, unix.ENOMEM) {
		t.Errorf("error %v, want %v", err, unix.ENOMEM)
	}
	wantList(t, k, "198.18.0.1/24")
	if k.promotes(2) {
		t.Error("promote_secondaries stays on")
	}
}

// TestInterruptedDump: a list that is not complete loses no VIP, and releases all.
func TestInterruptedDump(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, k := holding(t, Options{}, vips("198.18.0.100/24", "198.18.0.101/24"))
		start(t, m)
		k.locked(func() {
			k.torn = 1000
			k.takeRequestsLocked()
		})
		k.notify(unix.RTM_NEWNETCONF, []byte{0, 0, 0, 0, 8, 0, 1, 0, 2, 0, 0, 0})
		time.Sleep(1500 * time.Millisecond)
		for _, r := range k.takeRequests() {
			if !strings.HasPrefix(r, "request") && !strings.HasPrefix(r, "reply") {
				t.Errorf("unwanted request: %s", r)
			}
		}
		must(t, m.Set(nil))
		if got := k.takeRequests(); len(got) != 2 {
			t.Errorf("requests %q, want one removal of each", got)
		}
		k.locked(func() { k.torn = 0 })
		wantList(t, k)
	})
}

// TestTornListCorrectsNothing: what is missing in a list that is not complete may
// be there.
func TestTornListCorrectsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := vips("198.18.0.100/32", "198.18.7.100/24")
		m, k := fakeWith(t, Options{}, all)
		k.put(2, "198.18.7.1/16")
		must(t, m.Set(all))
		start(t, m)
		time.Sleep(10 * time.Second)
		k.takeRequests()
		k.locked(func() {
			slices.Reverse(k.addresses) // so that the node's own address is in the half that lacks
			k.torn = dumpTries
		})
		must(t, m.Set(all))
		wantRequests(t, k)
	})
}

// TestTornSweep: what a list lacks that is not complete is swept later.
func TestTornSweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := vips("198.18.0.100/24", "198.18.0.101/24")
		m, k := fakeWith(t, Options{}, all)
		start(t, m)
		time.Sleep(time.Second)
		k.locked(func() {
			for _, v := range all {
				a := address{index: 2, prefix: v.Address, valid: forever, preferred: forever}
				k.addresses = append(k.addresses, a)
			}
			k.torn = dumpTries
			k.emit(unix.RTM_NEWADDR, k.addresses[0])
		})
		settle()
		wantList(t, k)
	})
}

// TestTornDumpIsReadAgain: mostly the next one is whole.
func TestTornDumpIsReadAgain(t *testing.T) {
	all := vips("198.18.0.100/24", "198.18.0.101/24")
	m, k := holding(t, Options{}, all)
	k.torn = dumpTries - 1
	must(t, m.Set(all))
	if k.torn != 0 || m.dirty {
		t.Errorf("%d torn dumps are left, another look is due: %t", k.torn, m.dirty)
	}
}

// TestReleaseWaitsForOneAddress: what Run does of itself makes way, too.
func TestReleaseWaitsForOneAddress(t *testing.T) {
	const n, each = 15, 100 * time.Millisecond
	for name, slow := range map[string]func(*fakeKernel){
		"refresh":  func(k *fakeKernel) { k.latency = each },
		"announce": func(k *fakeKernel) { k.sending = each },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				all := many(n)
				m, k := fakeWith(t, Options{Lifetime: 20 * time.Second}, all)
				start(t, m)
				must(t, m.Set(all))
				time.Sleep(4900 * time.Millisecond) // refresh and announcement are due in 100 ms
				k.locked(func() { slow(k) })
				time.Sleep(250 * time.Millisecond)
				begin := time.Now()
				must(t, m.Set(nil))
				// All that goes, and one address that was under way; it has two frames.
				if took := time.Since(begin); took > n*k.latency+2*each {
					t.Errorf("the release took %v", took)
				}
			})
		})
	}
}

// TestSupersededInTheMiddle: a Set that stops leaves no address lost that the
// kernel removed along with a VIP.
func TestSupersededInTheMiddle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := vips("198.18.0.100/24")
		m, k := holding(t, Options{}, all)
		for _, own := range []string{"198.18.0.1/24", "198.18.0.2/24", "198.18.0.3/24"} {
			k.put(2, own)
		}
		k.refuses(unix.RTM_SETLINK, unix.EPERM)
		k.latency = time.Millisecond
		first := make(chan error, 1)
		go func() { first <- m.Set(nil) }()
		time.Sleep(1500 * time.Microsecond)
		must(t, m.Set(all))
		<-first
		wantList(t, k, "198.18.0.1/24", "198.18.0.2/24", "198.18.0.3/24", "198.18.0.100/24")
	})
}

// TestRemoveFails: a VIP that cannot be removed is held, says so, and is tried again.
func TestRemoveFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, k := holding(t, Options{}, vips("198.18.0.100/24"))
		start(t, m)
		k.refuses(unix.RTM_DELADDR, unix.EPERM)
		const want = "remove 198.18.0.100/24 on interface 2: operation not permitted"
		if err := m.Set(nil); err == nil || err.Error() != want {
			t.Errorf("error %v, want %q", err, want)
		}
		if !m.Status()[0].Held {
			t.Error("not held, although the kernel has it")
		}
		wantReason(t, m, want)
		k.refuses(0, nil)
		time.Sleep(retryAfter + 10*time.Millisecond)
		wantList(t, k)
		if m.Status()[0].Held {
			t.Error("held, although the kernel has not got it")
		}
		wantReason(t, m, "")
	})
}

// stuck is a log handler that blocks from a certain line on.
type stuck struct {
	slog.Handler
	blocked chan struct{}
}

func (s stuck) Handle(context.Context, slog.Record) error { <-s.blocked; return nil }

// TestReleaseDoesNotWaitForLog: a log that nobody reads keeps no VIP up.
func TestReleaseDoesNotWaitForLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := vips("198.18.0.100/24")
		m, k := fakeWith(t, Options{}, all)
		log := stuck{slog.NewTextHandler(os.Stderr, nil), make(chan struct{})}
		m.journal.log = slog.New(log)
		start(t, m)
		must(t, m.Set(all))
		must(t, k.byHand(2, "198.18.0.100/24"))
		time.Sleep(time.Second)
		wantList(t, k, "198.18.0.100/24")
		must(t, m.Set(nil))
		wantList(t, k)
		close(log.blocked)
	})
}

// TestTakenAgainAfterAFailedRelease: somebody else may have announced the VIP
// meanwhile, so neighbours are told anew.
func TestTakenAgainAfterAFailedRelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := vips("2001:db8::100/64")
		m, k := holding(t, Options{}, all)
		start(t, m)
		time.Sleep(10 * time.Second)
		k.refuses(unix.RTM_DELADDR, unix.EPERM)
		if err := m.Set(nil); !errors.Is(err, unix.EPERM) {
			t.Errorf("error %v, want %v", err, unix.EPERM)
		}
		since := m.Status()[0].Since
		k.takeRequests()
		time.Sleep(2 * time.Minute)
		wantRequests(t, k)
		if got := m.Status()[0]; !got.Held || !got.Since.Equal(since) {
			t.Errorf("status is %+v, want held since %v", got, since)
		}
		must(t, m.Set(all))
		time.Sleep(300 * time.Millisecond)
		wantRequests(t, k, "na 2001:db8::100", "na 2001:db8::100", "na 2001:db8::100")
	})
}

// TestReleaseTakenBack: what a release that was overtaken has left is refreshed
// as before.
func TestReleaseTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := many(10)
		m, k := holding(t, Options{Lifetime: 20 * time.Second}, all)
		start(t, m)
		time.Sleep(4 * time.Second)
		k.locked(func() { k.latency = 100 * time.Millisecond })
		time.Sleep(time.Second + 50*time.Millisecond) // in the middle of the first refresh
		released := make(chan error, 1)
		go func() { released <- m.Set(nil) }()
		time.Sleep(100 * time.Millisecond) // in the middle of the first removal
		must(t, m.Set(all))
		if err := <-released; !errors.Is(err, ErrSuperseded) {
			t.Errorf("error %v, want %v", err, ErrSuperseded)
		}
		k.locked(func() { k.latency = 0 })
		for range 60 {
			time.Sleep(time.Second)
			if got := len(k.list()); got != len(all) {
				t.Fatalf("the kernel has %d addresses, want %d", got, len(all))
			}
		}
		if got := m.Stats().Readded; got != 0 {
			t.Errorf("%d readded, want none", got)
		}
	})
}

// TestOvertakenAfterAPrimary: a release stops between two addresses, also after
// one whose followers it had to keep.
func TestOvertakenAfterAPrimary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := vips("198.18.0.100/24")
		for _, v := range many(100) {
			all = append(all, v.bare())
		}
		m, k := holding(t, Options{}, all)
		k.put(2, "198.18.0.1/24")
		k.latency = time.Millisecond
		released := make(chan error, 1)
		go func() { released <- m.Set(nil) }()
		time.Sleep(20 * time.Millisecond)
		k.takeRequests()
		must(t, m.Set(all))
		<-released
		removed := 0
		for _, r := range k.takeRequests() {
			if strings.HasPrefix(r, "del") {
				removed++
			}
		}
		if removed > 2 {
			t.Errorf("%d addresses were removed after the release was overtaken", removed)
		}
	})
}

// TestForeignVIPStays: a VIP that this process did not put there and cannot remove
// counts as held.
func TestForeignVIPStays(t *testing.T) {
	m, k := fakeWith(t, Options{}, vips("198.18.0.100/24"))
	k.put(2, "198.18.0.100/24")
	k.refuses(unix.RTM_DELADDR, unix.EPERM)
	if err := m.Set(nil); !errors.Is(err, unix.EPERM) {
		t.Errorf("error %v, want %v", err, unix.EPERM)
	}
	if !m.Status()[0].Held {
		t.Error("not held, although the kernel has it")
	}
}

// TestInterfaceVanishesDuringRelease: there is nothing to put back, nor to set back.
func TestInterfaceVanishesDuringRelease(t *testing.T) {
	for name, deaf := range map[string]error{"promotes": nil, "deaf": unix.EPERM} {
		t.Run(name, func(t *testing.T) {
			m, k := holding(t, Options{}, vips("198.18.0.100/24"))
			k.put(2, "198.18.0.1/24")
			k.refuse = func(kind int, _ address) error {
				if kind == unix.RTM_DELADDR {
					k.flush(func(address) bool { return true })
					k.links = nil
				}
				if kind == unix.RTM_SETLINK {
					return deaf
				}
				return nil
			}
			must(t, m.Set(nil))
			wantList(t, k)
		})
	}
}
