package cluster

import (
	"errors"
	"time"

	"github.com/hashicorp/raft"

	"github.com/perch-vip/perch/cluster/state"
)

// Ownership says whether this node may hold the VIPs, and until when.
type Ownership struct {
	Term uint64
	// Until is a reading of the boot clock (Node.Now): the node may hold before
	// it and not after. 0 = it may not hold.
	Until time.Duration
}

// Leads tells whether the node may hold at the given boot time.
func (o Ownership) Leads(now time.Duration) bool { return now < o.Until }

// Now reads the clock of Ownership.Until.
func (n *Node) Now() time.Duration { return n.now() }

// Ownership evaluates whether this node may hold now: it is leader, has not
// given leadership away in this term, grants of a majority run, its main loop is
// alive, it has applied all commands of its log, without which it might not know
// that it is drained, and no earlier owner's addresses linger.
func (n *Node) Ownership() Ownership {
	r := n.raft.Load()
	if r == nil || r.State() != raft.Leader || !n.member.Load() {
		return Ownership{}
	}
	term := r.CurrentTerm()
	recalls := n.recalls(r.LastIndex(), term)
	own := n.evaluate(term, n.votes.voters(r, voters), recalls && n.declared())
	if own.Until > 0 && !n.leads(term) {
		return Ownership{} // an answer that lets another node own may have left already
	}
	return own
}

// evaluate is Ownership of a leader of term.
func (n *Node) evaluate(term uint64, voting []string, ready bool) Ownership {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := n.now()
	until := n.leaseEnd(term, voting, now)
	lively := n.lively(term)
	n.waiting = until <= now || !ready || !lively || !n.settled(term, now)
	if n.waiting || n.moving.bars(term) {
		return Ownership{}
	}
	n.grants.give(n.cfg.Node, term, now, until)
	n.given++
	n.ends = end{term: term, at: until, voting: voting}
	return Ownership{Term: term, Until: until}
}

// end is when a lease ends, and by whose grants.
type end struct {
	term   uint64
	at     time.Duration
	voting []string
}

// extends tells whether the lease of term has become longer by much since it was
// evaluated. The caller holds mu.
func (n *Node) extends(term uint64) bool {
	if n.ends.term != term {
		return false
	}
	now := n.leaseEnd(term, n.ends.voting, n.now())
	return now-n.ends.at >= n.cfg.grantLength()/8
}

// leaseEnd returns when the lease of this node as the leader of term ends, or 0.
// It counts itself like any voter: not while it has granted to another leader. The
// caller holds mu.
func (n *Node) leaseEnd(term uint64, voting []string, now time.Duration) time.Duration {
	var self time.Duration
	if n.grants.free(n.cfg.Node, now) {
		self = now + leaseLength(n.cfg.grantLength())
	}
	return n.lease.until(term, n.cfg.Node, self, voting)
}

// recalls tells whether the leader of term has applied every command of its log,
// which ends at index last. It looks only until the answer is yes once.
func (n *Node) recalls(last, term uint64) bool {
	n.mu.Lock()
	known := n.recalled == term
	n.mu.Unlock()
	if known {
		return true
	}
	complete, err := n.complete(last)
	if err != nil {
		n.end(err)
	}
	if !complete {
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.recalled = term
	return true
}

// complete tells whether the state has every command of the log up to index last. The library
// counts an entry as applied before the state has it. What is no longer in the log stands in a
// snapshot, which was restored before.
func (n *Node) complete(last uint64) (bool, error) {
	applied := n.fsm.applied()
	for i := last; i > applied; i-- {
		var entry raft.Log
		err := n.store.peek(i, &entry)
		if errors.Is(err, raft.ErrLogNotFound) {
			return true, nil
		}
		if err != nil || entry.Type == raft.LogCommand {
			return false, err
		}
	}
	return true, nil
}

// leads tells whether this node is leader of term. It is not enough to hold.
func (n *Node) leads(term uint64) bool {
	r := n.raft.Load()
	return r != nil && r.State() == raft.Leader && r.CurrentTerm() == term
}

// noting sends a request to a peer and notes what its answer is worth. What
// counts is when it was sent: the peer may have heard of it then.
func (n *Node) noting(peer string, req *raft.AppendEntriesRequest, resp *raft.AppendEntriesResponse, send func() error) error {
	sent := n.now()
	if err := send(); err != nil {
		n.unanswered(peer, sent)
		return err
	}
	n.answered(peer, sent, req, resp)
	return nil
}

// answered notes a follower's answer to a request that was sent at the given time.
func (n *Node) answered(peer string, sent time.Duration, req *raft.AppendEntriesRequest, resp *raft.AppendEntriesResponse) {
	n.mu.Lock()
	c := n.contacts[peer]
	if c.term != req.Term {
		c = contact{term: req.Term}
	}
	c.sent, c.lost = max(c.sent, sent), false
	if resp.Success && resp.Term == req.Term {
		c.grant = max(c.grant, stated(resp))
		if length := granted(resp); length > 0 {
			n.lease.grant(req.Term, peer, sent+leaseLength(length))
		}
		if !isHeartbeat(req) {
			c.match = req.PrevLogEntry + uint64(len(req.Entries))
		}
	}
	n.contacts[peer] = c
	waiting, longer := n.waiting, n.extends(req.Term)
	n.mu.Unlock()
	if waiting {
		n.notify()
	}
	if longer {
		signal(n.longer)
	}
}

// unanswered notes that a request to a follower, sent at the given time, failed.
func (n *Node) unanswered(peer string, sent time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	c := n.contacts[peer]
	c.lost = sent >= c.sent // else a later one was answered
	n.contacts[peer] = c
}

// patience is the shortest time for which a voter grants: this node's own, or a
// peer's while not all have the same.
func (n *Node) patience() time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	shortest := n.cfg.grantLength()
	for _, c := range n.contacts {
		if c.grant > 0 {
			shortest = min(shortest, c.grant)
		}
	}
	return shortest
}

func (n *Node) contact(peer string) contact {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.contacts[peer]
}

// Claim records that this node took the VIPs in term, after an Outage.
func (n *Node) Claim(term uint64, after state.Outage) error {
	claim := state.Claim{Time: time.Now().UTC().Round(time.Millisecond), Term: term, Node: n.cfg.Node, Outage: after}
	_, err := n.apply(state.Command{Claim: &claim}, n.commitLimit())
	return err
}

// SetDrained marks a node as drained or not. Only the leader can.
func (n *Node) SetDrained(d state.Drain) error {
	_, err := n.apply(state.Command{Drain: &d}, n.commitLimit())
	return err
}

// commitLimit bounds the wait for an entry to be committed, which takes a write
// to disk on a majority of the nodes.
func (n *Node) commitLimit() time.Duration { return max(4*n.cfg.Heartbeat, 2*time.Second) }
