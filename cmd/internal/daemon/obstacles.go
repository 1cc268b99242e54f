package daemon

import (
	"strings"

	"github.com/perch-vip/perch/cluster"
	"github.com/perch-vip/perch/cmd/internal/api"
)

// obstacles are why this node could not own or serve what its config says, for probes. A
// node that stands by is as ready as the owner.
func (d *daemon) obstacles() []string {
	return d.obstaclesOf(d.probed.look(d.routers, d.fence.Kind()), d.bgpStatus(), d.balancer.status())
}

func (d *daemon) obstaclesOf(routers glimpse, bgp *api.BGP, ipvs *api.IPVS) (all []string) {
	if d.supervisor.ending() {
		all = append(all, "daemon: it is about to end")
	}
	all = append(all, fenceObstacles(d.fence.Trouble(), d.mayHold())...)
	if d.member != nil {
		s, drained := d.fitness(), d.member.node.Drained(d.name())
		all = append(all, clusterObstacles(d.member.node.View(), isWitness(d.config()), drained, s)...)
		all = append(all, d.hindrances()...)
	}
	all = append(all, routerObstacles(routers)...)
	if bgp != nil && bgp.Error != "" {
		all = append(all, "bgp: "+bgp.Error)
	}
	if ipvs != nil && (ipvs.State == api.ServiceWaiting || ipvs.State == api.ServiceBlocked) {
		all = append(all, "ipvs: "+ipvs.Reason)
	}
	return all
}

// fenceObstacles are those of a node that may hold an address, or may not: then there is
// nothing that the fence would have to end.
func fenceObstacles(trouble error, mayHold bool) []string {
	if trouble == nil || !mayHold {
		return nil
	}
	return []string{"fence: " + trouble.Error()}
}

// mayHold tells whether this node may come to hold an address that is fenced.
func (d *daemon) mayHold() bool {
	return d.routers != nil || d.anycast != nil || d.member != nil && !isWitness(d.config())
}

// clusterObstacles are those of a member. A witness owns nothing, by its config.
func clusterObstacles(view cluster.View, witness, drained bool, f fitness) (all []string) {
	switch {
	case view.Left:
		all = append(all, "cluster: this node is no member of it any more")
	case view.Stuck != "":
		all = append(all, "cluster: it elects nobody any more: "+view.Stuck)
	case view.Waiting != "":
		all = append(all, "cluster: this node does not take part: it "+view.Waiting)
	case !view.Quorum:
		all = append(all, "cluster: no majority stands behind a leader that this node knows of")
	}
	if view.Trouble != "" {
		all = append(all, "cluster: this node cannot write its log: "+view.Trouble)
	}
	if witness {
		return all
	}
	if drained {
		all = append(all, "cluster: this node is drained")
	}
	if f.health == sick {
		all = append(all, "cluster: this node is sick: "+strings.Join(healthOf(f).Reasons, ", "))
	}
	return all
}

func routerObstacles(routers glimpse) (all []string) {
	if !routers.answered {
		all = append(all, "vrrp: the loop of the virtual routers does not answer")
	}
	for i := range routers.list {
		switch r := &routers.list[i]; r.State {
		case api.StateFault, api.StateInit:
			all = append(all, "vrrp: virtual router "+r.Name+" is in state "+r.State+": "+r.Reason)
		}
	}
	return all
}
