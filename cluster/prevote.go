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

// awaitTurn waits until who asked at the same time for the pre-votes of a term asks again,
// and tells whether this node is to: not when the term is over, nor when the library soon does.
func (n *Node) awaitTurn(term uint64, begin time.Duration) bool {
	step := wakeStep(n.cfg.Heartbeat)
	for range n.turnsBetween() {
		time.Sleep(step)
		if !n.asksFor(term) || n.now()-begin >= n.cfg.Heartbeat {
			return false
		}
	}
	return true
}

// turnsBetween is after how many steps this node asks again: when all others have been woken,
// and no other one asks.
func (n *Node) turnsBetween() int {
	preference := n.preference()
	rank := slices.IndexFunc(preference, func(p Peer) bool { return p.Name == n.cfg.Node })
	return len(preference) + max(rank, 0)
}

// asksFor tells whether this node still asks for the pre-votes of a term.
func (n *Node) asksFor(term uint64) bool {
	r := n.raft.Load()
	return r != nil && r.State() == raft.Candidate && r.CurrentTerm()+1 == term
}
