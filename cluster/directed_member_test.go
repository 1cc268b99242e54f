package cluster

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/raft"
)

// Two nodes are added while an old leader, whose disk hangs, has not heard of it. Half
// of the old three and more than half of the new five have nobody in common: the new
// leader must wait for what was granted to the old one.
func TestStaleMembershipWhileThreeBecomeFive(t *testing.T) {
	const long = 3 * time.Second
	prepare := func(s *simulation) {
		s.grows()
		for i, n := range s.nodes {
			n.cfg.Heartbeat = []time.Duration{long, 100 * ms, long, 100 * ms, 100 * ms}[i]
		}
	}
	directedWith(t, 5, prepare, func(t *testing.T, s *simulation, _ *simNode, _ []*simNode) {
		old, next, voter, added := s.nodes[0], s.nodes[1], s.nodes[2], s.nodes[3:]
		for _, n := range added {
			n.boot()
		}
		s.handTo(old)
		time.Sleep(time.Second)
		s.cut(old, voter, true)
		s.cut(voter, old, true)
		s.restart(voter) // it knows no leader now, and grants nothing
		s.cut(old, next, true)
		old.disk.stall.Store(int64(2 * long))
		defer time.Sleep(2 * long) // until the disk is back
		old.run.raft.Load().Apply([]byte("{}"), time.Second)
		for next.run.View().Role != Leader {
			time.Sleep(ms)
		}
		s.note("%s leads", next.cfg.Node)
		if own := old.run.Ownership(); !own.Leads(old.run.now()) {
			t.Fatal("the old leader has let go already: this tests nothing")
		}
		s.cut(old, next, false) // it answers what no disk is needed for
		for _, n := range added {
			if err := n.run.Join(t.Context(), ""); err != nil {
				t.Fatal(err)
			}
			s.note("%s has joined", n.cfg.Node)
		}
		for s.leader() != next {
			time.Sleep(ms)
		}
		if got := next.run.View().Voters; len(got) != len(s.nodes) {
			t.Errorf("voters %v", got)
		}
	})
}

// A node that was removed while it did not run asks also those who lead since, if the
// others tell it of them.
func TestRemovedNodeFindsALeaderThatItNeverKnew(t *testing.T) {
	directedWith(t, 5, (*simulation).grows, func(t *testing.T, s *simulation, _ *simNode, _ []*simNode) {
		stays, gone, other, added := s.nodes[0], s.nodes[1], s.nodes[2], s.nodes[3]
		removed := func(n *simNode) {
			s.insist("remove", n, func(ctx context.Context) error { return stays.run.Remove(ctx, n.cfg.Node) })
		}
		short := gone.cfg.Peers
		gone.kill()
		removed(gone)
		added.boot()
		s.insist("join", added, func(ctx context.Context) error { return added.run.Join(ctx, "") })
		removed(other)
		s.handTo(added)
		gone.cfg.Peers = short
		gone.boot()
		for range 1000 {
			if gone.run.left.Load() {
				return
			}
			time.Sleep(10 * ms)
		}
		t.Error("it still takes itself for a member")
	})
}

// Changes that are made at a time do not wait for each other's grants.
func TestOneChangeOfTheMembershipAtATime(t *testing.T) {
	directed(t, func(t *testing.T, _ *simulation, owner *simNode, others []*simNode) {
		owner.run.mu.Lock()
		owner.run.changedAt = owner.run.now() // so that the first has to wait
		owner.run.mu.Unlock()
		removed := make(chan error, 1)
		go func() { removed <- owner.run.remove(t.Context(), others[0].cfg.Node) }()
		time.Sleep(ms)
		for _, second := range []error{
			owner.run.remove(t.Context(), others[1].cfg.Node),
			owner.run.hear(t.Context(), "lb9", question{Admit: &wish{Address: "10.0.0.9:7400", Joining: true}}).err(),
		} {
			if !errors.Is(second, ErrChanging) {
				t.Errorf("a second change meanwhile: %v", second)
			}
		}
		if err := <-removed; err != nil {
			t.Error(err)
		}
		if got := owner.run.View().Voters; len(got) != 2 || slices.Contains(got, others[0].cfg.Node) {
			t.Errorf("voters %v", got)
		}
	})
}

