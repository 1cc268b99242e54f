package daemon

import (
	"fmt"
	"slices"
	"time"

	"github.com/perch-vip/perch/cluster"
	"github.com/perch-vip/perch/cluster/state"
	"github.com/perch-vip/perch/cmd/internal/api"
)

// standing returns what is known of a node's health.
func (d *daemon) standing(name string) peer {
	priority := cluster.LowestPriority
	if p, listed := d.config().Cluster.Peer(name); listed {
		priority = p.Priority
	}
	return peer{name: name, fitness: fitness{health: well, priority: priority}}
}

// succession returns what the decision about the VIPs depends on, if this node leads.
func (d *daemon) succession() succession {
	s := succession{
		now:     time.Now(),
		self:    d.standing(d.name()),
		moves:   d.member.node.State().History,
		preempt: d.config().Cluster.Preempt,
	}
	able := d.member.node.Candidates()
	for _, p := range d.roster() {
		if p.Name != d.name() {
			other := d.standing(p.Name)
			other.able = slices.Contains(able, p.Name)
			s.peers = append(s.peers, other)
		}
	}
	return s
}

// successors returns the other nodes in the order in which a planned move that names
// none should go to them.
func (d *daemon) successors() []string { return inOrder(d.succession().peers) }

// better returns the node that is preferred to this one, which holds the VIPs, or "".
func (d *daemon) better() string {
	if !d.member.holder.holding() {
		return ""
	}
	if c := d.succession().course(); c.cause == state.CausePreempt {
		return c.to[0]
	}
	return ""
}

// named returns the move to a node that was asked for by its name: not to one that is
// sick, which would leave again at once.
func named(p peer, reason string) (cluster.Move, error) {
	if p.current() == sick {
		return cluster.Move{}, api.NotNow(fmt.Errorf("%s is sick: %s", p.name, brief(p.reasons)))
	}
	return cluster.Move{To: []string{p.name}, Reason: reason}, nil
}
