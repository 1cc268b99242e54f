package cluster

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"

	"github.com/perch-vip/perch/cluster/state"
)

// Directed schedules, for what random ones hardly ever find.

// directed runs a schedule on three nodes of one heartbeat, with an owner.
func directed(t *testing.T, schedule func(t *testing.T, s *simulation, owner *simNode, others []*simNode)) {
	t.Helper()
	directedWith(t, 3, func(s *simulation) {
		for i, n := range s.nodes {
			n.cfg.Heartbeat = 100 * ms
			n.rate = []float64{slowest, fastest, fastest}[i]
		}
	}, schedule)
}

// directedWith runs a schedule on some nodes that were prepared for it.
func directedWith(t *testing.T, size int, prepare func(*simulation), schedule func(t *testing.T, s *simulation, owner *simNode, others []*simNode)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newSimulation(t, 1, size)
		prepare(s)
		for _, n := range s.nodes {
			if n.wanted {
				n.boot()
			}
		}
		time.Sleep(time.Second)
		owner, others := s.parties()
		defer func() {
			s.end()
			if t.Failed() {
				t.Log("\n" + s.trace.String())
			}
		}()
		schedule(t, s, owner, others)
	})
}

// parties returns the owner, or nil, and the other nodes.
func (s *simulation) parties() (owner *simNode, others []*simNode) {
	owner = s.leader()
	for _, n := range s.nodes {
		if n != owner {
			others = append(others, n)
		}
	}
	return owner, others
}

// Once the word is out that a leader has released, only "never again in its term"
// keeps it dark: nothing else reaches it here.
func TestLeaderThatGaveWayStaysDark(t *testing.T) {
	directed(t, func(t *testing.T, s *simulation, owner *simNode, others []*simNode) {
		go func() {
			for owner.run.gaveWay() == 0 {
				time.Sleep(20 * time.Microsecond)
			}
			for _, other := range others {
				s.cut(other, owner, true)
			}
		}()
		_, err := owner.run.Transfer(Move{To: []string{others[0].cfg.Node}, Reason: "asked for"})
		s.note("transfer: %v", err)
		time.Sleep(time.Second)
		s.heal()
		time.Sleep(time.Second)
	})
}

func (n *Node) gaveWay() uint64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.moving.gaveWay
}

// A voter that starts again has forgotten its leader and its grant: only its quiet
// time keeps it from granting to another one at once.
func TestVoterThatStartsAgainIsQuiet(t *testing.T) {
	directed(t, func(t *testing.T, s *simulation, _ *simNode, _ []*simNode) {
		for range 60 {
			owner, others := s.parties()
			if owner == nil {
				time.Sleep(300 * ms)
				continue
			}
			voter, loser := others[0], others[1]
			s.cut(owner, loser, true)
			s.cut(loser, owner, true)
			time.Sleep(time.Duration(200+s.random.IntN(200)) * ms)
			if s.leader() == owner {
				voter.kill()
				s.cut(owner, voter, true)
				s.cut(voter, owner, true)
				voter.boot()
				time.Sleep(300 * ms)
			}
			s.heal()
			time.Sleep(time.Second)
		}
	})
}

// An owner that is asked by a newer leader answers after its release, and grants
// nothing before the end of what it granted itself.
func TestOwnerIsAVoterLikeAnyOther(t *testing.T) {
	directed(t, func(t *testing.T, s *simulation, owner *simNode, _ []*simNode) {
		own := owner.run.Ownership()
		out := owner.run.answer(asked("lb9", own.Term+1), agree(own.Term+1))
		if got := grantOf(out); got != 0 {
			t.Errorf("an owner grants %s", got)
		}
		owner.run.mu.Lock()
		defer owner.run.mu.Unlock()
		if owner.run.given != owner.run.released {
			t.Error("it answered without a release")
		}
	})
}

// A hand-over given up leaves a leader that may not hold. It must come to a new
// term, even if its library is busy for long just then.
func TestLeftOverLeaderStandsForTheNextTerm(t *testing.T) {
	for _, stall := range []time.Duration{0, 150 * ms, 5 * time.Second} {
		t.Run(stall.String(), func(t *testing.T) {
			directed(t, func(t *testing.T, s *simulation, owner *simNode, _ []*simNode) {
				term := owner.run.Ownership().Term
				owner.run.openHandOver(term)
				if err := owner.run.yield(func(call) error { return errors.New("lost") }); err == nil {
					t.Fatal("no error of the lost call")
				}
				owner.disk.stall.Store(int64(stall))
				if stall > 0 {
					owner.run.raft.Load().Apply([]byte("{}"), time.Second)
				}
				if owner.run.closeHandOver() {
					signal(owner.run.gaveUp)
				}
				time.Sleep(stall + time.Second)
				if again := s.leader(); again == nil {
					t.Error("nobody owns")
				}
			})
		})
	}
}

// A node that no longer leads deposes nobody.
func TestFollowerThatGaveWayStandsForNothing(t *testing.T) {
	directed(t, func(t *testing.T, s *simulation, owner *simNode, others []*simNode) {
		if _, err := owner.run.Transfer(Move{To: []string{others[0].cfg.Node}, Reason: "asked for"}); err != nil {
			t.Fatal(err)
		}
		signal(owner.run.gaveUp) // it had been stalled before it looked
		next := others[0].run
		for next.Ownership().Until == 0 {
			time.Sleep(ms) // it may lead already, and still apply its log
		}
		for range 1000 {
			time.Sleep(ms)
			if own := next.Ownership(); !own.Leads(next.now()) {
				t.Fatal("the successor was deposed")
			}
		}
	})
}

