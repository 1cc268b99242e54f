package vip

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

func TestSetInterleavesAddsAndAnnouncements(t *testing.T) {
	all := vips("198.18.0.100/24", "2001:db8::100/64", "198.18.0.101/24")
	m, k := fakeWith(t, Options{}, all)
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
	m, k := fakeWith(t, Options{}, vips("198.18.0.100/24"))
	err := m.Set(vips("198.18.0.100/24", "198.18.0.101/24"))
	if want := "want 198.18.0.101/24 eth0: not configured"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %q", err, want)
	}
	wantList(t, k)
}

func TestSetTwiceTheSame(t *testing.T) {
	all := vips("198.18.0.100/24")
	m, k := fakeWith(t, Options{}, all)
	must(t, m.Set(append(all, all...)))
	wantRequests(t, k, "add 198.18.0.100/24 on interface 2", "request 198.18.0.100", "reply 198.18.0.100")
}

// TestPutThereMeanwhile: somebody adds the VIP between the look and the add.
func TestPutThereMeanwhile(t *testing.T) {
	all := vips("198.18.0.100/24")
	m, k := fakeWith(t, Options{Lifetime: 30 * time.Second}, all)
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
	all := vips("198.18.0.100/24")
	m, k := holding(t, Options{}, all)
	must(t, k.byHand(2, "198.18.0.100/24"))
	must(t, m.Set(nil))
	must(t, m.Set(all))
	if got := m.Status()[0]; !got.Held || got.Readded != 0 {
		t.Errorf("status is %+v, want held and none readded", got)
	}
}

func TestSetTellsErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := vips("198.18.0.100/24", "198.18.0.101/24")
		m, k := fakeWith(t, Options{}, all)
		start(t, m)
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
		k.refuses(0, nil)
		time.Sleep(retryAfter + 10*time.Millisecond)
		wantList(t, k, "198.18.0.101/24", "198.18.0.100/24")
		wantReason(t, m, "")
		if got := m.Status()[0]; !got.Held || got.Readded != 0 {
			t.Errorf("status is %+v, want held and never readded", got)
		}
	})
}

// TestRestoreAsksToo: a VIP that went along with another is not put back by a
// node that may no longer hold it, and nobody else is blamed for that.
func TestRestoreAsksToo(t *testing.T) {
	var ended atomic.Bool
	all := vips("198.18.0.100/24", "198.18.0.101/24")
	m, k := holding(t, Options{Allowed: func(VIP) bool { return !ended.Load() }}, all)
	k.refuse = func(kind int, _ address) error {
		switch kind {
		case unix.RTM_SETLINK:
			return unix.EPERM
		case unix.RTM_DELADDR:
			ended.Store(true)
		}
		return nil
	}
	if err := m.Set(all[1:]); !errors.Is(err, ErrNotAllowed) {
		t.Errorf("error %v, want %v", err, ErrNotAllowed)
	}
	wantList(t, k)
	ended.Store(false)
	must(t, m.Set(all[1:]))
	if got := m.Status()[1]; !got.Held || got.Readded != 0 {
		t.Errorf("status is %+v, want held and none readded", got)
	}
}

// TestNotAllowedAmongErrors: who may not hold the VIPs is told so, however much
// else went wrong.
func TestNotAllowedAmongErrors(t *testing.T) {
	all := many(2 * errorsShown)
	asked := 0
	m, k := fakeWith(t, Options{Allowed: func(VIP) bool { asked++; return asked < len(all) }}, all)
	k.refuses(unix.RTM_NEWADDR, unix.EPERM)
	if err := m.Set(all); !errors.Is(err, ErrNotAllowed) || !errors.Is(err, unix.EPERM) {
		t.Errorf("error %v, want %v and %v", err, unix.EPERM, ErrNotAllowed)
	}
}

func TestManyErrorsAreSummedUp(t *testing.T) {
	all := many(100)
	m, k := fakeWith(t, Options{}, all)
	k.refuses(unix.RTM_NEWADDR, unix.EPERM)
	err := m.Set(all)
	if lines := strings.Split(fmt.Sprint(err), "\n"); len(lines) != errorsShown+1 || lines[errorsShown] != "and 92 more" {
		t.Errorf("error is %q, want %d lines and a sum", lines, errorsShown)
	}
}

