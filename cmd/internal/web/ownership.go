package web

// The names of the metrics of the cluster and of its VIPs.
const (
	clusterOwner     = "perch_cluster_owner"
	clusterState     = "perch_cluster_state"
	clusterRole      = "perch_cluster_role"
	clusterLeader    = "perch_cluster_leader"
	clusterQuorum    = "perch_cluster_quorum"
	clusterTerm      = "perch_cluster_term"
	clusterLease     = "perch_cluster_lease_remaining_seconds"
	clusterDrained   = "perch_cluster_drained"
	clusterHealth    = "perch_cluster_health"
	clusterPriority  = "perch_cluster_priority"
	clusterTried     = "perch_cluster_elections_started_total"
	clusterWon       = "perch_cluster_elections_won_total"
	clusterChanges   = "perch_cluster_leader_changes_total"
	clusterTaken     = "perch_cluster_takeovers_total"
	clusterTransfers = "perch_cluster_transfers_total"
	clusterLastMove  = "perch_cluster_last_move_time_seconds"
	clusterOutage    = "perch_cluster_last_move_outage_seconds"
	clusterRefused   = "perch_cluster_refused_connections_total"
	clusterStalls    = "perch_cluster_disk_stalls_total"
	clusterStall     = "perch_cluster_disk_stall_longest_seconds"
	clusterLate      = "perch_cluster_heartbeat_lateness_seconds"
	clusterLatest    = "perch_cluster_heartbeat_lateness_longest_seconds"
	clusterLeast     = "perch_cluster_lease_least_remaining_seconds"
	clusterLapses    = "perch_cluster_lease_lapses_total"
	peerReachable    = "perch_peer_reachable"
	peerContact      = "perch_peer_last_contact_time_seconds"

	vipHeld      = "perch_vip_held"
	vipReadded   = "perch_vip_readded_total"
	vipConflict  = "perch_vip_conflict"
	vipConflicts = "perch_vip_conflicts_total"

	anycastHeld    = "perch_anycast_held"
	anycastReadded = "perch_anycast_readded_total"

	announceSent     = "perch_announce_sent_total"
	announceFailed   = "perch_announce_errors_total"
	announceWithheld = "perch_announce_withheld_total"
	announceDefended = "perch_announce_defended_total"
)

// ofCluster is a family of this node's part in the cluster.
func ofCluster(name, kind, help string, labels []string, collect func(*Cluster, *sink)) family {
	return family{metric{name, kind, help, labels}, func(m *Metrics, s *sink) {
		if m.Cluster != nil {
			collect(m.Cluster, s)
		}
	}}
}

