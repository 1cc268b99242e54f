package cluster

import (
	"slices"
	"sync"

	"github.com/hashicorp/raft"
)

// poll is what keeps survivors that ask at the same time from splitting the votes: the library
// grants pre-votes to all of them, also in a term in which it has voted, and then each has a
// part of the votes and nobody a majority, until their next election timeout.
type poll struct {
	mu      sync.Mutex
	term    uint64              // of the pre-votes that this node asks for
	hopes   map[string]struct{} // of whom, unless they have refused
	votedIn uint64              // the last term in which this node was asked for its vote
	votedBy string              // by whom, unless it refused
}

// ask notes that a peer is asked for its pre-vote in a term.
func (p *poll) ask(peer string, term uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.term != term || p.hopes == nil {
		p.term, p.hopes = term, make(map[string]struct{})
	}
	p.hopes[peer] = struct{}{}
}

// refused notes that a peer has refused its pre-vote in a term, or did not answer.
func (p *poll) refused(peer string, term uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.term == term {
		delete(p.hopes, peer)
	}
}

// hopesFor tells whether a peer may have granted its pre-vote in a term.
func (p *poll) hopesFor(peer string, term uint64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := p.hopes[peer]
	return ok && p.term == term
}

// vote notes that a candidate asks for this node's vote in a term.
func (p *poll) vote(candidate string, term uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if term > p.votedIn {
		p.votedIn, p.votedBy = term, candidate
	}
}

// noVote notes that the candidate has not got it.
func (p *poll) noVote(candidate string, term uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.votedIn == term && p.votedBy == candidate {
		p.votedBy = ""
	}
}

// votedElse tells whether the vote of a term is another candidate's.
func (p *poll) votedElse(candidate string, term uint64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.votedIn == term && p.votedBy != "" && p.votedBy != candidate
}

// outdone tells whether a pre-vote that the library grants is to be refused: this node's vote
// of the term has gone to another candidate or to itself, or this node asks, too, is the better
// one, and may have the other's pre-vote. A pre-vote that is not granted does no harm.
func (n *Node) outdone(req *raft.RequestPreVoteRequest) bool {
	peer := string(req.ID)
	r := n.raft.Load()
	switch {
	case r == nil:
		return false
	case n.poll.votedElse(peer, req.Term):
		return true
	case r.State() != raft.Candidate:
		return false
	case r.CurrentTerm() == req.Term:
		return true // and has this node's vote
	}
	return n.poll.hopesFor(peer, req.Term) && n.isPreferred(n.cfg.Node, peer)
}

// isPreferred tells whether one node is to own rather than another one.
func (n *Node) isPreferred(one, other string) bool {
	preference := n.preference()
	rank := func(name string) int {
		return slices.IndexFunc(preference, func(p Peer) bool { return p.Name == name })
	}
	return rank(one) < rank(other)
}
