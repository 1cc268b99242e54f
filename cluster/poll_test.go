package cluster

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
)

// preVoteOf is a request of a peer for a pre-vote.
func preVoteOf(peer string, term uint64) *raft.RequestPreVoteRequest {
	return &raft.RequestPreVoteRequest{RPCHeader: raft.RPCHeader{ID: []byte(peer)}, Term: term}
}

func TestPreVoteOfATermInWhichAnotherHasTheVote(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		group, stop := startVirtual(t, 3, false)
		defer stop()
		leader := leads(t, group)
		time.Sleep(time.Second)
		voter := group[0]
		if voter == leader {
			voter = group[1]
		}
		next := voter.raft.CurrentTerm() + 1
		wants := func(when, peer string, term uint64, want bool) {
			t.Helper()
			if got := voter.outdone(preVoteOf(peer, term)); got != want {
				t.Errorf("%s, %s is outdone in term %d: %t", when, peer, term, got)
			}
		}
		wants("without a vote", "lb2", next, false)
		voter.poll.vote("lb3", next)
		wants("with a vote", "lb2", next, true)
		wants("with a vote", "lb3", next, false)
		wants("with a vote", "lb2", next+1, false)
		voter.poll.vote("lb2", next)
		wants("with a later request", "lb3", next, false)
		voter.poll.noVote("lb2", next)
		wants("with that refused", "lb2", next, true)
		voter.poll.noVote("lb3", next)
		wants("with the vote refused", "lb2", next, false)
	})
}

func TestPreVoteForAWorseRival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		group, stop := startVirtual(t, 3, false)
		defer stop()
		leads(t, group)
		time.Sleep(time.Second)
		rival := group[1]
		for _, v := range group {
			v.trans.Disconnect(rival.trans.LocalAddr())
		}
		rival.trans.DisconnectAll()
		for rival.raft.State() != raft.Candidate {
			time.Sleep(ms)
		}
		term := rival.raft.CurrentTerm()
		wants := func(when, peer string, term uint64, want bool) {
			t.Helper()
			if got := rival.outdone(preVoteOf(peer, term)); got != want {
				t.Errorf("%s, %s is outdone in term %d: %t", when, peer, term, got)
			}
		}
		wants("not asked", "lb3", term+1, false)
		rival.poll.ask("lb1", term+1)
		rival.poll.ask("lb3", term+1)
		wants("asked, and worse", "lb3", term+1, true)
		wants("asked, and better", "lb1", term+1, false)
		wants("asked", "lb3", term+2, false)
		rival.poll.refused("lb3", term)
		wants("refused of old", "lb3", term+1, true)
		rival.poll.refused("lb3", term+1)
		wants("refused", "lb3", term+1, false)
		wants("a candidate in its own term", "lb1", term, true)
	})
}

// What is asked of a node by its port reaches its poll.
func TestRelayHeedsThePoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		group, stop := startVirtual(t, 3, false)
		defer stop()
		leads(t, group)
		n := group[0]
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
