package cluster

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/raft"
)

// cutOff cuts a node off from all others, in both directions.
func (s *simulation) cutOff(n *simNode) {
	for _, other := range s.nodes {
		if other != n {
			s.cut(n, other, true)
			s.cut(other, n, true)
		}
	}
}

// awaitOwner heals all, waits until all are members, and returns the owner and the others.
func (s *simulation) awaitOwner() (owner *simNode, others []*simNode) {
	s.heal()
	for range 200 {
		time.Sleep(50 * ms)
		if s.leader() == nil || slices.ContainsFunc(s.nodes, func(n *simNode) bool { return !n.run.member.Load() }) {
			continue
		}
		time.Sleep(200 * ms) // until all follow it
		if owner, others = s.parties(); owner != nil {
			return owner, others
		}
	}
	s.t.Fatal("no owner of members 10 s after all was healed")
	return nil, nil
}

// Answers that take long say nothing of the moment in which they arrive: the voter
// gave its word when it was asked.
func TestSlowAnswersDoNotLengthenTheLease(t *testing.T) {
	directed(t, func(t *testing.T, s *simulation, owner *simNode, others []*simNode) {
		for range 10 {
			for _, voter := range others {
				s.net.change(func() { s.net.lag[[2]string{voter.cfg.Node, owner.cfg.Node}] = 60 * ms })
			}
			time.Sleep(500 * ms)
			for _, voter := range others {
				s.cut(owner, voter, true)
			}
			time.Sleep(300 * ms)
			s.net.change(func() { clear(s.net.lag) })
			owner, others = s.awaitOwner()
		}
	})
}

// A leader that won early, on clocks as different as they may be, waits until the
// last grant to the old one has run out: L must be as much shorter than H.
func TestUsurperWaitsForTheGrants(t *testing.T) {
	directed(t, func(t *testing.T, s *simulation, _ *simNode, _ []*simNode) {
		for range 150 {
			owner, others := s.awaitOwner()
			if owner != s.nodes[0] { // whose clock is slow
				_, _ = owner.run.Transfer(Move{To: []string{s.nodes[0].cfg.Node}, Reason: "asked for"})
				continue
			}
			usurper, voter := others[0], others[1]
			s.cut(owner, usurper, true)
			s.cut(usurper, owner, true)
			time.Sleep(60*ms + time.Duration(s.random.Int64N(int64(50*ms))))
			owner.busy.Store(int64(200 * ms)) // the rest is up to its kernel
			s.cut(owner, voter, true)
			s.cut(voter, owner, true)
			time.Sleep(150 * ms)
		}
	})
}

// While profiles are mixed each voter's word lasts as long as that voter says.
func TestNodeWithAThirdOfH(t *testing.T) {
	prepare := func(s *simulation) {
		for i, n := range s.nodes {
			n.cfg.Heartbeat = []time.Duration{300 * ms, 100 * ms, 100 * ms}[i]
		}
	}
	directedWith(t, 3, prepare, func(t *testing.T, s *simulation, _ *simNode, _ []*simNode) {
		for range 20 {
			owner, _ := s.awaitOwner()
			if owner != s.nodes[0] {
				_, _ = owner.run.Transfer(Move{To: []string{s.nodes[0].cfg.Node}, Reason: "asked for"})
				continue
			}
			s.cutOff(owner)
			time.Sleep(500 * ms)
		}
	})
}

// A voter that lost its disk has forgotten its vote and its grant.
func TestDoubleVoteAfterAWipeMakesNoSecondOwner(t *testing.T) {
	directed(t, func(t *testing.T, s *simulation, _ *simNode, _ []*simNode) {
		for range 30 {
			owner, others := s.awaitOwner()
			voter, loser := others[0], others[1]
			s.cut(owner, loser, true)
			s.cut(loser, owner, true)
			time.Sleep(200*ms + time.Duration(s.random.Int64N(int64(200*ms))))
			voter.kill()
			voter.disk = newMemory()
			s.cut(owner, voter, true)
			s.cut(voter, owner, true)
			voter.boot()
			time.Sleep(300 * ms)
		}
	})
}

// A new leader may be elected while grants to the old one still run. Were it to add
// members at once, it would soon have a majority without any voter that granted.
func TestMembershipWaitsForTheGrants(t *testing.T) {
	x := newTalking()
	x.contacts["lb2"] = contact{grant: 300 * ms}
	const longest = 300*ms + 15*ms + tick + slack // on a slow clock
	if got := x.untilChange(7); got != longest {
		t.Errorf("a new leader waits %s, want %s", got, longest)
	}
	x.clock += longest
	if got := x.untilChange(7); got > 0 {
		t.Errorf("it still waits %s", got)
	}
	x.changedAt = x.clock
	if got := x.untilChange(7); got != longest {
		t.Errorf("it waits %s after a change, want %s", got, longest)
	}
}

// What a leader had begun to change when it was deposed it does not go on with when it
// leads again.
func TestMembershipChangesInOneTerm(t *testing.T) {
	directed(t, func(t *testing.T, s *simulation, owner *simNode, others []*simNode) {
		term := owner.run.Ownership().Term
		for _, way := range [][2]*simNode{{owner, others[0]}, {others[0], owner}} {
			if _, err := way[0].run.Transfer(Move{To: []string{way[1].cfg.Node}, Reason: "asked for"}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		ctx, cancel := context.WithTimeout(t.Context(), admitLimit)
		defer cancel()
		err := owner.run.change(ctx, term, "add lb9", func() raft.IndexFuture {
			t.Error("it is proposed")
			return owner.run.raft.Load().Apply([]byte("{}"), time.Second)
		})
		if !errors.Is(err, ErrNotLeader) || s.leader() != owner {
			t.Errorf("%v", err)
		}
	})
}
