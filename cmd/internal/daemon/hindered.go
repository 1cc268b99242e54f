package daemon

import (
	"fmt"
	"strings"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/vip"
)

// mostHindered bounds the VIPs of a node that are warned of one by one: what hinders one
// often hinders all, and there may be thousands.
const mostHindered = 20

// hindered warns of nodes that do not own the VIPs and could not hold one of them: a
// misspelt interface is to be known before the VIPs come.
func (s snapshot) hindered(nodes []api.Node, answers map[string]answer) (warnings []string) {
	for _, node := range nodes {
		if p, _ := s.config.Cluster.Peer(node.Name); p.Witness {
			continue
		}
		all := hinderedAt(answers[node.Name].report.VIPs, node.Name)
		warnings = append(warnings, all[:min(len(all), mostHindered)]...)
		if more := len(all) - mostHindered; more > 0 {
			warnings = append(warnings, fmt.Sprintf("%d more VIPs cannot be held by %s", more, node.Name))
		}
	}
	return warnings
}

// hinderedAt warns of the VIPs that a node could not hold, and of its addresses that a range
// darkens, by what it reports.
func hinderedAt(vips []api.VIP, node string) (warnings []string) {
	for _, v := range vips {
		if v.Owner == "" && !v.Held && v.Reason != "" {
			what := "cannot be held by"
			if strings.Contains(v.Reason, vip.LiesWithin) {
				what = "at"
			}
			warnings = append(warnings, fmt.Sprintf("VIP %s %s %s: %s", v.Address, what, node, v.Reason))
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
		if !s.Held && s.Reason != "" && !strings.Contains(s.Reason, vip.LiesWithin) {
			all = append(all, fmt.Sprintf("VIP %s cannot be held: %s", s.VIP.Address, s.Reason))
		}
	}
	return all
}
