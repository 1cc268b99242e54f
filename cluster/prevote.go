package cluster

import (
	"slices"
	"time"

	"github.com/hashicorp/raft"
)

// preVote sends a request by ask, and again a while later when it was refused: a peer refuses
// as long as it believes in a leader, and the one that is woken after this node and should
// win may be the one that cannot, as it came back a moment ago and lacks what was written
// meanwhile. The library itself asks again only after its next election timeout. A pre-vote
// binds nobody, whenever it comes.
func (n *Node) preVote(peer string, req *raft.RequestPreVoteRequest, resp *raft.RequestPreVoteResponse, ask func() error) error {
	begin := n.now()
	for {
		if err := n.mayStand(); err != nil {
			return err
		}
		n.poll.ask(peer, req.Term, n.pollLimit())
		err := ask()
		if err != nil || !resp.Granted {
			n.poll.refused(peer, req.Term)
		}
		if err != nil || resp.Granted || resp.Term > req.Term || !n.awaitTurn(req.Term, begin) {
			return err
		}
	}
}

// awaitTurn waits until it is this node's turn to ask again for the pre-votes of a term, for
// which it first asked at begin. It tells whether it still is to: not when the term is over, nor
// when the library soon asks itself.
func (n *Node) awaitTurn(term uint64, begin time.Duration) bool {
	r, step := n.raft.Load(), wakeStep(n.cfg.Heartbeat)
	if r == nil {
		return false
	}
	for left := n.untilTurn(time.Since(r.LastContact())); left > 0; left -= step {
		time.Sleep(min(left, step))
		if !n.asksFor(r, term) || n.now()-begin >= n.cfg.Heartbeat {
			return false
		}
	}
	return true
}

// untilTurn returns how long it is until this node's next turn, so long after its leader was
// heard for the last time, which is about the same moment for all survivors.
func (n *Node) untilTurn(silence time.Duration) time.Duration {
	return untilTurn(silence-n.cfg.Heartbeat, wakeStep(n.cfg.Heartbeat), n.rank(n.cfg.Node), len(n.preference()))
}

// untilTurn returns the time until the next turn of the node of a rank, at least two steps: each
// of so many nodes has one in 2*nodes steps, and two steps lie between the turns of any two.
func untilTurn(now, step time.Duration, rank, nodes int) time.Duration {
	round := time.Duration(2*nodes) * step
	left := (time.Duration(2*rank)*step - now) % round
	for left < 2*step {
		left += round
	}
	return left
}

// rank is a node's place in the order of preference, 0 for the best, and below 0 if it has none.
func (n *Node) rank(name string) int {
	return slices.IndexFunc(n.preference(), func(p Peer) bool { return p.Name == name })
}

// asksFor tells whether this node still asks for the pre-votes of a term.
func (n *Node) asksFor(r *raft.Raft, term uint64) bool {
	return r.State() == raft.Candidate && r.CurrentTerm()+1 == term
}
