package cluster

import (
	"net/netip"
	"testing"
	"time"
)

func TestRepeatsAreLoggedOnceAnIntervalForEachKind(t *testing.T) {
	r := repeats[netip.Addr]{interval: refusalInterval}
	a, b := netip.MustParseAddr("198.18.0.7"), netip.MustParseAddr("2001:db8::7")
	now := time.Now()
	steps := []struct {
		addr       netip.Addr
		after      time.Duration
		suppressed int
		logged     bool
	}{
		{a, 0, 0, true},
		{a, 10 * ms, 0, false},
		{b, 20 * ms, 0, true},
		{a, 999 * ms, 0, false},
		{a, 1000 * ms, 2, true},
		{a, 1001 * ms, 0, false},
	}
	for i, s := range steps {
		suppressed, logged := r.report(s.addr, now.Add(s.after))
		if suppressed != s.suppressed || logged != s.logged {
			t.Errorf("step %d: %d, %t; want %d, %t", i, suppressed, logged, s.suppressed, s.logged)
		}
	}
}

func TestRepeatsStayBounded(t *testing.T) {
	r := repeats[netip.Addr]{interval: refusalInterval}
	now := time.Now()
	addr := netip.MustParseAddr("2001:db8::")
	logged := 0
	for range 10 * maxRepeats {
		addr = addr.Next()
		if _, ok := r.report(addr, now); ok {
			logged++
		}
	}
	if len(r.seen) != maxRepeats || logged != maxRepeats {
		t.Errorf("%d addresses kept and %d logged, want %d", len(r.seen), logged, maxRepeats)
	}
	if _, ok := r.report(addr.Next(), now.Add(refusalInterval)); !ok {
		t.Error("a quiet second later a new address is still not logged")
	}
}