// A leader whose disk hangs lets go and falls silent, so that another one takes over
// long before the disk is back.
func TestLeaderWhoseDiskHangsGivesWay(t *testing.T) {
	directed(t, func(t *testing.T, s *simulation, owner *simNode, _ []*simNode) {
		owner.disk.stall.Store(int64(10 * time.Second))
		owner.run.raft.Load().Apply([]byte("{}"), time.Second)
		time.Sleep(owner.cfg.Heartbeat * 7 / 5) // its last lease runs longer
		if own := owner.run.Ownership(); own.Leads(owner.run.now()) {
			t.Error("a leader with a hanging disk still holds")
		}
		time.Sleep(4 * owner.cfg.Heartbeat)
		if next := s.leader(); next == nil || next == owner {
			t.Error("nobody has taken over from a leader with a hanging disk")
		}
		time.Sleep(10 * time.Second)
		if s.leader() == nil {
			t.Error("nobody owns after the disk is back")
		}
	})
}

// A plan that came to nothing is taken back: it does not explain a crash that comes
// later.
func TestPlanThatCameToNothingIsTakenBack(t *testing.T) {
	directed(t, func(t *testing.T, s *simulation, owner *simNode, _ []*simNode) {
		plan := state.Plan{Term: owner.run.Ownership().Term, From: owner.cfg.Node, Reason: "asked for"}
		if _, err := owner.run.apply(state.Command{Plan: &plan}, time.Second); err != nil {
			t.Fatal(err)
		}
		owner.run.withdraw(plan)
		time.Sleep(time.Second)
		if still := owner.run.State().Plan; still != nil {
			t.Errorf("the plan still stands: %+v", still)
		}
	})
}

// Who ends falls silent at once, so that the others need not wait for its disk.
func TestNodeThatEndsFallsSilent(t *testing.T) {
	x := newTalking()
	trans := &transport{node: x.Node}
	if err := trans.AppendEntries("lb2", "lb2", &raft.AppendEntriesRequest{Term: 7}, nil); !errors.Is(err, ErrNotRunning) {
		t.Errorf("a heartbeat of a node that has ended: %v", err)
	}
}

// A leader that is to say nothing more is followed by another one though it runs on, and asks
// for no vote itself.
func TestFallSilent(t *testing.T) {
	directed(t, func(t *testing.T, s *simulation, owner *simNode, others []*simNode) {
		h, begun := owner.cfg.Heartbeat, time.Now()
		owner.run.FallSilent()
		trans := &transport{node: owner.run.Node}
		trans.beat(Peer{Name: "lb2"}, owner.run.Ownership().Term)
		if err := trans.InstallSnapshot("lb2", "lb2", &raft.InstallSnapshotRequest{}, nil, nil); !errors.Is(err, ErrNotRunning) {
			t.Errorf("it sends a snapshot: %v", err)
		}
		for s.leader() == nil || s.leader() == owner {
			if time.Since(begun) > 20*h {
				t.Error("nobody has followed")
				return
			}
			time.Sleep(ms)
		}
		next := s.leader()
		s.freeze(next, true) // the silent one has a majority with the third
		for range 20 * int(h/ms) {
			time.Sleep(ms)
			if s.leader() == owner {
				t.Error("it leads again")
				return
			}
		}
		s.heal()
		if err := trans.RequestPreVote("lb2", "lb2", &raft.RequestPreVoteRequest{}, nil); !errors.Is(err, ErrNotRunning) {
			t.Errorf("it asks whether it would get a vote: %v", err)
		}
		if err := trans.RequestVote("lb2", "lb2", &raft.RequestVoteRequest{}, nil); !errors.Is(err, ErrNotRunning) {
			t.Errorf("it asks for a vote: %v", err)
		}
	})
}

// What a hung leader replicates would renew the grants to it.
func TestHungLeaderReplicatesNothing(t *testing.T) {
	directed(t, func(t *testing.T, s *simulation, owner *simNode, others []*simNode) {
		run, peer := owner.run, others[0].cfg.Node
		term := run.Ownership().Term
		owner.disk.stall.Store(int64(10 * time.Second))
		run.raft.Load().Apply([]byte("{}"), time.Second)
		for !run.hangs(term) {
			time.Sleep(ms)
		}
		network := newQueue(simAddr("lb1"))
		trans := newTransport(run.Node, dialing{network, network}, hclog.NewNullLogger())
		defer trans.Close()
		done := make(chan error, 1)
		go func() {
			req := &raft.AppendEntriesRequest{Term: term, PrevLogEntry: 1, PrevLogTerm: 1}
			done <- trans.AppendEntries(raft.ServerID(peer), "", req, &raft.AppendEntriesResponse{})
		}()
		time.Sleep(time.Millisecond)
		select {
		case err := <-done:
			t.Errorf("it was sent, or failed at once: %v", err)
			return
		default:
		}
		run.mu.Lock()
		run.contacts[peer] = contact{term: term, sent: run.now() + time.Second} // so that it ends
		run.mu.Unlock()
		time.Sleep(owner.cfg.Heartbeat)
		if err := <-done; !errors.Is(err, errHung) {
			t.Errorf("%v", err)
		}
		time.Sleep(10 * time.Second) // the disk is back
	})
}
