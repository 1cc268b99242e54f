package vip

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// newFake is a Manager on a model of the kernel, with VIPs configured.
func newFake(t *testing.T, opts Options, k *fakeKernel, configured []VIP) *Manager {
	t.Helper()
	m := newManager(opts, k)
	if err := m.Configure(configured); err != nil {
		t.Fatal(err)
	}
	k.takeRequests()
	return m
}

// start runs m until the test ends or stop is called.
func start(t *testing.T, m *Manager) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	synctest.Wait()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantList(t *testing.T, k *fakeKernel, want ...string) {
	t.Helper()
	if got := k.list(); !slices.Equal(got, append([]string{}, want...)) {
		t.Fatalf("the kernel has %q, want %q", got, want)
	}
}

func wantRequests(t *testing.T, k *fakeKernel, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, k.takeRequests()); diff != "" {
		t.Fatalf("requests: (-want +got)\n%s", diff)
	}
}

func wantReason(t *testing.T, m *Manager, want string) {
	t.Helper()
	if got := m.Status()[0].Reason; got != want {
		t.Fatalf("reason is %q, want %q", got, want)
	}
}

func TestSetInterleavesAddsAndAnnouncements(t *testing.T) {
	k := newFakeKernel(ethernetLink(2, "eth0"))
	all := vips("198.18.0.100/24", "2001:db8::100/64", "198.18.0.101/24")
	m := newFake(t, Options{}, k, all)
	must(t, m.Set(all))
	wantRequests(t, k,
		"add 198.18.0.100/24 on interface 2", "request 198.18.0.100", "reply 198.18.0.100",
		"add 2001:db8::100/64 on interface 2", "na 2001:db8::100",
		"add 198.18.0.101/24 on interface 2", "request 198.18.0.101", "reply 198.18.0.101")
	must(t, m.Set(all))
	wantRequests(t, k) // nothing to do
	must(t, m.Set(all[2:]))
	wantRequests(t, k,
		"del 2001:db8::100/64 on interface 2",
		"del 198.18.0.100/24 on interface 2") // the primary last
	wantList(t, k, "198.18.0.101/24")
}

func TestSetWantsConfiguredOnes(t *testing.T) {
	k := newFakeKernel(ethernetLink(2, "eth0"))
	m := newFake(t, Options{}, k, vips("198.18.0.100/24"))
	err := m.Set(vips("198.18.0.100/24", "198.18.0.101/24"))
	if want := "vip: want 198.18.0.101/24 eth0: not configured"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %q", err, want)
	}
	wantList(t, k)
}

func TestSetTwiceTheSame(t *testing.T) {
	k := newFakeKernel(ethernetLink(2, "eth0"))
	all := vips("198.18.0.100/24")
	m := newFake(t, Options{}, k, all)
	must(t, m.Set(append(all, all...)))
	wantList(t, k, "198.18.0.100/24")
}

// TestReleaseDoesNotWait: Set(nil) waits for one address, not for the rest of a
// Set that is under way, and afterwards nothing is added or announced.
func TestReleaseDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newFakeKernel(ethernetLink(2, "eth0"))
		all := many(1000)
		m := newFake(t, Options{}, k, all)
		stop := start(t, m)
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
		stop()
	})
}

// TestReleaseDuringReconcile: the same while Run puts back what somebody flushed.
func TestReleaseDuringReconcile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newFakeKernel(ethernetLink(2, "eth0"))
		all := many(1000)
		m := newFake(t, Options{Lifetime: 20 * time.Second}, k, all)
		must(t, m.Set(all))
		stop := start(t, m)
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
		stop()
	})
}

// TestReleaseDuringConfigure: a sweep does not hold up the release either.
func TestReleaseDuringConfigure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newFakeKernel(ethernetLink(2, "eth0"))
		all := many(100)
		m := newFake(t, Options{}, k, all)
		must(t, m.Set(all))
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
		k := newFakeKernel(ethernetLink(2, "eth0"))
		all := many(100)
		m := newFake(t, Options{}, k, all)
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
	k := newFakeKernel(ethernetLink(2, "eth0"))
	all := vips("198.18.0.100/24", "2001:db8::100/64")
	m := newFake(t, Options{}, k, all)
	must(t, m.Set(all))
	k.refuse = func(kind int, _ address) error {
		if kind == unix.RTM_GETADDR {
			return unix.ENOMEM
		}
		return nil
	}
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

