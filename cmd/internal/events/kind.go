package events

// Kind is what has happened. Kinds keep their name and meaning; there may be more of them.
type Kind string

// Kinds of the daemon. docs/events.md has the meaning of all, and of their fields.
const (
	DaemonStarted  Kind = "daemon_started"
	DaemonStopping Kind = "daemon_stopping"
	DaemonStopped  Kind = "daemon_stopped" // the last of its run
	ConfigReloaded Kind = "config_reloaded"
	ConfigRefused  Kind = "config_refused"
	WarningRaised  Kind = "warning_raised"
	WarningGone    Kind = "warning_gone"
)

// Kinds of the cluster.
const (
	OwnershipGained   Kind = "ownership_gained"
	OwnershipReleased Kind = "ownership_released"
	OwnershipMoved    Kind = "ownership_moved" // as the history has it
	LeaderKnown       Kind = "leader_known"
	LeaderLost        Kind = "leader_lost"
	QuorumGained      Kind = "quorum_gained"
	QuorumLost        Kind = "quorum_lost"
	TransferBegun     Kind = "transfer_begun"
	TransferDone      Kind = "transfer_done"
	TransferFailed    Kind = "transfer_failed"
	NodeDrained       Kind = "node_drained"
	NodeUndrained     Kind = "node_undrained"
	MemberAdded       Kind = "member_added"
	MemberChanged     Kind = "member_changed"
	MemberRemoved     Kind = "member_removed"
	HealthChanged     Kind = "health_changed"
)

// Kinds of virtual addresses.
const (
	VIPReadded       Kind = "vip_readded"
	VIPConflict      Kind = "vip_conflict"
	VIPConflictEnded Kind = "vip_conflict_ended"
	VIPTrouble       Kind = "vip_trouble"
	VIPMended        Kind = "vip_mended"
	FenceBroken      Kind = "fence_broken"
	FenceWhole       Kind = "fence_whole"
	FenceMended      Kind = "fence_mended"
)

// Kinds of virtual routers.
const (
	RouterState Kind = "router_state"
	RouterRank  Kind = "router_priority"
	RouterRival Kind = "router_rival"
	GroupState  Kind = "sync_group_state"
)

// Kinds of checks, and of what hangs on them or is told of it.
const (
	CheckUp       Kind = "check_up"
	CheckDown     Kind = "check_down"
	ServerUp      Kind = "server_up"
	ServerDown    Kind = "server_down"
	QuorumUp      Kind = "service_quorum_up"
	QuorumDown    Kind = "service_quorum_down"
	IPVSTrouble   Kind = "ipvs_trouble"
	IPVSMended    Kind = "ipvs_mended"
	BGPUp         Kind = "bgp_up"
	BGPDown       Kind = "bgp_down"
	NeighborUp    Kind = "bgp_neighbor_up"
	NeighborDown  Kind = "bgp_neighbor_down"
	NotifyTold    Kind = "notify_told"
	NotifyFailed  Kind = "notify_failed"
	NotifyDropped Kind = "notify_dropped"
	NotifyMended  Kind = "notify_mended"
)

// Kinds for one reader alone, which say that something is missing.
const (
	NewRun Kind = "new_run" // another run than that of the last event: the daemon was started anew
	Gap    Kind = "gap"     // there were more events than are kept
)

// Kinds returns all there are.
func Kinds() []Kind {
	return []Kind{
		DaemonStarted, DaemonStopping, DaemonStopped, ConfigReloaded, ConfigRefused, WarningRaised, WarningGone,
		OwnershipGained, OwnershipReleased, OwnershipMoved, LeaderKnown, LeaderLost, QuorumGained, QuorumLost,
		TransferBegun, TransferDone, TransferFailed, NodeDrained, NodeUndrained,
		MemberAdded, MemberChanged, MemberRemoved, HealthChanged,
		VIPReadded, VIPConflict, VIPConflictEnded, VIPTrouble, VIPMended, FenceBroken, FenceWhole, FenceMended,
		RouterState, RouterRival, RouterRank, GroupState, CheckUp, CheckDown,
		ServerUp, ServerDown, QuorumUp, QuorumDown, IPVSTrouble, IPVSMended,
		BGPUp, BGPDown, NeighborUp, NeighborDown, NotifyTold, NotifyFailed, NotifyDropped, NotifyMended,
		NewRun, Gap,
	}
}
