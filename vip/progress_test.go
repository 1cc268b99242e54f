package vip

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestProgress: many slow addresses are progress, one that does not end is none.
func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n, each = 50, 100 * time.Millisecond
		all := many(n)
		m, k := fakeWith(t, Options{}, all)
		start(t, m)
		if got := m.Progress(); got%2 != 0 {
			t.Errorf("idle: %d, want an even number", got)
		}
		k.locked(func() { k.latency = each })
		done := make(chan error)
		go func() { done <- m.Set(all) }()
		time.Sleep(n * each / 2)
		before := m.Progress()
		time.Sleep(2 * each)
		if got := m.Progress(); before%2 == 0 || got == before {
			t.Errorf("in the middle of %d addresses: %d and then %d", n, before, got)
		}
		must(t, <-done)
		k.locked(func() { k.latency = time.Hour })
		go func() { done <- m.Set(nil) }()
		time.Sleep(time.Second)
		before = m.Progress()
		time.Sleep(time.Minute)
		if got := m.Progress(); before%2 == 0 || got != before {
			t.Errorf("at an address that does not end: %d and then %d", before, got)
		}
		must(t, <-done)
	})
}
