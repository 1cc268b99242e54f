package cluster

import (
	"testing"
	"time"
)

// lingers makes the addresses of a node linger from its next run on.
func (n *simNode) lingers(linger time.Duration) {
	n.kill()
	n.cfg.Linger = linger
	n.boot()
}

// firstLease returns when one of the nodes first may own, from now on.
func firstLease(nodes []*simNode) time.Duration {
	for begin := time.Now(); time.Since(begin) < time.Minute; time.Sleep(ms) {
		for _, n := range nodes {
			if n.run.Ownership().Until > 0 {
				return time.Since(begin)
			}
		}
	}
	return time.Minute
}

// A node that took over from one whose addresses linger waits until they are gone;
// one that was called by it does not.
func TestSuccessorWaitsForWhatLingers(t *testing.T) {
	const linger = 3 * time.Second
	tests := []struct {
		name    string
		lingers func(owner *simNode, others []*simNode) *simNode
		move    func(s *simulation, owner *simNode, others []*simNode)
		waits   bool
	}{
		{"a killed owner", theOwner, func(_ *simulation, owner *simNode, _ []*simNode) { owner.kill() }, true},
		{"a frozen owner", theOwner, func(s *simulation, owner *simNode, _ []*simNode) { s.freeze(owner, true) }, true},
		{"an owner that hands over", theOwner, func(_ *simulation, owner *simNode, others []*simNode) {
			owner.run.Transfer(Move{To: []string{others[0].cfg.Node}, Reason: "asked for"})
		}, false},
		{
			"the successor itself", func(_ *simNode, others []*simNode) *simNode { return others[0] },
			func(_ *simulation, owner *simNode, others []*simNode) {
				others[1].kill()
				owner.kill()
				others[1].boot()
			}, false,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			directed(t, func(t *testing.T, s *simulation, owner *simNode, others []*simNode) {
				tt.lingers(owner, others).lingers(linger)
				time.Sleep(time.Second)
				s.handTo(owner)
				tt.move(s, owner, others)
				took := firstLease(others)
				if waited := took >= linger; waited != tt.waits {
					t.Errorf("owned %s after the move, with addresses that linger for %s", took, linger)
				}
			})
		})
	}
}

func theOwner(owner *simNode, _ []*simNode) *simNode { return owner }

// handTo makes a node the owner.
func (s *simulation) handTo(n *simNode) {
	for range 100 {
		owner := s.leader()
		if owner == n {
			return
		}
		if owner != nil {
			_, err := owner.run.Transfer(Move{To: []string{n.cfg.Node}, Reason: "asked for"})
			s.note("hand to %s: %v", n.cfg.Node, err)
		}
		time.Sleep(200 * ms)
	}
	s.t.Fatalf("%s does not become the owner", n.cfg.Node)
}

// A leader that has not waited itself cannot say that nothing lingers.
func TestWhoHasNotWaitedClearsNobody(t *testing.T) {
	const linger = 3 * time.Second
	directed(t, func(t *testing.T, s *simulation, owner *simNode, others []*simNode) {
		owner.lingers(linger)
		time.Sleep(time.Second)
		s.handTo(owner)
		owner.kill()
		begin := time.Now()
		var next *simNode
		for next == nil && time.Since(begin) < time.Second {
			time.Sleep(10 * ms)
			for _, n := range others {
				if n.run.View().Role == Leader {
					next = n
				}
			}
		}
		if next == nil {
			t.Fatal("no successor is elected")
		}
		third := others[0]
		if next == third {
			third = others[1]
		}
		if _, err := next.run.Transfer(Move{To: []string{third.cfg.Node}, Reason: "is a witness"}); err != nil {
			t.Fatal(err)
		}
		firstLease(others)
		if took := time.Since(begin); took < linger {
			t.Errorf("owned %s after the kill, with addresses that linger for %s", took, linger)
		}
	})
}

// A node whose addresses linger holds nothing before the cluster knows of it.
func TestLingeringIsDeclaredBeforeHolding(t *testing.T) {
	directed(t, func(t *testing.T, s *simulation, owner *simNode, _ []*simNode) {
		owner.run.cfg.Linger = time.Second
		if own := owner.run.Ownership(); own.Until > 0 {
			t.Error("holds before the cluster knows that its addresses linger")
		}
		time.Sleep(time.Second)
		if own := owner.run.Ownership(); own.Until == 0 || owner.run.fsm.linger(owner.cfg.Node) != time.Second {
			t.Error("does not hold after the cluster was told")
		}
		owner.run.cfg.Linger = 0
		owner.run.Ownership()
		time.Sleep(time.Second)
		if owner.run.fsm.linger(owner.cfg.Node) != 0 {
			t.Error("the cluster is not told that addresses no longer linger")
		}
	})
}

// What a leader knows of one term says nothing of another one.
func TestWhatLingersIsOverInOneTerm(t *testing.T) {
	x := newTalking()
	x.fsm.state.Lingers = map[string]time.Duration{"lb2": time.Second}
	x.lingering.cleared = 6
	if !x.settled(7, x.clock) || !x.settledIn(7) {
		t.Error("it waits after one that had released")
	}
	if x.settledIn(8) {
		t.Error("it has waited in a term that it does not lead yet")
	}
	if x.settled(8, x.clock) {
		t.Error("it does not wait two terms after one that had released")
	}
	x.stand(8)
	if x.settled(9, x.clock) {
		t.Error("it does not wait after a term in which it had not")
	}
	if !x.settled(9, x.clock+time.Second) {
		t.Error("it waits for longer than anything lingers")
	}
}

// The others forget that the addresses of a removed node linger when they are gone.
func TestRemovedNodeLingers(t *testing.T) {
	const linger = 3 * time.Second
	directed(t, func(t *testing.T, s *simulation, _ *simNode, _ []*simNode) {
		gone := s.nodes[2]
		gone.lingers(linger)
		time.Sleep(time.Second)
		s.handTo(gone)
		gone.kill()
		time.Sleep(time.Second)
		owner := s.nodes[0]
		s.handTo(owner)
		begin := time.Now()
		if err := owner.run.remove(t.Context(), gone.cfg.Node); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took < linger || owner.run.fsm.linger(gone.cfg.Node) > 0 {
			t.Errorf("done after %s, lingers for %s", took, owner.run.fsm.linger(gone.cfg.Node))
		}
	})
}
