package vip

import (
	"testing"
	"time"
)

// TestKernelBackstop: the kernel drops all of many VIPs whose Manager ends right after it took
// them, when most were never refreshed.
func TestKernelBackstop(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	all := append(many(40), vips("2001:db8::100/64", "2001:db8::101/64")...)
	m := l.manager(Options{Lifetime: time.Second, Fenced: always})
	l.must(m.Configure(all))
	stop := l.run(m)
	l.must(m.Set(all))
	l.eventually("a first refresh", func() bool { return m.Stats().Refreshed > 0 })
	stop()
	if n := m.Stats().Refreshed; n > uint64(len(all))/2 {
		t.Errorf("%d of %d were refreshed at once", n, len(all))
	}
	if n := len(l.addresses()); n != len(all) {
		t.Errorf("there are %d addresses, want %d", n, len(all))
	}
	within(t, 20*time.Second, "gone", func() bool { return len(l.addresses()) == 0 })
}
