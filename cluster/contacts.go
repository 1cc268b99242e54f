package cluster

import (
	"time"

	"github.com/hashicorp/raft"
)

// Contacts returns when this node was last in contact with other nodes as their leader, or
// with its own: how long ago. Those of whom it knows nothing are not in it.
func (n *Node) Contacts() map[string]time.Duration {
	ages := map[string]time.Duration{}
	r := n.raft.Load()
	if r == nil {
		return ages
	}
	if r.State() != raft.Leader {
		_, leader := r.LeaderWithID()
		if last := r.LastContact(); leader != "" && !last.IsZero() {
			ages[string(leader)] = time.Since(last)
		}
		return ages
	}
	term := r.CurrentTerm()
	n.mu.Lock()
	defer n.mu.Unlock()
	now := n.now()
	for peer, c := range n.contacts {
		if c.term == term && c.sent > 0 {
			ages[peer] = now - c.sent
		}
	}
	return ages
}
