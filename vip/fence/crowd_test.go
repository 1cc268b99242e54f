package fence

import (
	"math/bits"
	"net/netip"
	"runtime"
	"testing"
)

// What is under other leases is not looked through for each router: 1,000 of them would take
// seconds at a start.
func TestRouterCostsNothingOfTheOthers(t *testing.T) {
	f, _ := withLeases(t)
	must(t, f.Protect(many(1000)))
	const routers = 100
	addresses := many(1000 + routers)[1000:]
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, address := range addresses {
		must(t, newLease(t, f).Protect(everywhere([]netip.Prefix{address}), nil))
	}
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / routers; each > sieveWords {
		t.Errorf("%d bytes for each router, want less than %d: the sieve has %d", each, sieveWords, 8*sieveWords)
	}
}

// What has gone passes the sieve for a while, but no more than a part of what is there.
func TestSieveIsNarrowedInTime(t *testing.T) {
	f, b := withLeases(t)
	var leases []*Lease
	for i, address := range many(64) {
		l := newLease(t, f)
		must(t, l.Protect(everywhere([]netip.Prefix{address}), []MAC{{virtual4, i + 1}}))
		leases = append(leases, l)
	}
	for i, l := range leases {
		must(t, l.Close())
		left := len(leases) - i - 1
		if passing := b.passing(); passing > left+left/staleShare {
			t.Fatalf("%d hashes pass the sieve, and %d VIPs are left", passing, left)
		}
		if further := b.vips.memory.further.Load() != 0; further != (left > 0) {
			t.Fatalf("further leases: %v, and %d VIPs are left", further, left)
		}
	}
}

// passing counts the hashes that pass the sieve.
func (b *bench) passing() (n int) {
	for i := range b.vips.memory.sieve {
		n += bits.OnesCount64(b.vips.memory.sieve[i].Load())
	}
	return n
}
