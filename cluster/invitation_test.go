package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/raft"
)

// Whoever is invited is a member from then on; a late word, and one for data that is lost,
// are refused.
func TestWhoIsInvited(t *testing.T) {
	for _, tt := range []struct {
		name  string
		birth string
		later int // terms
		want  error
	}{
		{"by the leader", "", 0, nil},
		{"for data that is lost", "another", 0, errOtherBirth},
		{"by a leader of an older term", "", -1, ErrNotLeader},
	} {
		t.Run(tt.name, func(t *testing.T) {
			grown(t, 1, func(s *simulation, newcomer *simNode) {
				x := newcomer.run
				time.Sleep(200 * ms) // it has just asked to be admitted, and does so again in a second
				s.leader().run.raft.Load().AddNonvoter("lb2", raft.ServerAddress(x.self.Address.String()), 0, time.Second)
				time.Sleep(100 * ms)
				if x.raft.Load().CurrentTerm() == 0 || x.member.Load() {
					s.t.Fatal("it is not in contact, or admitted already: this tests nothing")
				}
				term := x.raft.Load().CurrentTerm() + uint64(tt.later)
				err := x.heed(invitation{Birth: cmp.Or(tt.birth, x.birth), Term: term})
				if !errors.Is(err, tt.want) || x.member.Load() != (tt.want == nil) {
					s.t.Errorf("member %t: %v", x.member.Load(), err)
				}
			})
		})
	}
}

// Whoever is invited knows that it is a newcomer: else it could vote for one that does not.
// What it knew in an older term, before it lost its data, does not count.
func TestWhoIsInvitedHasCaughtUp(t *testing.T) {
	for _, tt := range []struct {
		name  string
		later int // terms
		match uint64
	}{
		{"it answers, and has no entry", 0, 0},
		{"it had more in an older term", -1, 1000},
	} {
		t.Run(tt.name, func(t *testing.T) {
			grown(t, 1, func(s *simulation, newcomer *simNode) {
				s.cutOff(newcomer)
				owner := s.leader().run
				r := owner.raft.Load()
				owner.mu.Lock()
				owner.contacts["lb2"] = contact{term: r.CurrentTerm() + uint64(tt.later), match: tt.match}
				owner.mu.Unlock()
				invited := make(chan struct{})
				owner.ask = func(_ context.Context, _ string, q question) (answer, error) {
					if q.Invite != nil {
						close(invited)
					}
					return answer{Listed: []string{"lb1", "lb2"}}, nil
				}
				ctx, cancel := context.WithTimeout(s.t.Context(), 5*time.Second)
				defer cancel()
				_, err := owner.admit(ctx, "lb2", newcomer.run.birth, wish{Address: newcomer.run.self.Address.String(), Joining: true})
				select {
				case <-invited:
					s.t.Errorf("it was invited, with %d entries of %d: %v", newcomer.run.raft.Load().LastIndex(), r.LastIndex(), err)
				default:
				}
			})
		})
	}
}

// grown runs a schedule on the founders of a cluster, and one node more.
func grown(t *testing.T, founders int, schedule func(s *simulation, newcomer *simNode)) {
	directedWith(t, founders+1, func(s *simulation) {
		for i, n := range s.nodes {
			n.cfg.Heartbeat = 100 * ms
			if i < founders {
				n.cfg.Peers = n.cfg.Peers[:founders]
			}
		}
	}, func(_ *testing.T, s *simulation, _ *simNode, _ []*simNode) {
		schedule(s, s.nodes[founders])
	})
}

// The owner holds on while its cluster grows, also where the newcomer is needed for a
// majority from the moment on in which its vote is proposed.
func TestOwnerHoldsOnWhileANodeJoins(t *testing.T) {
	for _, founders := range []int{1, 2, 3} {
		t.Run(fmt.Sprintf("%d nodes", founders), func(t *testing.T) {
			grown(t, founders, func(s *simulation, newcomer *simNode) {
				owner := s.leader()
				if err := newcomer.joins(); err != nil {
					s.t.Error(err)
				}
				time.Sleep(time.Second)
				if n := len(voters(owner.run.raft.Load())); n != founders+1 {
					s.t.Errorf("%d voters", n)
				}
				if n := owner.lapsed(); n > 0 || s.leader() != owner {
					s.t.Errorf("the owner let go %d times", n)
				}
			})
		})
	}
}