// TestInterruptedDump: a list that is not complete loses no VIP, and releases all.
func TestInterruptedDump(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newFakeKernel(ethernetLink(2, "eth0"))
		all := vips("198.18.0.100/24", "198.18.0.101/24")
		m := newFake(t, Options{}, k, all)
		must(t, m.Set(all))
		stop := start(t, m)
		k.locked(func() {
			k.torn = 1000
			k.takeRequestsLocked()
		})
		k.notify(unix.RTM_NEWNETCONF, []byte{0, 0, 0, 0, 8, 0, 1, 0, 2, 0, 0, 0})
		time.Sleep(time.Second)
		for _, r := range k.takeRequests() {
			if !strings.HasPrefix(r, "request") && !strings.HasPrefix(r, "reply") {
				t.Errorf("unwanted request: %s", r)
			}
		}
		must(t, m.Set(nil))
		k.locked(func() { k.torn = 0 })
		wantList(t, k)
		stop()
	})
}

// TestTornDumpIsReadAgain: mostly the next one is whole.
func TestTornDumpIsReadAgain(t *testing.T) {
	k := newFakeKernel(ethernetLink(2, "eth0"))
	all := vips("198.18.0.100/24", "198.18.0.101/24")
	m := newFake(t, Options{}, k, all)
	must(t, m.Set(all))
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
				k := newFakeKernel(ethernetLink(2, "eth0"))
				all := many(n)
				m := newFake(t, Options{Lifetime: 20 * time.Second}, k, all)
				stop := start(t, m)
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
				stop()
			})
		})
	}
}

// TestSupersededInTheMiddle: a Set that stops leaves no address lost that the
// kernel removed along with a VIP.
func TestSupersededInTheMiddle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newFakeKernel(ethernetLink(2, "eth0"))
		all := vips("198.18.0.100/24")
		m := newFake(t, Options{}, k, all)
		must(t, m.Set(all))
		for _, own := range []string{"198.18.0.1/24", "198.18.0.2/24", "198.18.0.3/24"} {
			k.put(2, own)
		}
		k.refuse = func(kind int, _ address) error {
			if kind == unix.RTM_SETLINK {
				return unix.EPERM
			}
			return nil
		}
		k.latency = time.Millisecond
		first := make(chan error, 1)
		go func() { first <- m.Set(nil) }()
		time.Sleep(1500 * time.Microsecond)
		must(t, m.Set(all))
		<-first
		wantList(t, k, "198.18.0.1/24", "198.18.0.2/24", "198.18.0.3/24", "198.18.0.100/24")
	})
}

// TestPutThereMeanwhile: somebody adds the VIP between the look and the add.
func TestPutThereMeanwhile(t *testing.T) {
	k := newFakeKernel(ethernetLink(2, "eth0"))
	all := vips("198.18.0.100/24")
	m := newFake(t, Options{Lifetime: 30 * time.Second}, k, all)
	k.refuse = func(kind int, a address) error {
		if kind == unix.RTM_NEWADDR && k.find(a.place()) < 0 {
			a.valid, a.preferred = forever, forever
			return k.add(a, false)
		}
		return nil
	}
	must(t, m.Set(all))
	if !m.Status()[0].Held || k.addresses[0].valid != 30 {
		t.Errorf("status is %+v, and the kernel has %+v; want it held with our lifetime", m.Status()[0], k.addresses[0])
	}
}

// TestReleaseForgetsTheLoss: a VIP that was lost and then released was not put
// back when it is taken later.
func TestReleaseForgetsTheLoss(t *testing.T) {
	k := newFakeKernel(ethernetLink(2, "eth0"))
	all := vips("198.18.0.100/24")
	m := newFake(t, Options{}, k, all)
	must(t, m.Set(all))
	must(t, k.byHand(2, "198.18.0.100/24"))
	must(t, m.Set(nil))
	must(t, m.Set(all))
	if got := m.Status()[0]; !got.Held || got.Readded != 0 {
		t.Errorf("status is %+v, want held and none readded", got)
	}
}

// TestLinkChangeSeenFirst: a look at the kernel may see a change of an interface
// before its notification comes, or instead of it.
func TestLinkChangeSeenFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newFakeKernel(ethernetLink(2, "eth0"))
		all := vips("198.18.0.100/24")
		m := newFake(t, Options{}, k, all)
		must(t, m.Set(all))
		stop := start(t, m)
		time.Sleep(10 * time.Second)
		k.takeRequests()
		k.locked(func() { k.links[0].mac[5]++ })
		must(t, m.Set(all))
		time.Sleep(2 * time.Second)
		if got := len(k.takeRequests()); got != 2*4 {
			t.Errorf("%d announcements in 2 s, want 4 of each form", got)
		}
		stop()
	})
}

func TestSetTellsErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newFakeKernel(ethernetLink(2, "eth0"))
		all := vips("198.18.0.100/24", "198.18.0.101/24")
		m := newFake(t, Options{}, k, all)
		stop := start(t, m)
		k.locked(func() {
			k.refuse = func(_ int, a address) error {
				if a.prefix == all[0].Address {
					return unix.EPERM
				}
				return nil
			}
		})
		err := m.Set(all)
		const want = "add 198.18.0.100/24 on eth0: operation not permitted"
		if err == nil || err.Error() != want || !errors.Is(err, unix.EPERM) {
			t.Errorf("error %v, want %q", err, want)
		}
		wantList(t, k, "198.18.0.101/24")
		wantReason(t, m, want)
		time.Sleep(10 * time.Second)
		if tries := strings.Count(strings.Join(k.takeRequests(), "\n"), "add 198.18.0.100"); tries != 0 {
			t.Errorf("%d adds went through", tries)
		}
		k.locked(func() { k.refuse = nil })
		time.Sleep(retryAfter + 10*time.Millisecond)
		wantList(t, k, "198.18.0.101/24", "198.18.0.100/24")
		wantReason(t, m, "")
		if got := m.Status()[0]; !got.Held || got.Readded != 0 {
			t.Errorf("status is %+v, want held and never readded", got)
		}
		stop()
	})
}

func TestManyErrorsAreSummedUp(t *testing.T) {
	k := newFakeKernel(ethernetLink(2, "eth0"))
	all := many(100)
	m := newFake(t, Options{}, k, all)
	k.refuse = func(kind int, _ address) error {
		if kind == unix.RTM_NEWADDR {
			return unix.EPERM
		}
		return nil
	}
	err := m.Set(all)
	if lines := strings.Split(fmt.Sprint(err), "\n"); len(lines) != errorsShown+1 || lines[errorsShown] != "and 92 more" {
		t.Errorf("error is %q, want %d lines and a sum", lines, errorsShown)
	}
}

// TestRemoveFails: a VIP that cannot be removed is held, says so, and is tried again.
func TestRemoveFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newFakeKernel(ethernetLink(2, "eth0"))
		all := vips("198.18.0.100/24")
		m := newFake(t, Options{}, k, all)
		must(t, m.Set(all))
		stop := start(t, m)
		k.locked(func() {
			k.refuse = func(kind int, _ address) error {
				if kind == unix.RTM_DELADDR {
					return unix.EPERM
				}
				return nil
			}
		})
		const want = "remove 198.18.0.100/24 on interface 2: operation not permitted"
		if err := m.Set(nil); err == nil || err.Error() != want {
			t.Errorf("error %v, want %q", err, want)
		}
		if !m.Status()[0].Held {
			t.Error("not held, although the kernel has it")
		}
		k.locked(func() { k.refuse = nil })
		time.Sleep(retryAfter + 10*time.Millisecond)
		wantList(t, k)
		if m.Status()[0].Held {
			t.Error("held, although the kernel has not got it")
		}
		stop()
	})
}

func TestAdopts(t *testing.T) {
	k := newFakeKernel(ethernetLink(2, "eth0"))
	all := vips("198.18.0.100/24", "2001:db8::100/64")
	m := newFake(t, Options{Lifetime: 30 * time.Second}, k, all)
	k.put(2, "198.18.0.100/32")
	k.put(2, "2001:db8::100/64")
	must(t, m.Set(all))
	wantRequests(t, k,
		"replace 198.18.0.100/32 on interface 2", "request 198.18.0.100", "reply 198.18.0.100",
		"replace 2001:db8::100/64 on interface 2", "na 2001:db8::100")
	for _, a := range k.addresses {
		if preferred := map[bool]uint32{true: 30, false: 0}[a.is4()]; a.valid != 30 || a.preferred != preferred {
			t.Errorf("%s has lifetimes %d and %d", a, a.valid, a.preferred)
		}
	}
	for _, s := range m.Status() {
		if !s.Held {
			t.Errorf("%s is not held", s.VIP)
		}
	}
}

// TestStandbyAnswersForNothing: a VIP that somebody puts on a node that must not
// hold it is removed at once.
func TestStandbyAnswersForNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newFakeKernel(ethernetLink(2, "eth0"))
		m := newFake(t, Options{}, k, vips("198.18.0.100/24"))
		stop := start(t, m)
		time.Sleep(time.Second)
		k.put(2, "198.18.0.100/24")
		k.put(2, "198.18.0.7/24")
		time.Sleep(100 * time.Millisecond)
		wantList(t, k, "198.18.0.7/24")
		stop()
	})
}

func TestPutBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newFakeKernel(ethernetLink(2, "eth0"))
		all := vips("198.18.0.100/24", "2001:db8::100/64")
		m := newFake(t, Options{}, k, all)
		must(t, m.Set(all))
		stop := start(t, m)
		time.Sleep(30 * time.Second)
		k.takeRequests()
		must(t, k.byHand(2, "198.18.0.100/24"))
		synctest.Wait()
		wantRequests(t, k, "add 198.18.0.100/24 on interface 2", "request 198.18.0.100", "reply 198.18.0.100")
		if got := m.Status(); !got[0].Held || got[0].Readded != 1 || got[1].Readded != 0 {
			t.Errorf("status is %+v", got)
		}
		if got := m.Stats().Readded; got != 1 {
			t.Errorf("%d readded, want 1", got)
		}
		stop()
	})
}

// TestFightOverAnAddress: somebody removes the VIP as soon as it is there.
func TestFightOverAnAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newFakeKernel(ethernetLink(2, "eth0"))
		all := vips("198.18.0.100/24")
		m := newFake(t, Options{}, k, all)
		must(t, m.Set(all))
		stop := start(t, m)
		k.takeRequests()
		for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
			_ = k.byHand(2, "198.18.0.100/24")
		}
		wantReason(t, m, "removed by somebody else 68 times in a row, put back at most once a second")
		adds := 0
		for _, r := range k.takeRequests() {
			if strings.HasPrefix(r, "add") {
				adds++
			}
		}
		if want := uint64(adds); m.Status()[0].Readded != want || want < 60 || want > 70 {
			t.Errorf("added %d times in a minute, and says %d; want about 65", adds, m.Status()[0].Readded)
		}
		time.Sleep(time.Second)
		wantList(t, k, "198.18.0.100/24")
		wantReason(t, m, "")
		stop()
	})
}

// TestSetDoesNotWaitForAFight: who gets the VIPs gets them at once.
func TestSetDoesNotWaitForAFight(t *testing.T) {
	k := newFakeKernel(ethernetLink(2, "eth0"))
	all := vips("198.18.0.100/24")
	m := newFake(t, Options{}, k, all)
	for range 20 {
		must(t, m.Set(all))
		must(t, k.byHand(2, "198.18.0.100/24"))
	}
	must(t, m.Set(all))
	wantList(t, k, "198.18.0.100/24")
}

// TestBurst: thousands of notifications cost few looks at the kernel.
func TestBurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newFakeKernel(ethernetLink(2, "eth0"))
		all := vips("198.18.0.100/24")
		m := newFake(t, Options{}, k, all)
		must(t, m.Set(all))
		stop := start(t, m)
		before := m.Stats().Syncs
		foreign := appendDump(nil, address{index: 2, prefix: netip.MustParsePrefix("198.18.0.7/24")})
		for range 5000 {
			k.notify(unix.RTM_DELADDR, foreign)
			time.Sleep(50 * time.Microsecond)
		}
		time.Sleep(time.Second)
		// 250 ms, and at least 5 ms from one look to the next.
		if looks := m.Stats().Syncs - before; looks > 52 || looks < 2 {
			t.Errorf("5,000 notifications in 250 ms cost %d looks, want some 50", looks)
		}
		stop()
	})
}

// TestOwnChangesAskForNothing: neither adding nor refreshing nor releasing makes
// Run look at the kernel.
func TestOwnChangesAskForNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newFakeKernel(ethernetLink(2, "eth0"))
		all := append(vips("198.18.0.100/24", "2001:db8::100/64"), many(100)...)
		m := newFake(t, Options{Lifetime: 4 * time.Second}, k, all)
		stop := start(t, m)
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
		if frames := uint64(len(k.sent)); after.Announced != frames || after.Announced != 5*(2*uint64(len(all))-1) {
			t.Errorf("%d announcements, and %d counted, want 5 of each VIP", frames, after.Announced)
		}
		stop()
	})
}

// TestLifetimes: refreshed in time for hours; gone soon after Run has ended.
func TestLifetimes(t *testing.T) {
	for _, lifetime := range []time.Duration{time.Second, 5 * time.Second, time.Hour} {
		t.Run(lifetime.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k := newFakeKernel(ethernetLink(2, "eth0"))
				all := vips("198.18.0.100/24", "2001:db8::100/64")
				m := newFake(t, Options{Lifetime: lifetime}, k, all)
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
		k := newFakeKernel(ethernetLink(2, "eth0"))
		all := vips("198.18.0.100/24")
		m := newFake(t, Options{Lifetime: time.Hour}, k, all)
		stop := start(t, m)
		must(t, m.Set(all))
		synctest.Wait()
		wantRequests(t, k, "add 198.18.0.100/24 on interface 2", "request 198.18.0.100", "reply 198.18.0.100",
			"replace 198.18.0.100/24 on interface 2")
		stop()
	})
}

