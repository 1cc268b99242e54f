package cluster

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// A newcomer grants to the leader that admits it, in its term, and to nobody else.
func TestNewcomerGrantsToItsSponsor(t *testing.T) {
	for _, tt := range []struct {
		name      string
		by, birth string
		term      uint64
		granting  bool
		err       error
	}{
		{"its sponsor", "lb2", "one", 7, true, nil},
		{"another leader", "lb3", "one", 7, false, nil},
		{"of an older term", "lb2", "one", 6, false, nil},
		{"of a newer term", "lb2", "one", 8, false, nil},
		{"for data that is lost", "lb2", "another", 7, false, errOtherBirth},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := newTalking()
			x.member.Store(false)
			x.birth = "one"
			if err := x.heed(tt.by, invitation{Birth: tt.birth, Term: tt.term}); !errors.Is(err, tt.err) {
				t.Errorf("%v", err)
			}
			if got := x.grantTo("lb2", 7); (got > 0) != tt.granting {
				t.Errorf("it grants %s", got)
			}
			x.clock += time.Millisecond
			if got := x.grantTo("lb1", 8); got != 0 {
				t.Errorf("it grants %s to another one", got)
			}
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
		if !errors.Is(err, ErrNotYet) || !strings.Contains(err.Error(), "the VIPs would be let go, since lb2 of the then 2 voters do not grant") {
			s.t.Errorf("%v", err)
		}
		if n := owner.lapsed(); n > 0 || s.leader() != owner {
			s.t.Errorf("the owner let go %d times", n)
		}
	})
}

// The word of a leader that was deposed meanwhile does not replace that of the newer one.
func TestInvitationOfAnOlderLeaderIsRefused(t *testing.T) {
	grown(t, 3, func(s *simulation, newcomer *simNode) {
		if err := newcomer.joins(); err != nil {
			s.t.Fatal(err)
		}
		run, birth := newcomer.run, newcomer.run.birth
		term := run.raft.Load().CurrentTerm()
		if err := run.heed("lb1", invitation{Birth: birth, Term: term}); err != nil {
			s.t.Errorf("of the leader: %v", err)
		}
		if err := run.heed("lb9", invitation{Birth: birth, Term: term - 1}); !errors.Is(err, ErrNotLeader) {
			s.t.Errorf("of an older one: %v", err)
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

// A second node that dies between its vote and its admission takes the first one with
// it, and both say so.
func TestSecondNodeThatDiesAsItsVoteIsProposed(t *testing.T) {
	grown(t, 1, func(s *simulation, newcomer *simNode) {
		owner := s.leader().run
		go newcomer.run.Join(s.t.Context(), "")
		for len(voters(owner.raft.Load())) < 2 {
			time.Sleep(ms / 10)
		}
		newcomer.kill()
		time.Sleep(4 * newcomer.cfg.Heartbeat)
		newcomer.boot()
		time.Sleep(10 * time.Second)
		for _, n := range []*simRun{owner, newcomer.run} {
			if !strings.Contains(n.Stuck(), "`perch recover`") {
				s.t.Errorf("%s says %q", n.cfg.Node, n.Stuck())
			}
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
