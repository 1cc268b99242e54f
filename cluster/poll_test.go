package cluster

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

// preVoteOf is a request of a peer for a pre-vote.
func preVoteOf(peer string, term uint64) *raft.RequestPreVoteRequest {
	return &raft.RequestPreVoteRequest{RPCHeader: raft.RPCHeader{ID: []byte(peer)}, Term: term}
}

func TestPreVoteOfATermInWhichAnotherHasTheVote(t *testing.T) {
	n := &Node{now: func() time.Duration { return time.Second }}
	wants := func(when, peer string, term uint64, want bool) {
		t.Helper()
		if got := n.outdone(preVoteOf(peer, term)); got != want {
			t.Errorf("%s, %s is outdone in term %d: %t", when, peer, term, got)
		}
	}
	wants("without a vote", "lb2", 5, false)
	n.poll.vote(bid{5, "lb3", time.Second + ms})
	wants("with a vote", "lb2", 5, true)
	wants("with a vote", "lb3", 5, false)
	wants("with a vote", "lb2", 6, false)
	n.poll.vote(bid{5, "lb2", time.Second + ms})
	wants("with a later request", "lb3", 5, false)
	n.poll.noVote("lb2", 5)
	wants("with that refused", "lb2", 5, true)
	n.poll.noVote("lb3", 5)
	wants("with the vote refused", "lb2", 5, false)
	n.poll.vote(bid{6, "lb3", time.Second})
	wants("with a vote of a while ago", "lb2", 6, false)
}

func TestPreVoteForAWorseRival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		group, stop := startVirtual(t, 3, false)
		defer stop()
		rival := isolated(t, group)
		term := rival.raft.CurrentTerm()
		wants := func(when, peer string, term uint64, want bool) {
			t.Helper()
			if got := rival.outdone(preVoteOf(peer, term)); got != want {
				t.Errorf("%s, %s is outdone in term %d: %t", when, peer, term, got)
			}
		}
		wants("not asked", "lb3", term+1, false)
		soon := rival.now() + ms
		rival.poll.ask("lb1", term+1, soon)
		rival.poll.ask("lb3", term+1, soon)
		wants("asked, and worse", "lb3", term+1, true)
		wants("asked, and better", "lb1", term+1, false)
		wants("asked", "lb3", term+2, false)
		rival.poll.refused("lb3", term)
		wants("refused of old", "lb3", term+1, true)
		rival.poll.refused("lb3", term+1)
		wants("refused", "lb3", term+1, false)
		rival.poll.ask("lb3", term+1, soon)
		time.Sleep(ms)
		wants("asked a while ago", "lb3", term+1, false)
	})
}

// What is asked of a node by its port reaches its poll.
func TestRelayHeedsThePoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		group, stop := startVirtual(t, 3, false)
		defer stop()
		leads(t, group)
		n := group[0]
		if n.raft.State() == raft.Leader {
			n = group[1]
		}
		term := n.raft.CurrentTerm() + 1
		over, cancel := context.WithCancel(t.Context())
		cancel()
		vote := &raft.RequestVoteRequest{RPCHeader: raft.RPCHeader{ID: []byte("lb2")}, Term: term}
		n.pass(over, raft.RPC{Command: vote})
		granted := func() bool {
			out := n.answer(preVoteOf("lb3", term), raft.RPCResponse{Response: &raft.RequestPreVoteResponse{Granted: true}})
			return out.Response.(*raft.RequestPreVoteResponse).Granted
		}
		if granted() {
			t.Error("a pre-vote is granted in a term in which another candidate was asked for")
		}
		n.answer(vote, raft.RPCResponse{Response: &raft.RequestVoteResponse{}})
		if !granted() {
			t.Error("a pre-vote is refused in a term in which nobody has this node's vote")
		}
	})
}

// A candidate has voted for itself before it asks anybody.
func TestCandidateHasItsOwnVote(t *testing.T) {
	x := newTalking()
	tr := newTransport(x.Node, deaf{newQueue(nil)}, hclog.NewNullLogger())
	defer tr.Close()
	if err := tr.RequestVote("lb2", "", &raft.RequestVoteRequest{Term: 8}, &raft.RequestVoteResponse{}); !errors.Is(err, errNoRoute) {
		t.Errorf("asking for a vote: %v", err)
	}
	if !x.outdone(preVoteOf("lb2", 8)) {
		t.Error("a pre-vote is granted in a term in which this node stands")
	}
}
