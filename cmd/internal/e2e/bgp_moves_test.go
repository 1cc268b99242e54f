package e2e

import (
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// On a planned move the router goes from the old owner to the new one, and has a way at
// each moment.
func TestBGPPlannedMoves(t *testing.T) {
	t.Parallel()
	moves := map[string]struct {
		reason string
		move   func(*routed, *lab.Node)
		mend   func(*routed, *lab.Node)
	}{
		"transfer": {
			askedFor,
			func(r *routed, n *lab.Node) { r.perch(n, "transfer") },
			func(*routed, *lab.Node) {},
		},
		"drain": {
			wasDrained,
			func(r *routed, n *lab.Node) { r.perch(n, "drain", n.Name) },
			func(r *routed, n *lab.Node) { r.perch(n, "undrain", n.Name) },
		},
		"stop": {
			wasStopped,
			func(r *routed, n *lab.Node) { r.terminate(n) },
			func(r *routed, n *lab.Node) { r.must(n.Start()) },
		},
	}
	for name, tt := range moves {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := startRouted(t, steadily)
			p := r.ping()
			old := r.settled()
			r.settle(old)
			now := time.Now()
			next := r.handOver(old, tt.reason, func() { tt.move(r, old) })
			r.tell(name, now)
			r.neverBroken(now)
			r.neverShared(now)
			p.outageAtMost(brief)
			tt.mend(r, old)
			r.settled() // what has just started writes its files
			r.routedTo(next)
		})
	}
}

// An owner that is dead or stands still leaves its route to its kernel, which lets it go
// with the address. The router takes the new owner's at once.
func TestBGPOwnerGone(t *testing.T) {
	t.Parallel()
	ends := map[string]struct {
		end  func(*routed, *lab.Node)
		mend func(*routed, *lab.Node)
	}{
		"SIGKILL": {
			func(r *routed, n *lab.Node) { r.must(n.Kill()) },
			func(r *routed, n *lab.Node) { r.must(n.Start()) },
		},
		"SIGSTOP": {
			func(r *routed, n *lab.Node) { r.freeze(n) },
			func(r *routed, n *lab.Node) { r.thaw(n) },
		},
		"link cut": {
			func(r *routed, n *lab.Node) { r.must(n.Host.Eth0.Cut()) },
			func(r *routed, n *lab.Node) { r.must(n.Host.Eth0.Splice()) },
		},
		"link cut at the router": {
			func(r *routed, n *lab.Node) { r.must(r.fabric.Uplink(n.Host).Cut()) },
			func(r *routed, n *lab.Node) { r.must(r.fabric.Uplink(n.Host).Splice()) },
		},
	}
	for name, tt := range ends {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := startRouted(t)
			old := r.settled()
			r.settle(old)
			p := r.ping()
			now := time.Now()
			tt.end(r, old)
			next := r.movedFrom(old)
			r.tell(name, now)
			r.neverShared(now)
			p.outageAtMost(brief)

			now = time.Now()
			tt.mend(r, old)
			r.ready(old.Host)
			r.stillOwnedBy(next)
			r.announcedBy(next)
			r.neverBroken(now)
			r.neverShared(now)
			p.outageAtMost(brief)
		})
	}
}

// An owner that ends just after it has taken over leaves routes that are as fresh as the next
// one's, and of an earlier term: routers go by the next one alone.
func TestBGPNewOwnerGone(t *testing.T) {
	t.Parallel()
	const sameAS = "SIGSTOP, all in one AS"
	ends := map[string]func(*routed, *lab.Node){
		"SIGKILL":  func(r *routed, n *lab.Node) { r.must(n.Kill()) },
		"SIGSTOP":  func(r *routed, n *lab.Node) { r.freeze(n) },
		"link cut": func(r *routed, n *lab.Node) { r.must(n.Host.Eth0.Cut()) },
		sameAS:     func(r *routed, n *lab.Node) { r.freeze(n) },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := prepareRouted(t)
			if name == sameAS {
				r.sameAS()
			}
			r.start()
			p := r.ping()
			old := r.newOwner()
			now := time.Now()
			end(r, old)
			r.movedFrom(old)
			r.tell(name, now)
			r.neverShared(now)
			p.outageAtMost(brief)
		})
	}
}

// newOwner returns an owner whose routes are fresh still, which on a busy machine may take a move.
func (r *routed) newOwner() *lab.Node {
	r.t.Helper()
	for range 3 {
		owner := r.settled()
		if !r.isSettled(owner) {
			return owner
		}
		r.perch(owner, "transfer")
		r.movedFrom(owner)
	}
	r.t.Fatal("the routes of each new owner are settled before they are looked at")
	return nil
}

// A new owner's routes are better than others' at first, and not for good. What others take
// out of bgpd's configuration is put back, as after a reload of FRR that knows only its file.
func TestBGPStatementsAreSeenTo(t *testing.T) {
	t.Parallel()
	r := startRouted(t, steadily)
	owner, now := r.settled(), time.Now()
	if r.isSettled(owner) {
		t.Errorf("the routes of %s, a new owner, make way for others", owner.Name)
	}
	for _, p := range r.prefixes() {
		r.must(r.speaker(owner).NoNetwork(lab.NodeASN, p))
	}
	r.routedTo()
	r.routedTo(owner)
	r.tell("statements removed", now)
	now = time.Now()
	r.eventually("the routes of "+owner.Name+" make way for others", func() bool { return r.isSettled(owner) })
	r.neverBroken(now)
	r.routedTo(owner)
}
