package cluster

import (
	"context"
	"time"

	"github.com/hashicorp/raft"
)

// AwaitClaim waits until the leader of this node has written into the log that it owns
// the VIPs, or anything else as a leader, and returns whether it has; not for longer than a
// heartbeat timeout. It is for a node that has handed over and ends: what it does at its end
// costs the others its vote, and on a machine that they share the processor.
func (n *Node) AwaitClaim(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, n.cfg.Heartbeat)
	defer cancel()
	for ctx.Err() == nil {
		r := n.raft.Load()
		if r == nil {
			return false
		}
		if n.hasCommand(r.LastIndex(), r.CurrentTerm()) {
			n.moment("claim seen")
			return true
		}
		pause(ctx, claimLook)
	}
	return false
}

// claimLook lies between two looks at the log.
const claimLook = 2 * time.Millisecond

// hasCommand tells whether the log, which ends at index last, has a command of term.
func (n *Node) hasCommand(last, term uint64) bool {
	for i := last; i > 0; i-- {
		var entry raft.Log
		if n.store.peek(i, &entry) != nil || entry.Term != term {
			return false
		}
		if entry.Type == raft.LogCommand {
			return true
		}
	}
	return false
}
