package cluster

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

// Whenever they were refused, no two ask again at about the same time, and each does in time.
func TestTurnsToAskAgain(t *testing.T) {
	const step = 10 * ms
	for nodes := 2; nodes <= 9; nodes++ {
		round := time.Duration(2*nodes) * step
		for first := range nodes {
			for second := range first {
				for now := -step; now < round; now += step {
					a, b := now+untilTurn(now, step, first, nodes), now+step+untilTurn(now+step, step, second, nodes)
					if apart := (a - b + round) % round; apart < 2*step || apart > round-2*step {
						t.Errorf("%d nodes: those of rank %d and %d ask again at %v and %v", nodes, first, second, a, b)
					}
					if left := a - now; left < 2*step || left >= round+2*step {
						t.Errorf("%d nodes: the one of rank %d waits for %v", nodes, first, left)
					}
				}
			}
		}
	}
}

// isolated is a node of a group that is cut off, and asks for pre-votes.
func isolated(t *testing.T, group []virtual) virtual {
	t.Helper()
	leads(t, group)
	time.Sleep(time.Second)
	alone := group[1]
	for _, v := range group {
		v.trans.Disconnect(alone.trans.LocalAddr())
	}
	alone.trans.DisconnectAll()
	for alone.raft.State() != raft.Candidate {
		time.Sleep(ms)
	}
	return alone
}

func TestRefusedPreVoteIsAskedForAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		group, stop := startVirtual(t, 3, false)
		defer stop()
		n := isolated(t, group)
		next := n.raft.CurrentTerm() + 1
		for _, c := range []struct {
			what        string
			term        uint64
			answer      raft.RequestPreVoteResponse
			least, most int
		}{
			{"refused", next, raft.RequestPreVoteResponse{Term: next}, 2, 4},
			{"granted", next, raft.RequestPreVoteResponse{Term: next, Granted: true}, 1, 1},
			{"of a newer term", next, raft.RequestPreVoteResponse{Term: next + 1}, 1, 1},
			{"of a term that is not this node's", next + 1, raft.RequestPreVoteResponse{}, 1, 1},
		} {
			asked, begin := 0, time.Now()
			err := n.preVote("lb3", &raft.RequestPreVoteRequest{Term: c.term}, &c.answer, func() error { asked++; return nil })
			if took := time.Since(begin); err != nil || asked < c.least || asked > c.most || took > n.cfg.Heartbeat+10*ms {
				t.Errorf("%s: asked %d times in %v: %v", c.what, asked, took, err)
			}
		}
	})
}

func TestTransportPollsForPreVotes(t *testing.T) {
	x := newTalking()
	tr := newTransport(x.Node, deaf{newQueue(nil)}, hclog.NewNullLogger())
	defer tr.Close()
	if err := tr.RequestPreVote("lb2", "", &raft.RequestPreVoteRequest{Term: 8}, &raft.RequestPreVoteResponse{}); !errors.Is(err, errNoRoute) {
		t.Errorf("asking for a pre-vote: %v", err)
	}
	if x.poll.term != 8 || len(x.poll.hopes) != 0 {
		t.Errorf("the poll has %+v of term %d, want nobody of term 8", x.poll.hopes, x.poll.term)
	}
}
