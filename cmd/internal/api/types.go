package api

import "time"

// Status is the answer of `perch status -o json`: who owns what, and why, as
// the asked node sees it. Fields may be added; none changes its name or meaning.
type Status struct {
	Node    string   `json:"node"`
	Version string   `json:"version"`
	Cluster *Cluster `json:"cluster,omitempty"` // absent when there is none
	VIPs    []VIP    `json:"vips"`
	// VRRP are the virtual routers of this node, in the order of its config.
	VRRP []VirtualRouter `json:"vrrp"`
	// Unknown are routers that were heard in the last quarter of an hour where this node
	// has some, of VRIDs that it does not have there; absent when there are none, or it
	// does not listen to them.
	Unknown []UnknownRouter `json:"unknown_vrids,omitempty"`
	// Promise says what virtual routers do not promise; absent when there is none.
	Promise string `json:"promise,omitempty"`
	// Checks are those of this node, in the order of its config.
	Checks []Check `json:"checks"`
	// Services are those of this node, in the order of its config.
	Services []Service `json:"services"`
	// IPVS is how this node's kernel balances; absent when there is no service.
	IPVS *IPVS `json:"ipvs,omitempty"`
	// BGP is how this node announces VIPs to routers; absent when it does not.
	BGP *BGP `json:"bgp,omitempty"`
	// Static is what is held whoever is the owner of what; absent when there is nothing.
	Static *Static `json:"static,omitempty"`
	// Notify are those who are told of events; absent when there are none.
	Notify []Notified `json:"notify,omitempty"`
	// Converge are the converge hooks of this node; absent when there are none.
	Converge []Convergence `json:"converge,omitempty"`
	// Clock is how this node takes time from the leader; absent when it does not.
	Clock *Clock `json:"clock,omitempty"`
	// Warnings are sentences for the operator, worst first.
	Warnings []string `json:"warnings"`
}

// States of Cluster.State.
const (
	StateOK       = "ok"        // a leader with a running lease is known
	StateNoQuorum = "no-quorum" // this node knows of no leader
	StateElecting = "electing"  // a majority answers, a leader is being chosen
	StateLeft     = "left"      // this node left the cluster, or was removed from it
)

// Cluster is the raft group as the asked node sees it.
type Cluster struct {
	Name   string `json:"name"`
	State  string `json:"state"`
	Leader string `json:"leader"` // empty when none is known
	Term   uint64 `json:"term"`
	Quorum bool   `json:"quorum"`
	Nodes  []Node `json:"nodes"`
	// Refused counts connections to this node's cluster port that were turned away.
	Refused uint64 `json:"refused"`
}

// Roles of Node.Role.
const (
	RoleLeader      = "leader"
	RoleFollower    = "follower"
	RoleCandidate   = "candidate"
	RoleWitness     = "witness"
	RoleUnreachable = "unreachable"
)

// Node is one member of the cluster.
type Node struct {
	Name     string `json:"name"`
	Address  string `json:"address"`
	Role     string `json:"role"`
	Voter    bool   `json:"voter"`
	Healthy  bool   `json:"healthy"`
	Drained  bool   `json:"drained"`
	Priority int    `json:"priority"`
	// Health is what its checks say: "healthy", "sick" or "unknown".
	Health string `json:"health,omitempty"`
	// EffectivePriority is Priority with what its checks add or take away.
	EffectivePriority int `json:"effective_priority,omitempty"`
	// HeldDown is until when it does not get the VIPs back, since it was left because it
	// was sick; absent when it may have them.
	HeldDown time.Time `json:"held_down,omitzero"`
	// Why says why it is the owner of the VIPs, or why it is not.
	Why     string `json:"why"`
	Version string `json:"version"` // empty when unreachable
	// Heartbeat is the heartbeat timeout it runs with, such as "300ms".
	Heartbeat string `json:"heartbeat,omitempty"`
	// Fence is what keeps its kernel from answering beyond its lease: "bpf",
	// "nftables", "lifetime" or "off".
	Fence string `json:"fence,omitempty"`
	// Unfenced says why its kernel may answer beyond its lease, against what Fence
	// promises. It holds no VIP then.
	Unfenced string `json:"unfenced,omitempty"`
	// Mended tells what others did to its fence; absent while they did nothing.
	Mended *Mended `json:"mended,omitempty"`
	// Stalls tells of writes to its disk that took longer than its heartbeat timeout;
	// absent while there was none.
	Stalls *Stalls `json:"stalls,omitempty"`
	Error  string  `json:"error,omitempty"` // why it is not healthy
}