func TestAdopts(t *testing.T) {
	all := vips("198.18.0.100/24", "2001:db8::100/64")
	m, k := fakeWith(t, Options{Lifetime: 30 * time.Second}, all)
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

// TestSetDoesNotWaitForAFight: who gets the VIPs gets them at once.
func TestSetDoesNotWaitForAFight(t *testing.T) {
	all := vips("198.18.0.100/24")
	m, k := fakeWith(t, Options{}, all)
	for range 20 {
		must(t, m.Set(all))
		must(t, k.byHand(2, "198.18.0.100/24"))
	}
	must(t, m.Set(all))
	wantList(t, k, "198.18.0.100/24")
}

// TestLookTellsTheInterface: what cannot be looked up is named.
func TestLookTellsTheInterface(t *testing.T) {
	all := vips("198.18.0.100/24")
	m, k := fakeWith(t, Options{}, all)
	k.refuses(unix.RTM_GETLINK, unix.ENOMEM)
	const want = "look up interface eth0: cannot allocate memory"
	if err := m.Set(all); err == nil || err.Error() != want {
		t.Errorf("error %v, want %q", err, want)
	}
}

// TestLooksOnce: a list that is whole is not read again.
func TestLooksOnce(t *testing.T) {
	m, k := fakeWith(t, Options{}, vips("198.18.0.100/24"))
	lists := 0
	k.refuse = func(kind int, _ address) error {
		if kind == unix.RTM_GETADDR {
			lists++
		}
		return nil
	}
	must(t, m.Set(nil))
	if lists != 1 {
		t.Errorf("%d lists, want 1", lists)
	}
}

// TestRestoresOthers: what is no VIP is put back by whoever removes a VIP, and a
// VIP that the kernel kept needs no leave to stay.
func TestRestoresOthers(t *testing.T) {
	for name, deaf := range map[string]error{"promotes": nil, "deaf": unix.EPERM} {
		t.Run(name, func(t *testing.T) {
			var ended atomic.Bool
			all := vips("198.18.0.100/24", "198.18.0.101/24")
			m, k := fakeWith(t, Options{Allowed: func(VIP) bool { return !ended.Load() }}, all)
			must(t, m.Set(all[:1]))
			if deaf == nil {
				must(t, m.Set(all))
			} else {
				k.put(2, "198.18.0.1/24")
			}
			k.refuse = func(kind int, _ address) error {
				ended.Store(ended.Load() || kind == unix.RTM_DELADDR)
				if kind == unix.RTM_SETLINK {
					return deaf
				}
				return nil
			}
			if deaf == nil {
				must(t, m.Set(all[1:]))
				wantList(t, k, "198.18.0.101/24")
			} else {
				must(t, m.Set(nil))
				wantList(t, k, "198.18.0.1/24")
			}
		})
	}
}

// TestAccessHint: only for IPv6 does a refusal of access mean that it is disabled.
func TestAccessHint(t *testing.T) {
	for prefix, err := range map[string]error{"198.18.0.100/24": unix.EACCES, "2001:db8::100/64": unix.EPERM} {
		all := vips(prefix)
		m, k := fakeWith(t, Options{}, all)
		k.refuses(unix.RTM_NEWADDR, err)
		if got := m.Set(all); !errors.Is(got, err) || strings.Contains(got.Error(), "disabled") {
			t.Errorf("%s: error %v, want %v without a hint", prefix, got, err)
		}
	}
}

func TestIPv6Disabled(t *testing.T) {
	all := vips("2001:db8::100/64")
	m, k := fakeWith(t, Options{}, all)
	k.refuses(unix.RTM_NEWADDR, unix.EACCES)
	const want = "add 2001:db8::100/64 on eth0: IPv6 is disabled there: permission denied"
	if err := m.Set(all); err == nil || err.Error() != want {
		t.Errorf("error %v, want %q", err, want)
	}
	wantReason(t, m, want)
}

func TestAnnouncementErrorsAreCounted(t *testing.T) {
	all := vips("198.18.0.100/24")
	m, k := fakeWith(t, Options{}, all)
	k.refuses(0, unix.ENOBUFS)
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
			m, k := holding(t, Options{}, vips("198.18.0.100/24"))
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
		all := many(40)
		m, k := fakeWith(t, Options{Lifetime: time.Second}, all)
		start(t, m)
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
	})
}