// TestNotAllowed: while ownership has ended, what Run does of itself takes nothing
// back, until somebody releases or ownership is back.
func TestNotAllowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newFakeKernel(ethernetLink(2, "eth0"))
		all := vips("198.18.0.100/24", "2001:db8::100/64")
		var ended atomic.Bool
		allowed := func() bool { return !ended.Load() }
		m := newFake(t, Options{Lifetime: 5 * time.Second, Allowed: allowed}, k, all)
		stop := start(t, m)
		must(t, m.Set(all))
		time.Sleep(10 * time.Second)
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
		stop()
	})
}

// TestNotAllowedToAnnounce: nor does it go on announcing what it still holds.
func TestNotAllowedToAnnounce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newFakeKernel(ethernetLink(2, "eth0"))
		all := vips("198.18.0.100/24")
		var ended atomic.Bool
		m := newFake(t, Options{Allowed: func() bool { return !ended.Load() }}, k, all)
		stop := start(t, m)
		must(t, m.Set(all))
		ended.Store(true)
		k.takeRequests()
		time.Sleep(3 * time.Minute)
		wantRequests(t, k)
		ended.Store(false)
		time.Sleep(time.Minute)
		wantRequests(t, k, "request 198.18.0.100", "reply 198.18.0.100")
		stop()
	})
}

func TestIPv6Disabled(t *testing.T) {
	k := newFakeKernel(ethernetLink(2, "eth0"))
	all := vips("2001:db8::100/64")
	m := newFake(t, Options{}, k, all)
	k.refuse = func(kind int, _ address) error {
		if kind == unix.RTM_NEWADDR {
			return unix.EACCES
		}
		return nil
	}
	const want = "add 2001:db8::100/64 on eth0: IPv6 is disabled there: permission denied"
	if err := m.Set(all); err == nil || err.Error() != want {
		t.Errorf("error %v, want %q", err, want)
	}
	wantReason(t, m, want)
}

func TestAnnouncementTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newFakeKernel(ethernetLink(2, "eth0"))
		all := vips("2001:db8::100/64")
		m := newFake(t, Options{}, k, all)
		stop := start(t, m)
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
		stop()
	})
}

// TestInterfaces follows one VIP through the life of its interface.
func TestInterfaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newFakeKernel()
		all := vips("2001:db8::100/64", "198.18.0.100/24")
		m := newFake(t, Options{}, k, all)
		stop := start(t, m)
		settle := func() { time.Sleep(100 * time.Millisecond) }
		announced := func(what string, want bool) {
			t.Helper()
			if got := len(k.takeRequests()) > 0; got != want {
				t.Fatalf("%s: announced %t, want %t", what, got, want)
			}
			k.locked(func() { k.sent = nil })
		}
		must(t, m.Set(all))
		wantReason(t, m, "interface eth0 does not exist")

		l := ethernetLink(7, "eth0")
		l.up, l.running = false, false
		k.change(l)
		settle()
		wantReason(t, m, "interface eth0 is down")
		wantList(t, k)

		l.up = true
		k.change(l)
		settle()
		wantReason(t, m, "interface eth0 has no carrier")
		wantList(t, k, "198.18.0.100/24", "2001:db8::100/64")
		if len(k.sent) != 0 {
			t.Fatal("announced without a carrier")
		}

		l.running = true
		k.change(l)
		settle()
		wantReason(t, m, "")
		announced("carrier", true)
		time.Sleep(6 * time.Second)
		announced("repeats", true)

		l.mac[5]++
		k.change(l)
		settle()
		if got := k.announced("198.18.0.100"); len(got) == 0 || got[0].mac != l.mac {
			t.Fatalf("announced %v, want the new MAC %x", got, l.mac)
		}
		time.Sleep(6 * time.Second)
		announced("MAC", true)

		l.master = 9
		k.change(l)
		settle()
		announced("moved to a bridge", true)
		time.Sleep(6 * time.Second)
		announced("repeats", true)

		l.promotes = true
		k.change(l)
		settle()
		announced("a setting that is nobody else's business", false)

		l.routes = true
		k.change(l)
		time.Sleep(time.Minute)
		if got := k.announced("2001:db8::100"); len(got) == 0 || got[0].kind != "na-router" {
			t.Fatalf("announced %v, want a router", got)
		}

		l.up, l.running = false, false
		k.change(l) // takes the IPv6 address with it, as the kernel does
		settle()
		wantReason(t, m, "interface eth0 is down")
		wantList(t, k, "198.18.0.100/24")
		l.up, l.running = true, true
		k.change(l)
		settle()
		wantList(t, k, "198.18.0.100/24", "2001:db8::100/64")

		k.change(link{index: 7})
		settle()
		wantReason(t, m, "interface eth0 does not exist")
		k.takeRequests()
		k.change(ethernetLink(8, "eth0"))
		settle()
		wantList(t, k, "198.18.0.100/24", "2001:db8::100/64")
		announced("another interface of that name", true)
		for _, s := range m.Status() {
			if !s.Held || s.Readded != 0 {
				t.Errorf("status is %+v, want held, and never removed by somebody else", s)
			}
		}
		stop()
	})
}

