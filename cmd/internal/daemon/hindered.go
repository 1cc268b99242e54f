package daemon

import (
	"fmt"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// hindered warns of nodes that do not own the VIPs and could not hold one of them: a
// misspelt interface is to be known before the VIPs come.
func (s snapshot) hindered(nodes []api.Node, answers map[string]answer) (warnings []string) {
	for _, node := range nodes {
		if p, _ := s.config.Cluster.Peer(node.Name); p.Witness {
			continue
		}
		for _, v := range answers[node.Name].report.VIPs {
			if v.Owner == "" && !v.Held && v.Reason != "" {
				warnings = append(warnings, fmt.Sprintf("VIP %s cannot be held by %s: %s", v.Address, node.Name, v.Reason))
			}
		}
	}
	return warnings
}

// hindrances says which of the cluster's VIPs this node cannot hold, and why.
func (d *daemon) hindrances() (all []string) {
	if isWitness(d.config()) {
		return nil
	}
	for _, s := range d.member.holder.vips.Status() {
		if !s.Held && s.Reason != "" {
			all = append(all, fmt.Sprintf("VIP %s cannot be held: %s", s.VIP.Address, s.Reason))
		}
	}
	return all
}