// A node that is told to take over before it is a member asks nobody.
func TestNewcomerAsksForNoVote(t *testing.T) {
	x := newTalking()
	x.member.Store(false)
	trans := &transport{node: x.Node}
	if err := trans.RequestPreVote("lb2", "", &raft.RequestPreVoteRequest{}, nil); !errors.Is(err, errNewcomer) {
		t.Errorf("a vote beforehand: %v", err)
	}
	if err := trans.RequestVote("lb2", "", &raft.RequestVoteRequest{}, nil); !errors.Is(err, errNewcomer) {
		t.Errorf("a vote: %v", err)
	}
}

// One that was asked by a founder and lost its data directory before it began itself is
// no founder, whoever else is.
func TestFoundersAreThoseOfTheFirstThatBegan(t *testing.T) {
	x := newTalking()
	x.birth, x.store = "one", newMemory()
	err := x.setFounders(map[string]answer{
		"lb2": {Birth: "two", Member: true, Founders: map[string]string{"lb1": "one", "lb2": "two", "lb3": "three"}},
		"lb3": {Birth: "wiped since"},
	})
	if births := *x.founders.Load(); err != nil || births["lb3"] != "three" {
		t.Errorf("founders %v, %v", births, err)
	}
}

// A voter that lost its data does not count before it has all of the log again.
func TestVoterThatLostItsDataLosesItsVote(t *testing.T) {
	directed(t, func(t *testing.T, _ *simulation, owner *simNode, others []*simNode) {
		lost := others[0]
		lost.kill()
		lost.disk = newMemory()
		lost.boot()
		without := false
		for range 5000 {
			time.Sleep(ms)
			without = without || !slices.Contains(voters(owner.run.raft.Load()), lost.cfg.Node)
			if lost.run.member.Load() {
				break
			}
		}
		if !without || !lost.run.member.Load() {
			t.Errorf("member: %t, had no vote in between: %t", lost.run.member.Load(), without)
		}
	})
}

func TestWhoIsAdmittedAwaitsTheEntry(t *testing.T) {
	directed(t, func(t *testing.T, s *simulation, _ *simNode, others []*simNode) {
		s.cutOff(others[0]) // else it is admitted by itself
		x := others[0].run
		x.setMember(false)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := x.admitted(ctx, x.raft.Load().LastIndex()+1000); err != nil || x.member.Load() {
			t.Errorf("it votes without the entry that says so: %v", err)
		}
	})
}

// An entry that says so may never come: whoever was admitted is removed at once, or the
// leader had more in its log, and lost that.
func TestWhoIsAdmittedDoesNotAwaitTheEntryForEver(t *testing.T) {
	directed(t, func(t *testing.T, s *simulation, _ *simNode, others []*simNode) {
		x := others[0].run
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := x.admitted(ctx, x.raft.Load().LastIndex()+1000); err != nil || ctx.Err() != nil {
			t.Errorf("it waits and asks nobody: %v, %v", err, ctx.Err())
		}
	})
}

// A node asks whether it still is a member, and has a leader again before the answer comes,
// which may be of a time in which it was removed and not yet added anew.
func TestLateWordThatANodeIsNoMember(t *testing.T) {
	directed(t, func(t *testing.T, s *simulation, owner *simNode, others []*simNode) {
		x := others[0].run
		var asked atomic.Bool
		x.ask = func(context.Context, string, question) (answer, error) {
			asked.Store(true)
			s.heal()
			for x.leader() == "" {
				time.Sleep(ms)
			}
			return answer{Member: true, Leader: owner.cfg.Node, Standing: outside}, nil
		}
		s.cutOff(others[0])
		time.Sleep(10 * time.Second)
		if !asked.Load() || x.left.Load() {
			t.Errorf("it has asked: %t, and left: %t", asked.Load(), x.left.Load())
		}
	})
}

