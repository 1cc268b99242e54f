package daemon

import (
	"fmt"
	"slices"
	"strings"

	"github.com/perch-vip/perch/cluster"
	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/vip/fence"
)

// alarms returns warnings about the present state, worst first.
func (s snapshot) alarms(st api.Status, answers map[string]answer, reported map[string]*api.VIP) []string {
	var alarms, unreachable, owners, troubled []string
	for _, node := range st.Cluster.Nodes {
		switch {
		case node.Role == api.RoleUnreachable:
			unreachable = append(unreachable, node.Name)
		case !node.Healthy:
			troubled = append(troubled, node.Name+" "+node.Error)
		}
		if r := answers[node.Name].report; len(r.VIPs) > 0 && r.VIPs[0].Owner == node.Name {
			owners = append(owners, node.Name)
		}
	}
	if len(owners) > 1 {
		alarms = append(alarms, fmt.Sprintf("%s say that they own the VIPs at once; ask again, a hand-over may be under way", strings.Join(owners, " and ")))
	}
	if s.view.Stuck != "" {
		alarms = append(alarms, "the cluster elects nobody any more: "+s.view.Stuck)
	}
	if total := len(st.Cluster.Nodes); st.Cluster.State == api.StateNoQuorum && total-len(unreachable) <= total/2 {
		alarms = append(alarms, fmt.Sprintf("no majority: %s reaches %d of %d nodes, itself included, and %d are needed; VIPs are held by nobody on this side",
			st.Node, total-len(unreachable), total, total/2+1))
	}
	for _, v := range st.VIPs {
		switch trouble := troubleOf(reported, v); {
		case v.Owner != "" && !v.Held:
			alarms = append(alarms, fmt.Sprintf("VIP %s is not held by %s: %s", v.Address, v.Owner, v.Reason))
		case trouble != "":
			alarms = append(alarms, fmt.Sprintf("VIP %s is held by %s but cannot be reached: %s", v.Address, v.Owner, trouble))
		}
		if v.Conflict != nil && v.Conflict.Ongoing {
			alarms = append(alarms, fmt.Sprintf("VIP %s is claimed by another host, too, with MAC %s: find it and take the address from it", v.Address, v.Conflict.MAC))
		}
	}
	if s.view.Waiting != "" && s.view.Stuck == "" {
		alarms = append(alarms, st.Node+" does not take part in the cluster: it "+s.view.Waiting)
	}
	alarms = append(alarms, troubled...)
	alarms = append(alarms, s.hindered(st.Cluster.Nodes, answers)...)
	alarms = append(alarms, s.strangers()...)
	alarms = append(alarms, s.weakFences(st.Cluster.Nodes)...)
	if len(unreachable) > 0 {
		alarms = append(alarms, "not answering: "+strings.Join(unreachable, ", "))
	}
	if mixed := mixedHeartbeats(st.Cluster.Nodes); mixed != "" {
		alarms = append(alarms, mixed)
	}
	alarms = append(alarms, s.disagreements(st.Cluster.Nodes, answers)...)
	for _, node := range st.Cluster.Nodes {
		if why := answers[node.Name].report.Deaf; why != "" && node.Name != st.Node {
			alarms = append(alarms, deafAlarm(node.Name, why))
		}
	}
	return alarms
}

// deafAlarm warns of a node whose control socket nobody reaches. It holds and gives up VIPs
// as ever, and is seen by the others and on its dashboard.
func deafAlarm(node, why string) string {
	return fmt.Sprintf("%s cannot be commanded, its control socket is not there: %s", node, why)
}

// strangers warns of nodes that are only in one of the config's list and the
// membership, and says what to do.
func (s snapshot) strangers() []string {
	if len(s.view.Members) == 0 || s.view.Waiting != "" {
		return nil
	}
	var warnings []string
	for _, m := range s.view.Members {
		listed, ok := s.config.Cluster.Peer(m.Name)
		switch {
		case !ok:
			warnings = append(warnings, fmt.Sprintf("%s is a member of the cluster but not in the config of %s: add it there, or run `perch remove %s`",
				m.Name, s.config.Node.Name, m.Name))
		case listed.Address != m.Address:
			warnings = append(warnings, fmt.Sprintf("the members know %s at %s, the config of %s has %s: restart %s with the right address and run `perch join` there",
				m.Name, m.Address, s.config.Node.Name, listed.Address, m.Name))
		}
	}
	for _, p := range s.config.Cluster.Peers {
		if !slices.ContainsFunc(s.view.Members, func(m cluster.Member) bool { return m.Name == p.Name }) {
			warnings = append(warnings, fmt.Sprintf("%s is in the config of %s but no member of the cluster: run `perch join` on %s, or take it out of the config",
				p.Name, s.config.Node.Name, p.Name))
		}
	}
	return warnings
}

// weakerFence warns of a fence that "auto" took since the strongest cannot be had, where there
// is something to fence.
func (s snapshot) weakerFence() []string {
	if s.weaker == nil || !fences(s.config) {
		return nil
	}
	return []string{fmt.Sprintf("fence %s is what auto takes on %s, a stronger one cannot be had: %v", s.fence, s.config.Node.Name, s.weaker)}
}

// fences tells whether a node may hold what its fence is for.
func fences(c *config.Config) bool {
	if c.Cluster != nil {
		if p, _ := c.Cluster.Peer(c.Node.Name); !p.Witness && len(c.VIPs) > 0 {
			return true
		}
	}
	return len(c.VRRP) > 0
}

// weakFences warns of nodes whose kernel does not stop answering with the lease.
func (s snapshot) weakFences(nodes []api.Node) []string {
	var warnings []string
	for _, node := range nodes {
		p, _ := s.config.Cluster.Peer(node.Name)
		if kind := fence.Kind(node.Fence); !p.Witness && (kind == fence.Lifetime || kind == fence.Off) {
			warnings = append(warnings, fmt.Sprintf("fence %s on %s: %s", kind, node.Name, kind.Promise()))
		}
	}
	return warnings
}

// mixedHeartbeats says which nodes run with which heartbeat timeout when they do
// not run with the same: the time of a failover is then anybody's guess.
func mixedHeartbeats(nodes []api.Node) string {
	names := make(map[string][]string)
	var heartbeats []string // in the order of the nodes
	for _, node := range nodes {
		if node.Heartbeat == "" {
			continue
		}
		if names[node.Heartbeat] == nil {
			heartbeats = append(heartbeats, node.Heartbeat)
		}
		names[node.Heartbeat] = append(names[node.Heartbeat], node.Name)
	}
	if len(heartbeats) < 2 {
		return ""
	}
	var groups []string
	for i, heartbeat := range heartbeats {
		with := " with "
		if i == 0 && len(names[heartbeat]) == 1 {
			with = " runs with heartbeat "
		} else if i == 0 {
			with = " run with heartbeat "
		}
		groups = append(groups, strings.Join(names[heartbeat], ", ")+with+heartbeat)
	}
	return strings.Join(groups, ", ") + ": all nodes must have the same failover profile"
}