// Stalls is how often a node waited for its disk for longer than its heartbeat timeout.
type Stalls struct {
	Count   uint64        `json:"count"` // since the node was started
	Last    time.Time     `json:"last"`  // when the last such write ended
	Longest time.Duration `json:"longest_ns"`
}

// Mended is how often others got in the way of a node's fence, which it put right.
type Mended struct {
	Count     uint64    `json:"count"` // since the node was started
	Last      time.Time `json:"last"`
	Interface string    `json:"interface,omitempty"` // of the last time, if it was one
	Found     string    `json:"found"`               // what was wrong the last time
}

// VIP is one virtual address: the node that should hold it and whether that
// node's kernel has it.
type VIP struct {
	Address   string    `json:"address"`
	Interface string    `json:"interface"`
	Owner     string    `json:"owner"` // empty when nobody owns it
	Held      bool      `json:"held"`
	Since     time.Time `json:"since,omitzero"` // when the owner took it
	Reason    string    `json:"reason"`         // why this owner, or why it is not held
	Readded   uint64    `json:"readded"`        // times the owner put it back after somebody else removed it
	// Conflict tells of another host that claims it; absent while the owner heard
	// of none.
	Conflict *Conflict `json:"conflict,omitempty"`
}

// Conflict is what the owner of a VIP heard of hosts outside of the cluster that
// claim it, by ARP or as neighbor advertisements.
type Conflict struct {
	MAC     string    `json:"mac"`     // of the last such host
	Count   uint64    `json:"count"`   // frames that claimed it, since the owner was started
	Last    time.Time `json:"last"`    // when the last of them came
	Ongoing bool      `json:"ongoing"` // false when none came for a while
}

// Move is one change of ownership in the cluster's history.
type Move struct {
	Time   time.Time `json:"time"`
	Term   uint64    `json:"term"`
	From   string    `json:"from"` // empty for the first owner
	To     string    `json:"to"`
	Reason string    `json:"reason"`
	// Cause is "health" where the owner was sick, and "preempt" where another node was
	// preferred; absent where somebody asked for the move, or the owner failed.
	Cause string `json:"cause,omitempty"`
	// Outage is for how long nobody held the VIPs before To did, as that node estimates it.
	// OutageKnown says how: "at_most" for an upper bound, since the last word of the owner
	// before, "about" since that one said that it had released. Both are absent where
	// nothing is known.
	Outage      time.Duration `json:"outage_ns,omitempty"`
	OutageKnown string        `json:"outage_known,omitempty"`
}

// Values of Move.OutageKnown.
const (
	OutageAtMost = "at_most"
	OutageAbout  = "about"
)

// TransferResult is the answer to a planned move.
type TransferResult struct {
	From string        `json:"from"`
	To   string        `json:"to"`
	Took time.Duration `json:"took_ns"`
}

// JoinResult tells whether a node is a member of the cluster, and what it waits for
// if it is none yet.
type JoinResult struct {
	Node    string `json:"node"`
	Joined  bool   `json:"joined"`
	Waiting string `json:"waiting,omitempty"`
}

// ReloadResult says what a reload changed.
type ReloadResult struct {
	Added    []string `json:"added"`    // VIPs as "ADDRESS INTERFACE"
	Removed  []string `json:"removed"`  // likewise
	Services []string `json:"services"` // as "NAME added", "NAME changed" or "NAME removed"
	Warnings []string `json:"warnings"` // also keys whose change needs a restart
}

// NodeReport is what a node says of itself to its peers.
type NodeReport struct {
	Node    string `json:"node"`
	Version string `json:"version"`
	Role    string `json:"role"`
	Term    uint64 `json:"term"`
	Leader  string `json:"leader"`
	// Heartbeat is the heartbeat timeout it runs with, such as "300ms".
	Heartbeat string `json:"heartbeat,omitempty"`
	Trouble   string `json:"trouble,omitempty"`  // why it cannot write its log
	Deaf      string `json:"deaf,omitempty"`     // why its control socket is not there
	Fence     string `json:"fence,omitempty"`    // see Node
	Unfenced  string `json:"unfenced,omitempty"` // likewise
	// Mended and Stalls are as in Node.
	Mended *Mended `json:"mended,omitempty"`
	Stalls *Stalls `json:"stalls,omitempty"`
	// Health is what its checks make of it.
	Health *Health `json:"health,omitempty"`
	// Waits says for how long it waits before it takes the VIPs as the leader.
	Waits string `json:"waits,omitempty"`
	VIPs  []VIP  `json:"vips"`
	// Settings are those that all nodes are to have alike.
	Settings *Settings `json:"settings,omitempty"`
	// Time is what its wall clock says.
	Time time.Time `json:"time,omitzero"`
}
