package cluster

import (
	"context"
	"time"

	"github.com/perch-vip/perch/cluster/state"
)

// Where the kernel does not enforce the lease, a dead or frozen owner's addresses
// linger: they answer for a while after the lease's end. Such a node tells the
// cluster for how long before it holds, and a successor that nobody has released
// for waits so long. Nodes whose kernel enforces the lease have nothing to tell, but
// that they no longer linger if they once did.

// declareRetry lies between two attempts to tell.
const declareRetry = 200 * time.Millisecond

// lingering is what a leader waits for. The zero value waits from the next term on.
type lingering struct {
	term    uint64        // in which this node leads
	since   time.Duration // when its lease began
	cleared uint64        // the newest term in which all earlier owners had let go
	over    bool          // the wait in term is over
}

// settled tells whether in term, of which this node is leader with a lease, no
// earlier owner's addresses can linger: the last one has released, or the longest
// time that any of them lingers has passed since this lease began. The caller holds
// mu.
func (n *Node) settled(term uint64, now time.Duration) bool {
	l := &n.lingering
	if l.term != term {
		l.term, l.since, l.over = term, now, l.cleared > 0 && l.cleared+1 == term
	}
	if !l.over {
		l.over = now-l.since >= n.fsm.longestLinger(n.cfg.Node)
	}
	return l.over
}

// settledIn tells whether this node, as the leader of term, had waited for what
// lingered. The caller holds mu.
func (n *Node) settledIn(term uint64) bool {
	return n.lingering.term == term && n.lingering.over
}

// declared tells whether the cluster knows for how long this node's addresses
// linger, and has it told if not.
func (n *Node) declared() bool {
	known := n.fsm.linger(n.cfg.Node)
	if known != n.cfg.Linger {
		signal(n.undeclared)
	}
	return known >= n.cfg.Linger
}

// declareEvery is how often a node looks whether the cluster knows.
const declareEvery = time.Minute

// declare tells the cluster for how long this node's addresses linger, whenever that
// is something else than what the cluster knows, until ctx ends.
func (n *Node) declare(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.undeclared:
		case <-time.After(declareEvery):
		}
		if !n.member.Load() || n.fsm.linger(n.cfg.Node) == n.cfg.Linger {
			continue
		}
		if err := n.declareNow(ctx); err != nil {
			n.cfg.Log.Debug("telling the cluster how long addresses linger here", "error", err)
			pause(ctx, declareRetry)
			signal(n.undeclared)
		}
		n.notify()
	}
}

func (n *Node) declareNow(ctx context.Context) error {
	leader := n.leader()
	switch leader {
	case "":
		return ErrNoLeader
	case n.cfg.Node:
		_, err := n.apply(state.Command{Linger: &state.Linger{Node: n.cfg.Node, For: n.cfg.Linger}}, n.commitLimit())
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, parleyLimit)
	defer cancel()
	a, err := n.ask(ctx, leader, question{Birth: n.birth, Linger: &n.cfg.Linger})
	if err != nil {
		return err
	}
	return a.err()
}

// Waits returns for how much longer this node, as leader with a lease, waits for
// the addresses of an earlier owner to go, or 0.
func (n *Node) Waits() time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.lingering.over || n.lingering.term == 0 {
		return 0
	}
	return max(0, n.lingering.since+n.fsm.longestLinger(n.cfg.Node)-n.now())
}
