package vip

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// TestFightOverAnAddress: somebody removes the VIP as soon as it is there.
func TestFightOverAnAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, k := holding(t, Options{}, vips("198.18.0.100/24"))
		start(t, m)
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
	})
}

// TestBurst: thousands of notifications cost few looks at the kernel.
func TestBurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, k := holding(t, Options{}, vips("198.18.0.100/24"))
		start(t, m)
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
	})
}

// TestStandbyAnswersForNothing: a VIP that somebody puts on a node that must not
// hold it is removed at once.
func TestStandbyAnswersForNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, k := fakeWith(t, Options{}, vips("198.18.0.100/24"))
		start(t, m)
		time.Sleep(time.Second)
		k.put(2, "198.18.0.100/24")
		k.put(2, "198.18.0.7/24")
		time.Sleep(100 * time.Millisecond)
		wantList(t, k, "198.18.0.7/24")
	})
}

func TestPutBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, k := holding(t, Options{}, vips("198.18.0.100/24", "2001:db8::100/64"))
		start(t, m)
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
	})
}

// TestLostStaysAway: while a VIP waits that somebody keeps removing, it is neither
// refreshed nor announced. Another one that waits longer does not hold it up.
func TestLostStaysAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := vips("198.18.0.100/24", "198.18.0.101/24")
		m, k := holding(t, Options{Lifetime: time.Second}, all[:1])
		start(t, m)
		must(t, m.Configure(all))
		k.refuse = func(kind int, a address) error {
			if kind == unix.RTM_NEWADDR && a.prefix == all[1].Address {
				return unix.EPERM
			}
			return nil
		}
		if err := m.Set(all); !errors.Is(err, unix.EPERM) {
			t.Errorf("error %v, want %v", err, unix.EPERM)
		}
		for range fightQuick {
			must(t, k.byHand(2, "198.18.0.100/24"))
			time.Sleep(10 * time.Millisecond)
		}
		wantList(t, k, "198.18.0.100/24")
		for _, wait := range []time.Duration{100 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond} {
			must(t, k.byHand(2, "198.18.0.100/24"))
			synctest.Wait()
			k.takeRequests()
			time.Sleep(wait - 5*time.Millisecond)
			wantRequests(t, k)
			time.Sleep(20 * time.Millisecond)
			wantList(t, k, "198.18.0.100/24")
		}
	})
}

// TestRefusedInChurn: what the kernel refuses is tried about once a second, however
// much else goes on, also where the refusal is no error; and what else is to be
// done does not wait for it.
func TestRefusedInChurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := vips("198.18.0.100/24", "198.18.0.101/24")
		m, k := holding(t, Options{}, all[1:])
		must(t, m.Configure(all))
		tries := 0
		k.refuse = func(kind int, a address) error {
			if kind == unix.RTM_NEWADDR && a.prefix == all[0].Address {
				tries++
				return unix.ENETDOWN
			}
			return nil
		}
		start(t, m)
		must(t, m.Set(all))
		time.Sleep(100 * time.Millisecond)
		must(t, k.byHand(2, "198.18.0.101/24"))
		settle()
		wantList(t, k, "198.18.0.101/24")
		foreign := appendDump(nil, address{index: 2, prefix: netip.MustParsePrefix("198.18.0.7/24")})
		for range 1000 {
			k.notify(unix.RTM_DELADDR, foreign)
			time.Sleep(10 * time.Millisecond)
		}
		k.locked(func() {
			if tries < 9 || tries > 12 {
				t.Errorf("tried %d times in 10 s, want about one a second", tries)
			}
		})
		k.refuses(0, nil)
		time.Sleep(retryAfter + 10*time.Millisecond)
		wantList(t, k, "198.18.0.101/24", "198.18.0.100/24")
	})
}
