package e2e

import (
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// What the fences promise holds where routers lead the traffic: on a planned move they have
// a way at each moment, with every fence. An owner that is killed or frozen has a successor
// that they go by alone, even with none. Only with lifetime it waits until the addresses of
// the old owner have gone, and the routers are without a way meanwhile.
func TestBGPFences(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ waits time.Duration }{
		"nftables": {},
		"lifetime": {waits: time.Second},
		"off":      {},
	}
	for kind, tt := range tests {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			r := startRouted(t, fence(kind))
			if kind == "lifetime" {
				r.neverTwoOwners()
			}
			r.fencedBy(kind)
			r.moveFenced()
			r.endFenced("SIGKILL", tt.waits, func(n *lab.Node) { r.must(n.Kill()) }, func(n *lab.Node) { r.must(n.Start()) })
			r.endFenced("SIGSTOP", tt.waits, r.freeze, r.thaw)
		})
	}
}

// fencedBy wants every node to say that it has that fence, and that it holds.
func (r *routed) fencedBy(kind string) {
	r.t.Helper()
	for _, n := range r.Nodes {
		if got := r.seenBy(n, n); got.Fence != kind || got.Unfenced != "" {
			r.t.Errorf("%s has the fence %q (%s), want %q", n.Name, got.Fence, got.Unfenced, kind)
		}
	}
}

// moveFenced does a planned move.
func (r *routed) moveFenced() {
	r.t.Helper()
	p, old := r.ping(), r.settled()
	r.settle(old)
	now := time.Now()
	r.handOver(old, askedFor, func() { r.perch(old, "transfer") })
	r.tell("transfer", now)
	r.neverBroken(now)
	r.neverShared(now)
	p.outageAtMost(brief)
}

// endFenced ends an owner that cannot let go, and brings it back. The successor waits for at
// least so long; one that does not wait is there before the old route goes, unless the
// machine is busy.
func (r *routed) endFenced(how string, waits time.Duration, end, mend func(*lab.Node)) {
	r.t.Helper()
	old := r.settled()
	r.settle(old)
	now := time.Now()
	end(old)
	next := r.movedFrom(old)
	r.tell(how, now)
	r.neverShared(now)
	for _, p := range r.prefixes() {
		passage := r.routes.Since(p, now)
		begin, ok := passage.Begin(next.Host)
		took := begin.Sub(now)
		switch {
		case !ok:
			r.t.Errorf("%s: the router has no way to %s by %s", how, p, next.Name)
		case took < waits:
			r.t.Errorf("%s: the router went by %s after %s already, want the old addresses to go first: %s", how, next.Name, took, passage)
		case waits == 0 && took < leastLifetime && passage.Broken():
			r.t.Errorf("%s: the router had no way to %s before it went by %s: %s", how, p, next.Name, passage)
		}
	}
	now = time.Now()
	mend(old)
	r.ready(old.Host)
	r.stillOwnedBy(next)
	r.announcedBy(next)
	r.neverBroken(now)
	r.neverShared(now)
}

// leastLifetime is for how long at least the addresses of an owner that has just ended stay.
const leastLifetime = time.Second