// A leader that is cut off may lose what it has in its log: nobody is to give up its
// vote for that.
func TestWhatIsNotCommittedCostsNoVote(t *testing.T) {
	directed(t, func(t *testing.T, s *simulation, owner *simNode, others []*simNode) {
		s.cutOff(owner)
		r, name := owner.run.raft.Load(), others[0].cfg.Node
		r.RemoveServer(raft.ServerID(name), 0, time.Second)
		time.Sleep(5 * ms)
		if _, member := suffrageOf(r, name); member || !owner.run.leased(r) {
			t.Fatal("it has not begun to remove it, or has lost its lease: this tests nothing")
		}
		if got := owner.run.standingOf(r, name); got != noVoice {
			t.Errorf("standing %q", got)
		}
	})
}

// Another one may lead already, and have made it a member.
func TestStandingIsForALeaderWithALease(t *testing.T) {
	directed(t, func(t *testing.T, s *simulation, owner *simNode, _ []*simNode) {
		s.cutOff(owner)
		r, late := owner.run.raft.Load(), false
		for r.State() == raft.Leader {
			if !owner.run.leased(r) {
				late = true
				if got := owner.run.standingOf(r, "lb9"); got != noVoice && r.State() == raft.Leader {
					t.Fatalf("standing %q", got)
				}
			}
			time.Sleep(ms)
		}
		if !late {
			t.Error("it led as long as its lease ran: this tests nothing")
		}
	})
}

// One that left has no vote after another start, also if it can ask nobody.
func TestNodeThatLeftAsksNobodyAfterAnotherStart(t *testing.T) {
	directed(t, func(t *testing.T, s *simulation, _ *simNode, others []*simNode) {
		left := others[0]
		s.insist("remove", left, func(ctx context.Context) error { return left.run.Remove(ctx, left.cfg.Node) })
		left.kill()
		s.cutOff(left)
		left.boot()
		time.Sleep(time.Second)
		if left.run.member.Load() || !left.run.View().Left {
			t.Errorf("after it left and started again: %+v", left.run.View())
		}
	})
}

// A voter loses its data whose own list has only nodes that have left since: all of them
// answer, none is a member, and yet there is a cluster, which counts on its votes.
func TestWhoLostItsDataFoundsNothingWithThoseThatLeft(t *testing.T) {
	directedWith(t, 5, (*simulation).grows, func(t *testing.T, s *simulation, _ *simNode, _ []*simNode) {
		lost, short := s.nodes[0], s.nodes[0].cfg.Peers
		for _, n := range s.nodes[3:] {
			n.boot()
			s.insist("join", n, func(ctx context.Context) error { return n.run.Join(ctx, "") })
		}
		for _, n := range s.nodes[1:3] {
			s.insist("remove", n, func(ctx context.Context) error { return n.run.Remove(ctx, n.cfg.Node) })
		}
		s.handTo(s.nodes[3])
		lost.kill()
		lost.cfg.Peers, lost.disk = short, newMemory()
		lost.boot()
		for range 1000 {
			time.Sleep(10 * ms)
			if lost.run.founders.Load() != nil {
				t.Fatal("it has founded a cluster")
			}
		}
		if !lost.run.member.Load() {
			t.Errorf("it was not admitted anew: %s", lost.run.Waiting())
		}
	})
}

// An owner goes by the latest configuration, also by one that came while it leads.
func TestOwnershipFollowsTheVoters(t *testing.T) {
	directedWith(t, 4, (*simulation).grows, func(t *testing.T, s *simulation, owner *simNode, _ []*simNode) {
		added := s.nodes[3]
		voting := func() []string {
			owner.run.mu.Lock()
			defer owner.run.mu.Unlock()
			return slices.Sorted(slices.Values(owner.run.ends.voting))
		}
		if got := voting(); len(got) != 3 {
			t.Fatalf("the lease is by the grants of %v, want three", got)
		}
		added.boot()
		s.insist("join", added, func(ctx context.Context) error { return added.run.Join(ctx, "") })
		for len(owner.run.View().Voters) != 4 {
			time.Sleep(ms)
		}
		own := owner.run.Ownership()
		if got := voting(); len(got) != 4 || own.Until == 0 {
			t.Errorf("the lease (until %s) is by the grants of %v, want four", own.Until, got)
		}
	})
}
