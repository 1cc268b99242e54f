package vip

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestRateOfAnInterface: two ranges and addresses of one interface keep to its rate together,
// and all of them are announced.
func TestRateOfAnInterface(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const rate, slice = 1000, 50 * time.Millisecond
		all := append(many(100), testRange("198.20.0.0/25"), testRange("198.20.1.0/25"))
		pace := func(v VIP) Pace {
			p := Pace{LinkRate: rate, Repeat: 1, Refresh: time.Hour}
			if v.Kind == Range {
				p.Rate, p.LinkRate = rate, 0
			}
			return p
		}
		m, _ := fakeWith(t, Options{Schedule: pace}, all)
		start(t, m)
		must(t, m.Set(all))
		last := uint64(0)
		for range 40 {
			time.Sleep(slice)
			synctest.Wait()
			now := m.Stats().Announced
			if n := now - last; n > rate/20+6 {
				t.Errorf("%d frames in %v, want %d", n, slice, rate/20)
			}
			last = now
		}
		if want := uint64(2*100 + 2*2*128); last != want {
			t.Errorf("%d frames in all, want %d", last, want)
		}
	})
}
