package cluster

import (
	"log/slog"
	"net/netip"
	"sort"
	"time"

	"github.com/hashicorp/raft"
)

// Config is what a Node needs to know.
type Config struct {
	Name        string        // of the cluster
	Node        string        // name of this node, one of Peers
	Peers       []Peer        // the same set on every node, in any order
	Heartbeat   time.Duration // H: a follower that hears nothing for so long calls an election
	Dir         string        // where raft's log and snapshots live
	Credentials *Credentials
	// Release returns once this node holds no VIP and starts to hold none until
	// Ownership is asked again. It must not call back into the Node.
	Release func() error
	// Linger is for how long this node's kernel may go on answering for the VIPs
	// after the end of Ownership, should the process be dead or frozen by then.
	Linger time.Duration
	// Sick tells whether a node should not own the VIPs as far as this one knows, by
	// which the others go first where there is a choice. It must not call back into the
	// Node. Nil for none.
	Sick func(node string) bool
	Log  *slog.Logger
}

// Peer is one node of the static list.
type Peer struct {
	Name     string
	Address  netip.AddrPort
	Priority int
	Witness  bool // votes, never owns a VIP
}

func (c Config) peer(name string) (Peer, bool) { return find(c.Peers, name) }

func (c Config) sick(node string) bool { return c.Sick != nil && c.Sick(node) }

// listed returns the names of the peers.
func (c Config) listed() []string {
	var names []string
	for _, p := range c.Peers {
		names = append(names, p.Name)
	}
	return names
}

// bootstrap returns the first configuration of the group. It is the same on
// every node, whatever the order of the list in its file.
func (c Config) bootstrap() raft.Configuration {
	var servers []raft.Server
	for _, p := range c.Peers {
		servers = append(servers, raft.Server{
			Suffrage: raft.Voter,
			ID:       raft.ServerID(p.Name),
			Address:  raft.ServerAddress(p.Address.String()),
		})
	}
	sort.Slice(servers, func(i, j int) bool { return servers[i].ID < servers[j].ID })
	return raft.Configuration{Servers: servers}
}

// raftConfig derives the library's settings from H.
//
// LeaderLeaseTimeout is the library's idea of when a leader without a majority
// steps down. It only decides about liveness, so it is as long as the library
// allows: VIPs go by perch's own lease, which is shorter (lease.go).
func (c Config) raftConfig() *raft.Config {
	rc := raft.DefaultConfig()
	rc.LocalID = raft.ServerID(c.Node)
	rc.HeartbeatTimeout = c.Heartbeat
	rc.ElectionTimeout = c.Heartbeat + time.Millisecond // room for kick, which lengthens the former
	rc.LeaderLeaseTimeout = c.Heartbeat
	rc.CommitTimeout = max(c.Heartbeat, 250*time.Millisecond) // until followers learn of a commit
	rc.MaxAppendEntries = 64
	rc.TrailingLogs = 128
	rc.SnapshotThreshold = 512
	rc.SnapshotInterval = time.Minute
	rc.ShutdownOnRemove = false
	rc.NoLegacyTelemetry = true
	rc.LogLevel = "DEBUG" // the slog handler decides
	rc.Logger = raftLogger(c.Log)
	return rc
}

// noElection is the heartbeat timeout of a node that is no member: it never stands for
// election, also if a configuration of old in its log has it as the only voter.
const noElection = 100 * 365 * 24 * time.Hour

// grantLength is P, how long this node's grants last.
func (c Config) grantLength() time.Duration { return c.Heartbeat }

// rpcTimeout bounds one request to a peer, connecting included. It is far
// below the library's usual 10 s: a request that is late by two heartbeat
// timeouts is of no use to anybody.
func (c Config) rpcTimeout() time.Duration { return 2 * c.Heartbeat }