// TestRenamedInterface: a VIP does not stay behind on an interface that is no
// longer the one it was configured for.
func TestRenamedInterface(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newFakeKernel(ethernetLink(2, "eth0"))
		all := vips("198.18.0.100/24")
		m := newFake(t, Options{}, k, all)
		stop := start(t, m)
		must(t, m.Set(all))
		k.change(ethernetLink(2, "lan0"))
		time.Sleep(100 * time.Millisecond)
		wantList(t, k)
		wantReason(t, m, "interface eth0 does not exist")
		stop()
	})
}

// TestOverrun: after lost notifications all is read anew.
func TestOverrun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newFakeKernel(ethernetLink(2, "eth0"))
		all := vips("198.18.0.100/24", "2001:db8::100/64")
		m := newFake(t, Options{}, k, all)
		must(t, m.Set(all))
		stop := start(t, m)
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
		stop()
	})
}

func TestAnnouncementErrorsAreCounted(t *testing.T) {
	k := newFakeKernel(ethernetLink(2, "eth0"))
	all := vips("198.18.0.100/24")
	m := newFake(t, Options{}, k, all)
	k.refuse = func(kind int, _ address) error {
		if kind == 0 {
			return unix.ENOBUFS
		}
		return nil
	}
	must(t, m.Set(all))
	if got := m.Stats(); got.Announced != 0 || got.AnnounceErrors != 2 {
		t.Errorf("stats are %+v, want 2 errors", got)
	}
	if !m.Status()[0].Held {
		t.Error("not held")
	}
}

func TestPrimaryLeavesTheNodesAddress(t *testing.T) {
	for _, deaf := range []bool{false, true} {
		t.Run(fmt.Sprintf("deaf %t", deaf), func(t *testing.T) {
			k := newFakeKernel(ethernetLink(2, "eth0"))
			all := vips("198.18.0.100/24")
			m := newFake(t, Options{}, k, all)
			must(t, m.Set(all))
			own := address{
				index: 2, prefix: netip.MustParsePrefix("198.18.0.1/24"), label: "eth0:own", metric: 77,
				broadcast: netip.MustParseAddr("198.18.0.255"), proto: 16, valid: 500, preferred: 400,
			}
			must(t, k.add(own, false))
			k.refuse = func(kind int, _ address) error {
				if deaf && kind == unix.RTM_SETLINK {
					return unix.EPERM
				}
				return nil
			}
			must(t, m.Set(nil))
			if len(k.addresses) != 1 || k.addresses[0] != own {
				t.Errorf("the kernel has %+v, want %+v", k.addresses, own)
			}
			if k.promotes(2) {
				t.Error("promote_secondaries stays on")
			}
		})
	}
}

func TestConfigureSweeps(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vips.json")
	must(t, ledger(path).Write(vips("198.18.0.90/24", "198.18.0.100/24")))
	k := newFakeKernel(ethernetLink(2, "eth0"))
	for _, prefix := range []string{"198.18.0.1/24", "198.18.0.90/24", "198.18.0.100/24", "198.18.0.101/24", "198.18.0.7/24"} {
		k.put(2, prefix)
	}
	m := newManager(Options{Ledger: path}, k)
	all := vips("198.18.0.100/24", "198.18.0.101/24")
	must(t, m.Configure(all))
	wantList(t, k, "198.18.0.1/24", "198.18.0.7/24")
	if got, err := ledger(path).Read(); err != nil || !slices.Equal(got, all) {
		t.Errorf("the ledger has %v, %v, want %v", got, err, all)
	}
}

