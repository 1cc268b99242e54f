package daemon

import (
	"time"

	"github.com/perch-vip/perch/cluster"
	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/web"
)

// clusterMeasured is this node's part in the cluster as it knows it without asking.
func (d *daemon) clusterMeasured() *web.Cluster {
	m := d.member
	if m == nil {
		return nil
	}
	view, elections, fit := m.node.View(), m.node.Elections(), d.fitness()
	peers, late := d.peersMeasured(view), m.node.Lateness()
	c := &web.Cluster{
		State: clusterState(view, peers), Role: string(view.Role), Leader: view.Leader, Term: view.Term, Quorum: view.Quorum,
		Owner: m.holder.place() == here, Lease: m.holder.left(),
		Drained: m.node.Drained(d.name()), Health: string(fit.health), Priority: fit.priority,
		Tried: elections.Tried, Won: elections.Won, LeaderChanges: elections.Leaders,
		Taken: m.holder.takings.Load(), Refused: m.node.Refused(),
		Transfers: d.moves.all(), Peers: peers,
		Stalls: view.Stalls.Count, LongestStall: view.Stalls.Longest,
		Late: spreadOf(late), LongestLate: late.Longest,
		LeastLease: time.Duration(m.holder.margin.least.Load()), Lapses: m.holder.margin.lapses.Load(),
	}
	if history := m.node.State().History; len(history) > 0 {
		c.LastMove = moveOf(history[len(history)-1])
	}
	return c
}

func spreadOf(l cluster.Lateness) web.Spread {
	return web.Spread{Bounds: cluster.LatenessBounds(), Counts: l.Counts[:], Count: l.Count, Sum: l.Sum}
}

// left is how much of the lease is left that the VIPs are held under.
func (h *holder) left() time.Duration {
	if h.place() != here {
		return 0
	}
	return max(time.Duration(h.until.Load())-h.cluster.Now(), 0)
}

// peersMeasured are the other nodes: heard of as their leader or from it, or by what they
// tell of their health.
func (d *daemon) peersMeasured(view cluster.View) (list []web.Peer) {
	now, contacts := time.Now(), d.member.node.Contacts()
	for _, p := range roster(d.config().Cluster, view.Members) {
		if p.Name == d.name() {
			continue
		}
		_, age, known := d.member.hearsay.of(p.Name)
		if contact, is := contacts[p.Name]; is && (!known || contact < age) {
			age, known = contact, true
		}
		peer := web.Peer{Name: p.Name, Reachable: known && age <= reportLife}
		if known {
			peer.Contact = now.Add(-age)
		}
		list = append(list, peer)
	}
	return list
}

// clusterState is how the cluster is, as a status has it.
func clusterState(view cluster.View, peers []web.Peer) string {
	reachable := 1
	for _, p := range peers {
		if p.Reachable {
			reachable++
		}
	}
	switch {
	case view.Left:
		return api.StateLeft
	case view.Quorum:
		return api.StateOK
	case view.Stuck == "" && view.Waiting == "" && reachable > (len(peers)+1)/2:
		return api.StateElecting
	}
	return api.StateNoQuorum
}
