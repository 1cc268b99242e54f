package vip

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

func TestBatchSize(t *testing.T) {
	var size batchSize
	if size.Most() != 1 {
		t.Fatalf("the first batch has %d, want 1", size.Most())
	}
	for _, step := range []struct {
		n    int
		took time.Duration
		want int
	}{
		{1, 0, 2},
		{2, 10 * time.Microsecond, 4},
		{4, 20 * time.Microsecond, 8},
		{8, 40 * time.Microsecond, 16},
		{16, 80 * time.Microsecond, 32},
		{32, 160 * time.Microsecond, 32}, // no more than batchMost
		{3, 15 * time.Microsecond, 32},   // there were no more
		{6, 600 * time.Microsecond, 4},   // 100 us each
		{4, 20 * time.Millisecond, 1},    // no less than one
		{1, 5 * time.Millisecond, 1},
	} {
		size.Took(step.n, step.took)
		if size.Most() != step.want {
			t.Errorf("after %d in %v the next has %d, want %d", step.n, step.took, size.Most(), step.want)
		}
	}
}

// TestBatching: one batch is of one kind, and only what may go together does.
func TestBatching(t *testing.T) {
	add4 := action{op: opAdd, address: address{prefix: vips("198.18.0.100/24")[0].Address}}
	add6 := action{op: opAdd, address: address{prefix: vips("2001:db8::100/64")[0].Address}}
	drop4 := action{op: opRemove, address: add4.address}
	keep, adopt := action{op: opKeep}, action{op: opAdopt, address: add4.address}
	repeat := func(a action, n int) []action { return slices.Repeat([]action{a}, n) }
	actions := slices.Concat(repeat(add4, 4), repeat(add6, 4), repeat(adopt, 2), repeat(keep, 2), repeat(drop4, 9), repeat(add4, 1))
	var b batching
	var got []int
	for len(actions) > 0 {
		n := b.Of(actions)
		got = append(got, n)
		b.size.Took(n, 0)
		actions = actions[n:]
	}
	if want := []int{1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 2, 4, 2, 1}; !slices.Equal(got, want) {
		t.Errorf("batches of %v, want %v", got, want)
	}
}

// TestCallsForManyAddresses: what is done for thousands of addresses is done together.
func TestCallsForManyAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 5000
		all := many(n)
		m, k := fakeWith(t, Options{Lifetime: 20 * time.Second}, all)
		took := func() calls {
			c := k.calls
			k.calls = calls{}
			return c
		}
		const batches = n/batchMost + 10
		must(t, m.Set(all))
		if c := took(); c.delivered > batches || c.answered > batches || c.sent > batches {
			t.Errorf("taking %d addresses took %+v, want at most %d of each", n, c, batches)
		}
		start(t, m)
		time.Sleep(4 * time.Second)
		const beats = n / perBeat * 5 // a beat has 20 VIPs, in batches of 1, 2, 4, 8 and the rest
		if c := took(); c.delivered > beats || c.answered > beats || c.sent > 5*beats {
			t.Errorf("refreshing and repeating %d addresses took %+v, want at most %d, and five times that", n, c, beats)
		}
		must(t, m.Set(nil))
		if c := took(); c.delivered > batches || c.answered > batches || c.sent > 0 {
			t.Errorf("releasing %d addresses took %+v, want at most %d", n, c, batches)
		}
	})
}

// TestErrorInBatch: an error is that of its address; the others of the batch are there.
func TestErrorInBatch(t *testing.T) {
	all := many(100)
	m, k := fakeWith(t, Options{}, all)
	bad := all[60].Address
	k.refuse = func(kind int, a address) error {
		if a.prefix == bad {
			return unix.EPERM
		}
		return nil
	}
	want := "add " + bad.String() + " on eth0: operation not permitted"
	if err := m.Set(all); err == nil || err.Error() != want {
		t.Errorf("Set: %v, want %s", err, want)
	}
	if got := m.Held(all); got != 99 {
		t.Errorf("%d are held, want 99", got)
	}
	for _, s := range m.Status() {
		if s.Held != (s.VIP.Address != bad) {
			t.Errorf("%+v", s)
		}
	}
	k.refuse = nil
	must(t, m.Set(all))
	k.refuse = func(kind int, a address) error {
		if kind == unix.RTM_DELADDR && a.prefix == bad {
			return unix.EPERM
		}
		return nil
	}
	if err := m.Set(nil); err == nil || !strings.HasPrefix(err.Error(), "remove "+bad.String()) {
		t.Errorf("Set(nil): %v, want that %s is not removed", err, bad)
	}
	if got := m.Held(all); got != 1 {
		t.Errorf("%d are held, want the one", got)
	}
}

// TestPutThereInBatch: addresses that somebody has put there since the look are taken over
// one by one.
func TestPutThereInBatch(t *testing.T) {
	all := many(40)
	m, k := fakeWith(t, Options{}, all)
	k.refuse = func(kind int, a address) error {
		if kind == unix.RTM_NEWADDR && k.find(a.place()) < 0 && a.prefix == all[20].Address {
			k.addresses = append(k.addresses, address{index: 2, prefix: a.prefix, valid: forever, preferred: forever})
		}
		return nil
	}
	must(t, m.Set(all))
	if requests := k.takeRequests(); !slices.Contains(requests, "replace "+all[20].Address.String()+" on interface 2") {
		t.Errorf("requests are %q, want a replacement", requests)
	}
	if got := m.Held(all); got != 40 {
		t.Errorf("%d are held, want 40", got)
	}
}

// TestReleaseWaitsForOneBatch: a take-over that is cut short adds no more than what
// fits into batchTime.
func TestReleaseWaitsForOneBatch(t *testing.T) {
	for _, each := range []time.Duration{20 * time.Microsecond, 50 * time.Microsecond, 5 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			m, k := fakeWith(t, Options{}, many(2000))
			k.latency = each
			taken := make(chan error, 1)
			go func() { taken <- m.Set(m.configured) }()
			time.Sleep(700*each + each/3)
			adds := func() int {
				n := 0
				for _, r := range k.takeRequests() {
					if strings.HasPrefix(r, "add ") {
						n++
					}
				}
				return n
			}
			if adds() == 0 {
				t.Fatal("nothing was added")
			}
			must(t, m.Set(nil))
			if got, most := adds(), max(1, int(batchTime/each)); got > most {
				t.Errorf("with %v for each, %d were added after the release was demanded, want at most %d", each, got, most)
			}
			if err := <-taken; !errors.Is(err, ErrSuperseded) {
				t.Errorf("Set: %v, want %v", err, ErrSuperseded)
			}
		})
	}
}

// TestPaceIsKeptWhileTaking: who waits for its turn to be announced does not wait for the
// end of the take-over.
func TestPaceIsKeptWhileTaking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := many(100)
		rate := func(VIP) Pace { return Pace{LinkRate: 1000} } // 2 ms for an address
		m, k := fakeWith(t, Options{Schedule: rate}, all)
		k.latency = 500 * time.Microsecond
		begin := time.Now()
		must(t, m.Set(all))
		took := time.Since(begin)
		sent := m.Stats().Announced
		if most := uint64(took.Seconds()*1000) + 4; sent < most*8/10 || sent > most {
			t.Errorf("%d frames were sent in %v, want about 1,000 a second", sent, took)
		}
		start(t, m)
		time.Sleep(200*time.Millisecond - took)
		for _, v := range all {
			if len(k.announced(v.Address.Addr().String())) == 0 {
				t.Errorf("%s is not announced yet", v)
			}
		}
	})
}