// TestLedgerBeforeKernel: the ledger knows a VIP before it can be added, and
// forgets it only when it has gone.
func TestLedgerBeforeKernel(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vips.json")
	k := newFakeKernel(ethernetLink(2, "eth0"))
	all := vips("198.18.0.100/24", "198.18.0.101/24")
	m := newFake(t, Options{Ledger: path}, k, all[:1])
	must(t, m.Set(all[:1]))
	k.refuse = func(kind int, _ address) error {
		if kind != unix.RTM_DELADDR {
			return nil
		}
		if got, err := ledger(path).Read(); err != nil || !slices.Equal(got, []VIP{all[1], all[0]}) {
			t.Errorf("when the VIP goes the ledger has %v, %v", got, err)
		}
		return unix.EPERM
	}
	if err := m.Configure(all[1:]); !errors.Is(err, unix.EPERM) {
		t.Errorf("error %v, want %v", err, unix.EPERM)
	}
	if got, err := ledger(path).Read(); err != nil || len(got) != 2 {
		t.Errorf("the ledger has %v, %v, want both", got, err)
	}
	k.refuse = nil
	must(t, m.Configure(all[1:]))
	wantList(t, k)
	if got, err := ledger(path).Read(); err != nil || !slices.Equal(got, all[1:]) {
		t.Errorf("the ledger has %v, %v, want %v", got, err, all[1:])
	}
}

func TestReloadTouchesOnlyWhatChanged(t *testing.T) {
	k := newFakeKernel(ethernetLink(2, "eth0"))
	k.put(2, "198.18.0.1/24")
	before := vips("198.18.0.100/24", "198.18.0.101/24", "198.18.0.102/24")
	m := newFake(t, Options{}, k, before)
	must(t, m.Set(before))
	since := m.Status()[1].Since
	k.takeRequests()
	after := vips("198.18.0.101/24", "198.18.0.102/32", "198.18.0.103/24")
	must(t, m.Configure(after))
	wantRequests(t, k,
		"add 198.18.0.102/32 on interface 2", "request 198.18.0.102", "reply 198.18.0.102",
		"del 198.18.0.100/24 on interface 2", "del 198.18.0.102/24 on interface 2")
	must(t, m.Set(after))
	wantRequests(t, k,
		"add 198.18.0.103/24 on interface 2", "request 198.18.0.103", "reply 198.18.0.103")
	if got := m.Status()[0]; got.VIP != after[0] || !got.Held || !got.Since.Equal(since) {
		t.Errorf("status is %+v, want held since %v", got, since)
	}
}

func TestConfigureRefuses(t *testing.T) {
	tests := []struct {
		name string
		vips []VIP
		want string
	}{
		{"no address", []VIP{{Interface: "eth0"}}, "VIP invalid Prefix eth0: not an address with a prefix length"},
		{"mapped", vips("::ffff:198.18.0.1/120"), "VIP ::ffff:198.18.0.1/120 eth0: not an address with a prefix length"},
		{"any", vips("0.0.0.0/0"), "VIP 0.0.0.0/0 eth0: not an address of one host on a network"},
		{"multicast", vips("ff02::1/128"), "VIP ff02::1/128 eth0: not an address of one host on a network"},
		{"loopback", vips("127.0.0.1/8"), "VIP 127.0.0.1/8 eth0: not an address of one host on a network"},
		{"no interface", []VIP{{Address: netip.MustParsePrefix("198.18.0.1/24")}}, `VIP 198.18.0.1/24 : "" names no interface`},
		{"long name", []VIP{{netip.MustParsePrefix("198.18.0.1/24"), "sixteen-letters-"}}, `VIP 198.18.0.1/24 sixteen-letters-: "sixteen-letters-" names no interface`},
		{
			"twice", vips("198.18.0.1/24", "198.18.0.1/32"),
			"VIP 198.18.0.1/32 eth0: same address and interface as 198.18.0.1/24 eth0",
		},
		{
			"all mistakes", vips("0.0.0.0/0", "127.0.0.1/8"),
			"VIP 0.0.0.0/0 eth0: not an address of one host on a network\nVIP 127.0.0.1/8 eth0: not an address of one host on a network",
		},
	}
	for _, test := range tests {
		m := newManager(Options{}, newFakeKernel())
		if err := m.Configure(test.vips); err == nil || err.Error() != "vip: "+test.want {
			t.Errorf("%s: error %v, want %q", test.name, err, test.want)
		}
	}
}