// A newcomer that cannot grant gets no vote: with it the lease would end.
func TestNewcomerThatDoesNotGrantGetsNoVote(t *testing.T) {
	grown(t, 1, func(s *simulation, newcomer *simNode) {
		owner := s.leader()
		newcomer.run.mu.Lock()
		newcomer.run.grants = grants{to: "lb9", until: newcomer.clock() + time.Hour}
		newcomer.run.mu.Unlock()
		err := newcomer.joins()
		if !errors.Is(err, ErrNotYet) || !strings.Contains(err.Error(), "the VIPs would be let go: no grant from lb2 of the 2 voters that there would be") {
			s.t.Errorf("%v", err)
		}
		if n := owner.lapsed(); n > 0 || s.leader() != owner {
			s.t.Errorf("the owner let go %d times", n)
		}
	})
}

// Between the newcomer's grant and its vote nothing is waited for, also where its
// grants last longer than those of the others: by then it might be gone.
func TestVoteFollowsTheGrantAtOnce(t *testing.T) {
	grown(t, 1, func(s *simulation, newcomer *simNode) {
		owner := s.leader().run
		newcomer.kill()
		newcomer.cfg.Heartbeat = 3 * time.Second
		newcomer.boot()
		done := make(chan error, 1)
		go func() { done <- newcomer.joins() }()
		for len(owner.silent([]string{"lb2"})) > 0 {
			time.Sleep(ms)
		}
		time.Sleep(300 * ms)
		if now := voters(owner.raft.Load()); len(now) != 2 {
			s.t.Errorf("the voters are %v", now)
		}
		if err := <-done; err != nil {
			s.t.Error(err)
		}
	})
}

// A second node that dies as its vote is proposed votes when it is back, and the cluster
// goes on.
func TestSecondNodeThatDiesAsItsVoteIsProposed(t *testing.T) {
	grown(t, 1, func(s *simulation, newcomer *simNode) {
		owner := s.leader().run
		go newcomer.run.Join(s.t.Context(), "")
		for len(voters(owner.raft.Load())) < 2 {
			time.Sleep(ms / 10)
		}
		newcomer.kill()
		time.Sleep(4 * newcomer.cfg.Heartbeat)
		if s.leader() != nil {
			s.t.Error("it owns without a majority")
		}
		newcomer.boot()
		time.Sleep(10 * time.Second)
		if owner := s.leader(); owner == nil || len(voters(owner.run.raft.Load())) != 2 {
			s.t.Errorf("the owner is %v", owner)
		}
	})
}

// A node that was invited, and starts again before its vote was proposed, asks for it.
func TestInvitedNodeThatStartsAgainAsksForItsVote(t *testing.T) {
	grown(t, 1, func(s *simulation, newcomer *simNode) {
		owner := s.leader().run
		newcomer.diesInvited()
		newcomer.boot()
		time.Sleep(10 * time.Second)
		if now := voters(owner.raft.Load()); len(now) != 2 {
			s.t.Errorf("the voters are %v", now)
		}
	})
}

// One that was invited and lost its data, and with it its invitation, is invited anew.
func TestInvitedNodeThatLosesItsDataIsInvitedAnew(t *testing.T) {
	grown(t, 3, func(s *simulation, newcomer *simNode) {
		newcomer.diesInvited()
		newcomer.disk = newMemory()
		newcomer.boot()
		time.Sleep(10 * time.Second)
		if now := s.leader().run.View().Voters; len(now) != 4 || !newcomer.run.member.Load() {
			s.t.Errorf("a member: %t, the voters are %v", newcomer.run.member.Load(), now)
		}
	})
}

