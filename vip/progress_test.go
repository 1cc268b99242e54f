package vip

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestStalled: many slow addresses are progress, one that does not end is none.
func TestStalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n, each = 50, 100 * time.Millisecond
		all := many(n)
		m, k := fakeWith(t, Options{}, all)
		start(t, m)
		if got := m.Stalled(); got != 0 {
			t.Errorf("idle: stalled for %v", got)
		}
		k.locked(func() { k.latency = each })
		done := make(chan error)
		go func() { done <- m.Set(all) }()
		time.Sleep(n * each / 2)
		if got := m.Stalled(); got > 2*each {
			t.Errorf("in the middle of %d addresses: stalled for %v", n, got)
		}
		must(t, <-done)
		k.locked(func() { k.latency = time.Hour })
		go func() { done <- m.Set(nil) }()
		time.Sleep(time.Minute)
		if got := m.Stalled(); got != time.Minute {
			t.Errorf("at an address that does not end: stalled for %v", got)
		}
		must(t, <-done)
	})
}