func TestCorruptLedger(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vips.json")
	must(t, os.WriteFile(path, []byte("not a ledger"), 0o600))
	k := newFakeKernel(ethernetLink(2, "eth0"))
	k.put(2, "198.18.0.100/24")
	var log strings.Builder
	m := newManager(Options{Ledger: path, Log: slog.New(slog.NewTextHandler(&log, nil))}, k)
	all := vips("198.18.0.100/24")
	must(t, m.Configure(all))
	wantList(t, k)
	if b, err := os.ReadFile(path + ".corrupt"); err != nil || string(b) != "not a ledger" {
		t.Errorf("set aside: %q, %v", b, err)
	}
	if got, err := ledger(path).Read(); err != nil || !slices.Equal(got, all) {
		t.Errorf("the new ledger has %v, %v, want %v", got, err, all)
	}
	if !strings.Contains(log.String(), "ledger set aside") || !strings.Contains(log.String(), path+".corrupt") {
		t.Errorf("the log says %q", log.String())
	}
}

// TestUnwritableLedger: at start the sweep happens all the same; at reload
// nothing changes.
func TestUnwritableLedger(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "later")
	path := filepath.Join(folder, "vips.json")
	k := newFakeKernel(ethernetLink(2, "eth0"))
	k.put(2, "198.18.0.100/24")
	m := newManager(Options{Ledger: path}, k)
	all := vips("198.18.0.100/24", "198.18.0.101/24")
	if err := m.Configure(all[:1]); err == nil || !strings.Contains(err.Error(), path) {
		t.Fatalf("error %v, want one that names %s", err, path)
	}
	wantList(t, k)
	if err := m.Set(all[:1]); err == nil {
		t.Fatal("a configuration that failed is in force")
	}
	must(t, os.Mkdir(folder, 0o700))
	must(t, m.Configure(all[:1]))
	must(t, m.Set(all[:1]))
	must(t, os.RemoveAll(folder))
	if err := m.Configure(all[1:]); err == nil || !strings.Contains(err.Error(), path) {
		t.Fatalf("error %v, want one that names %s", err, path)
	}
	wantList(t, k, "198.18.0.100/24")
	if got := m.Status(); len(got) != 1 || got[0].VIP != all[0] || !got[0].Held {
		t.Errorf("status is %+v, want the old configuration", got)
	}
	must(t, m.Configure(all[:1])) // unchanged, so that there is nothing to write
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
		k := newFakeKernel(ethernetLink(2, "eth0"))
		all := vips("198.18.0.100/24")
		m := newFake(t, Options{}, k, all)
		log := stuck{slog.NewTextHandler(os.Stderr, nil), make(chan struct{})}
		m.journal.log = slog.New(log)
		stop := start(t, m)
		must(t, m.Set(all))
		must(t, k.byHand(2, "198.18.0.100/24"))
		time.Sleep(time.Second) // Run is stuck now
		must(t, m.Set(all))
		must(t, m.Set(nil))
		wantList(t, k)
		close(log.blocked)
		stop()
	})
}

func TestRunOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newFake(t, Options{}, newFakeKernel(), nil)
		stop := start(t, m)
		if err := m.Run(t.Context()); err == nil {
			t.Error("a second Run began")
		}
		stop()
		must(t, m.Close())
	})
}

func TestOptionsRefused(t *testing.T) {
	for _, lifetime := range []time.Duration{-time.Second, 1500 * time.Millisecond, 100 * 365 * 24 * time.Hour} {
		if _, err := New(Options{Lifetime: lifetime}); err == nil {
			t.Errorf("a lifetime of %v was accepted", lifetime)
		}
	}
}

// TestTogether lets everything happen at once; the race detector watches.
func TestTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newFakeKernel(ethernetLink(2, "eth0"))
		all := many(40)
		m := newFake(t, Options{Lifetime: time.Second}, k, all)
		stop := start(t, m)
		k.locked(func() { k.latency = 100 * time.Microsecond })
		var workers sync.WaitGroup
		for i := range 3 {
			workers.Go(func() {
				for round := range 50 {
					if err := m.Set(all[:(7*round+13*i)%20]); err != nil && !errors.Is(err, ErrSuperseded) {
						t.Errorf("Set: %v", err)
					}
					time.Sleep(time.Duration(1+i) * time.Millisecond)
				}
			})
		}
		workers.Go(func() {
			for round := range 50 {
				must(t, m.Configure(all[:20+round%20]))
				_, _ = m.Status(), m.Stats()
				time.Sleep(time.Millisecond)
			}
		})
		workers.Go(func() {
			for round := range 200 {
				_ = k.byHand(2, all[round%40].Address.String())
				l := ethernetLink(2, "eth0")
				l.mac[4] = byte(round)
				k.change(l)
				time.Sleep(time.Millisecond)
			}
		})
		workers.Wait()
		must(t, m.Set(nil))
		wantList(t, k)
		time.Sleep(time.Minute)
		wantList(t, k)
		stop()
	})
}