// One that was removed meanwhile does not ask: then its operator has to say so.
func TestInvitedNodeThatWasRemovedStaysAway(t *testing.T) {
	grown(t, 1, func(s *simulation, newcomer *simNode) {
		owner := s.leader().run
		newcomer.diesInvited()
		if err := owner.Remove(s.t.Context(), "lb2"); err != nil {
			s.t.Fatal(err)
		}
		newcomer.boot()
		time.Sleep(10 * time.Second)
		if x := newcomer.run; owner.counts("lb2") || x.member.Load() || x.Waiting() != wayBack {
			s.t.Errorf("counted: %t, a member: %t, %q", owner.counts("lb2"), x.member.Load(), x.Waiting())
		}
		if err := newcomer.joins(); err != nil {
			s.t.Error(err)
		}
	})
}

// diesInvited lets a newcomer die before its vote is proposed, for so long that it is not
// waited for any more.
func (n *simNode) diesInvited() {
	owner := n.sim.leader().run
	before := len(voters(owner.raft.Load()))
	go n.run.Join(n.sim.t.Context(), "")
	for !n.run.member.Load() {
		time.Sleep(ms / 100) // its vote is proposed soon after
	}
	n.kill()
	if len(voters(owner.raft.Load())) != before {
		n.sim.t.Fatal("its vote was proposed already: this tests nothing")
	}
	time.Sleep(2 * admitLimit)
}

// One that leaves while it is on its way in asks to be admitted meanwhile, for it counts
// until it is removed. It does not come back for that.
func TestNodeThatLeavesOnItsWayInStaysAway(t *testing.T) {
	grown(t, 1, func(s *simulation, newcomer *simNode) {
		owner, x := s.leader().run, newcomer.run
		r := owner.raft.Load()
		time.Sleep(200 * ms) // it has just asked to be admitted, and does so again in a second
		r.AddNonvoter("lb2", raft.ServerAddress(x.self.Address.String()), 0, time.Second)
		time.Sleep(10 * ms)
		owner.mu.Lock()
		owner.changedAt = owner.now() // so that the removal has to wait
		owner.mu.Unlock()
		left := make(chan error, 1)
		go func() { left <- x.Remove(s.t.Context(), "lb2") }()
		time.Sleep(50 * ms)
		signal(x.seeking)
		time.Sleep(20 * ms)
		if !x.joining.Load() {
			s.t.Error("it has not asked meanwhile: this tests nothing")
		}
		if err := <-left; err != nil {
			s.t.Error(err)
		}
		time.Sleep(10 * time.Second)
		if owner.counts("lb2") || x.member.Load() {
			s.t.Errorf("counted: %t, a member: %t, %q", owner.counts("lb2"), x.member.Load(), x.Waiting())
		}
	})
}

// A newcomer that is gone by then does not keep others from changing the membership.
func TestInvitationThatNobodyAnswers(t *testing.T) {
	grown(t, 1, func(s *simulation, newcomer *simNode) {
		owner := s.leader().run
		owner.ask = func(ctx context.Context, _ string, _ question) (answer, error) {
			<-ctx.Done()
			return answer{}, ctx.Err()
		}
		ctx, cancel := context.WithTimeout(s.t.Context(), admitLimit)
		defer cancel()
		r := owner.raft.Load()
		err := owner.invite(ctx, r, r.CurrentTerm(), "lb2", newcomer.run.birth)
		if !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
			s.t.Errorf("%v", err)
		}
	})
}

// Who does not grant is named, the leader itself after a start among them.
func TestSilentVotersAreNamed(t *testing.T) {
	x := newTalking()
	x.lease.grant(7, "lb2", x.clock+80*ms)
	x.lease.grant(7, "lb3", x.clock-ms)
	for _, tt := range []struct {
		quiet time.Duration
		want  string
	}{{0, "lb3"}, {time.Second, "lb1 lb3"}} {
		x.beQuiet(tt.quiet)
		if got := strings.Join(x.silent([]string{"lb1", "lb2", "lb3"}), " "); got != tt.want {
			t.Errorf("after a quiet time of %s: %q, want %q", tt.quiet, got, tt.want)
		}
	}
}

// lapsed returns how often the node ceased to hold.
func (n *simNode) lapsed() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.lost
}

// joins makes the node a member within a minute.
func (n *simNode) joins() error {
	ctx, cancel := context.WithTimeout(n.sim.t.Context(), time.Minute)
	defer cancel()
	return n.run.Join(ctx, "")
}
