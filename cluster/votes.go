package cluster

import (
	"time"

	"github.com/hashicorp/raft"
)

// The vote for a candidate that the old leader has called is a grant, too: that one has
// released, and the winner need not ask once more while nobody holds the VIPs. The grant is of
// the term that the vote is for, which nobody else can lead by this vote, and counts in no
// other. Other candidates have no such grant: they compete, and one to a loser would keep the
// winner waiting.

// grantVote makes a vote a grant, too, if the candidate was called by the old leader, unless a
// grant to another one runs.
func (n *Node) grantVote(req *raft.RequestVoteRequest, resp *raft.RequestVoteResponse) {
	if !req.LeadershipTransfer || resp.Term != req.Term {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	now := n.now()
	if n.member.Load() && n.grants.give(string(req.ID), req.Term, now, now+n.cfg.grantLength()) {
		resp.Addr = n.granting
	}
}

// elected notes the answer of a voter to a request for its vote that was sent at the given
// time. What it grants counts once this node leads the term.
func (n *Node) elected(peer string, sent time.Duration, req *raft.RequestVoteRequest, resp *raft.RequestVoteResponse) {
	length := lengthIn(resp.Addr, markGrant)
	if !resp.Granted || resp.Term != req.Term || length == 0 {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lease.grant(req.Term, peer, sent+leaseLength(length))
}

// granted tells whether the votes for this node, the leader of term, were grants enough for a
// lease. Then the library's own heartbeats, some moments later, come in time: what is sent at
// once takes the processor from what takes the VIPs.
func (n *Node) granted(r *raft.Raft, term uint64) bool {
	voting := n.votes.voters(r, voters)
	n.mu.Lock()
	defer n.mu.Unlock()
	now := n.now()
	return n.leaseEnd(term, voting, now)-now > n.cfg.grantLength()/2
}