func clusterFamilies() []family {
	return []family{
		ofCluster(clusterOwner, gauge, "1 if this node owns the VIPs of the cluster.", nil,
			func(c *Cluster, s *sink) { s.state(c.Owner) }),
		ofCluster(clusterState, gauge, "The state that the cluster is in, as a label; always 1.", []string{"state"},
			func(c *Cluster, s *sink) { s.add(1, c.State) }),
		ofCluster(clusterRole, gauge, "The part of this node in the cluster, as a label; always 1.", []string{"role"},
			func(c *Cluster, s *sink) { s.add(1, c.Role) }),
		ofCluster(clusterLeader, gauge, "The leader that this node knows of, as a label; always 1.", []string{"leader"},
			func(c *Cluster, s *sink) {
				if c.Leader != "" {
					s.add(1, c.Leader)
				}
			}),
		ofCluster(clusterQuorum, gauge, "1 if a majority stands behind the leader.", nil,
			func(c *Cluster, s *sink) { s.state(c.Quorum) }),
		ofCluster(clusterTerm, gauge, "The term of the cluster, which grows with each election.", nil,
			func(c *Cluster, s *sink) { s.count(c.Term) }),
		ofCluster(clusterLease, gauge, "For how long this node may hold the VIPs without an answer of the others, 0 if it may not.", nil,
			func(c *Cluster, s *sink) { s.add(c.Lease.Seconds()) }),
		ofCluster(clusterDrained, gauge, "1 if an operator has drained this node.", nil,
			func(c *Cluster, s *sink) { s.state(c.Drained) }),
		ofCluster(clusterHealth, gauge, "What the checks make of this node, as a label; always 1.", []string{"state"},
			func(c *Cluster, s *sink) { s.add(1, c.Health) }),
		ofCluster(clusterPriority, gauge, "The priority of this node with what its checks add or take away.", nil,
			func(c *Cluster, s *sink) { s.add(float64(c.Priority)) }),
		ofCluster(clusterTried, counter, "Elections that this node stood in.", nil,
			func(c *Cluster, s *sink) { s.count(c.Tried) }),
		ofCluster(clusterWon, counter, "Elections that this node won.", nil,
			func(c *Cluster, s *sink) { s.count(c.Won) }),
		ofCluster(clusterChanges, counter, "Times that this node came to know of another leader.", nil,
			func(c *Cluster, s *sink) { s.count(c.LeaderChanges) }),
		ofCluster(clusterTaken, counter, "Times that this node took the VIPs.", nil,
			func(c *Cluster, s *sink) { s.count(c.Taken) }),
		ofCluster(clusterTransfers, counter, "Planned moves away from this node, by why and by what came of them.", []string{"reason", "result"},
			func(c *Cluster, s *sink) {
				for _, t := range c.Transfers {
					s.count(t.Count, t.Reason, t.Result)
				}
			}),
		ofCluster(clusterLastMove, gauge, "When the VIPs moved last, Unix time; 0 if they never did.", nil,
			func(c *Cluster, s *sink) { s.add(epoch(c.LastMove.Time)) }),
		ofCluster(clusterOutage, gauge, "For how long nobody held the VIPs in the last move, where that is known.", []string{"known"},
			func(c *Cluster, s *sink) {
				if c.LastMove.OutageKnown != "" {
					s.add(c.LastMove.Outage.Seconds(), c.LastMove.OutageKnown)
				}
			}),
		ofCluster(clusterStalls, counter, "Writes of this node's log that took longer than the heartbeat timeout.", nil,
			func(c *Cluster, s *sink) { s.count(c.Stalls) }),
		ofCluster(clusterStall, gauge, "How long the longest of these writes took.", nil,
			func(c *Cluster, s *sink) { s.add(c.LongestStall.Seconds()) }),
		ofCluster(clusterLate, histogram, "How late this node woke up to send heartbeats as the leader.", nil,
			func(c *Cluster, s *sink) { s.spread(c.Late) }),
		ofCluster(clusterLatest, gauge, "The longest of these.", nil,
			func(c *Cluster, s *sink) { s.add(c.LongestLate.Seconds()) }),
		ofCluster(clusterLeast, gauge, "The least that was left of a lease when it was extended, 0 if none was.", nil,
			func(c *Cluster, s *sink) { s.add(c.LeastLease.Seconds()) }),
		ofCluster(clusterLapses, counter, "Leases that ended while this node held the VIPs.", nil,
			func(c *Cluster, s *sink) { s.count(c.Lapses) }),
		ofCluster(clusterRefused, counter, "Connections to the cluster port that were turned away.", nil,
			func(c *Cluster, s *sink) { s.count(c.Refused) }),
		ofCluster(peerReachable, gauge, "1 if this node has heard from that peer of late.", []string{"peer"},
			func(c *Cluster, s *sink) {
				for _, p := range c.Peers {
					s.state(p.Reachable, p.Name)
				}
			}),
		ofCluster(peerContact, gauge, "When this node heard from that peer last, Unix time; 0 for never.", []string{"peer"},
			func(c *Cluster, s *sink) {
				for _, p := range c.Peers {
					s.add(epoch(p.Contact), p.Name)
				}
			}),
	}
}

func vipMetrics() []column[VIP] {
	labels := []string{"address", "interface"}
	return []column[VIP]{
		{
			metric: metric{vipHeld, gauge, "1 if this node's kernel has the VIP, and the node may hold it.", labels},
			value:  func(v *VIP) uint64 { return one(v.Held) },
		},
		{
			metric: metric{vipReadded, counter, "Times the VIP was put back after somebody else had removed it.", labels},
			value:  func(v *VIP) uint64 { return v.Readded },
		},
		{
			metric: metric{vipConflict, gauge, "1 while another host claims the VIP that this node holds.", labels},
			value:  func(v *VIP) uint64 { return one(v.Conflict) },
		},
		{
			metric: metric{vipConflicts, counter, "Frames in which another host claimed the VIP while it was held here.", labels},
			value:  func(v *VIP) uint64 { return v.Conflicts },
		},
	}
}

// anycastMetrics are of VIPs that many nodes hold at once.
func anycastMetrics() []column[VIP] {
	labels := []string{"address", "interface"}
	return []column[VIP]{
		{
			metric: metric{anycastHeld, gauge, "1 if this node's kernel has the anycast VIP.", labels},
			value:  func(v *VIP) uint64 { return one(v.Held) },
		},
		{
			metric: metric{anycastReadded, counter, "Times the anycast VIP was put back after somebody else had removed it.", labels},
			value:  func(v *VIP) uint64 { return v.Readded },
		},
	}
}

// ofAnnounced is a family of what neighbours were told.
func ofAnnounced(name, help string, value func(*Announced) uint64) family {
	return family{metric{name, counter, help, []string{"part"}}, func(m *Metrics, s *sink) {
		for i := range m.Announced {
			s.count(value(&m.Announced[i]), m.Announced[i].Part)
		}
	}}
}

func announceFamilies() []family {
	return []family{
		ofAnnounced(announceSent, "Frames sent that announce addresses.", func(a *Announced) uint64 { return a.Sent }),
		ofAnnounced(announceFailed, "Frames that the kernel refused.", func(a *Announced) uint64 { return a.Failed }),
		ofAnnounced(announceWithheld, "Announcements that were not made, since this node might not hold the address any more.",
			func(a *Announced) uint64 { return a.Withheld }),
		ofAnnounced(announceDefended, "Announcements in answer to another host that claimed the address.",
			func(a *Announced) uint64 { return a.Defended }),
	}
}
