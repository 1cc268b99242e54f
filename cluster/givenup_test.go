package cluster

import (
	"errors"
	"sync"
	"testing"
	"time"
)

// A target that freezes once the VIPs are released for it is given up within 2 H,
// and the old leader holds again at once, in a new term. When the target goes on it
// finds its call out of date.
func TestTargetFrozenAfterTheRelease(t *testing.T) {
	directed(t, func(t *testing.T, s *simulation, owner *simNode, others []*simNode) {
		target, h := others[0], owner.cfg.Heartbeat
		term := owner.run.Ownership().Term
		var released time.Time
		freeze := sync.OnceFunc(func() {
			released = time.Now()
			s.freeze(target, true)
		})
		owner.released.Store(&freeze)
		_, err := owner.run.Transfer(Move{To: []string{target.cfg.Node}, Reason: "asked for"})
		if !errors.Is(err, ErrGivenUp) || released.IsZero() {
			t.Fatalf("transfer: %v, want ErrGivenUp after a release", err)
		}
		if took := time.Since(released); took > 2*h {
			t.Errorf("given up %s after the release, want at most %s", took, 2*h)
		}
		for s.leader() != owner && time.Since(released) < 10*h {
			time.Sleep(ms)
		}
		s.note("dark for %s", time.Since(released))
		if dark := time.Since(released); dark > 2*h+h/2 {
			t.Errorf("nobody owned for %s, want at most %s", dark, 2*h+h/2)
		}
		again := owner.run.Ownership().Term
		if again <= term {
			t.Errorf("the old leader holds again in term %d, in which it gave way", again)
		}
		s.heal()
		time.Sleep(time.Second)
		if own := owner.run.Ownership(); s.leader() != owner || own.Term != again {
			t.Error("the target deposed the owner when it went on")
		}
	})
}
