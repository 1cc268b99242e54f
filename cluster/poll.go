package cluster

import (
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// poll is what keeps survivors that ask at the same time from splitting the votes: the library
// grants pre-votes to all of them, also in a term in which it has voted, and then each has a
// part of the votes and nobody a majority, until their next election timeout.
type poll struct {
	mu    sync.Mutex
	term  uint64                   // of the pre-votes that this node asks for
	hopes map[string]time.Duration // until when it hopes for whose, unless they have refused
	voted bid                      // the first that asked in the last term, unless it was refused
}

// bid is a candidate's for a node's vote.
type bid struct {
	term  uint64
	by    string        // "" for nobody
	until time.Duration // for so long others need not ask for it
}

// ask notes that a peer is asked for its pre-vote in a term, and until when that counts.
func (p *poll) ask(peer string, term uint64, until time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.term != term || p.hopes == nil {
		p.term, p.hopes = term, make(map[string]time.Duration)
	}
	p.hopes[peer] = until
}

// refused notes that a peer has refused its pre-vote in a term, or did not answer.
func (p *poll) refused(peer string, term uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.term == term {
		delete(p.hopes, peer)
	}
}

// hopesFor tells whether a peer may have granted its pre-vote in a term just now.
func (p *poll) hopesFor(peer string, term uint64, now time.Duration) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	until, ok := p.hopes[peer]
	return ok && p.term == term && now < until
}

// vote notes that a candidate asks for this node's vote.
func (p *poll) vote(b bid) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if b.term > p.voted.term {
		p.voted = b
	}
}

// noVote notes that the candidate has not got it.
func (p *poll) noVote(candidate string, term uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.voted.term == term && p.voted.by == candidate {
		p.voted.by = ""
	}
}

// votedElse tells whether the vote of a term went to another candidate just now.
func (p *poll) votedElse(candidate string, term uint64, now time.Duration) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.voted.term == term && p.voted.by != "" && p.voted.by != candidate && now < p.voted.until
}

// pollLimit is until when a node refuses its pre-vote for another one's sake. The better one
// may be cut off from those who would elect it, and who lost must find out that the term is over.
func (n *Node) pollLimit() time.Duration { return n.now() + 2*wakeStep(n.cfg.Heartbeat) }

// outdone tells whether a pre-vote that the library grants is to be refused: this node's vote
// of the term has just gone to another candidate or to itself, or this node has just asked, too,
// is the better one, and may have the other's pre-vote. A pre-vote that is not granted does no
// harm.
func (n *Node) outdone(req *raft.RequestPreVoteRequest) bool {
	peer, now := string(req.ID), n.now()
	return n.poll.votedElse(peer, req.Term, now) ||
		n.poll.hopesFor(peer, req.Term, now) && n.rank(n.cfg.Node) < n.rank(peer)
}
