package web

import (
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// Metrics is what a scrape shows.
type Metrics struct {
	Version   string // of perch
	GoVersion string
	Started   time.Time
	Ready     bool // as /readyz has it
	Warnings  int  // of the config, and of this node by itself
	Reloads   Reloads
	Fence     Fence
	Silence   []Silence
	Streams   int      // open at node.listen
	Clock     *Clock   // nil where no time is taken from anybody
	Cluster   *Cluster // nil without one
	VIPs      []VIP    // of the cluster
	Anycast   []VIP
	Announced []Announced
	Routers   []api.VirtualRouter // those of a VRRP mode that has answered
	Unknown   int                 // routers heard of VRIDs that this node does not have
	Checks    []Check
	Notify    []api.Notified    // each target once
	Converge  []api.Convergence // each hook once for what it is about
	BGP       *api.BGP          // nil where nothing is announced
	IPVS      *api.IPVS         // nil where nothing is to be balanced
	Services  []api.Service
	// Counted says that the kernel's table has been read: else what it counts, and the
	// weights that it has, are left out.
	Counted bool
}

// Reloads are the reloads of the config since the daemon began.
type Reloads struct {
	Applied uint64
	Refused uint64    // nothing has changed
	Failed  bool      // the last one was refused
	Last    time.Time // when the config in force was taken over
}

// Fence is what keeps the kernel from answering beyond the lease.
type Fence struct {
	Kind   string
	Weaker bool // than the strongest, which "auto" did not get
	Broken bool
	Mended uint64
}

// Cluster is this node's part in it.
type Cluster struct {
	State         string // as in api.Cluster
	Role          string // as in api.Node
	Leader        string // "" when none is known
	Term          uint64
	Quorum        bool
	Owner         bool          // it holds the VIPs
	Lease         time.Duration // that is left; 0 without one
	Drained       bool
	Health        string // as in api.Health
	Priority      int    // effective
	Tried         uint64 // elections that it stood in
	Won           uint64 // of them
	LeaderChanges uint64 // that it has seen
	Taken         uint64 // times it took the VIPs
	Refused       uint64 // connections
	Transfers     []Transfers
	Peers         []Peer
	LastMove      api.Move      // the zero value for none
	Stalls        uint64        // writes of its log that took too long
	LongestStall  time.Duration // of them
	Late          Spread        // by how much the leader woke up late for heartbeats
	LongestLate   time.Duration
	LeastLease    time.Duration // that was left when it was extended; 0 for never
	Lapses        uint64        // leases that ended while the VIPs were held
}

// Silence is the longest time that a part was at one thing.
type Silence struct {
	Part string
	For  time.Duration
}

// Clock is how this node takes time from the leader.
type Clock struct {
	Well     bool          // chronyd is told from whom, and the leader's time is known, or this node leads
	Measured bool          // Offset is
	Offset   time.Duration // of this node's clock from the leader's
	Max      time.Duration // that is no trouble
}

// Transfers are the planned moves away from this node of one cause and result.
type Transfers struct {
	Reason, Result string
	Count          uint64
}

// Peer is another node of the cluster as this one knows it without asking.
type Peer struct {
	Name      string
	Reachable bool
	Contact   time.Time // the last; zero for none
}

// VIP is an address that is held by this node, or is not.
type VIP struct {
	Address, Interface string
	Held               bool
	Readded            uint64
	Conflicts          uint64
	Conflict           bool // it goes on
}

// Announced is what one part of perch has told the neighbours of its addresses.
type Announced struct {
	Part     string // "cluster", "vrrp" or "anycast"
	Sent     uint64
	Failed   uint64
	Withheld uint64 // this node might not hold the address any more
	Defended uint64
}

// Check is a health check of this node.
type Check struct {
	Name, Kind string
	State      string // as in api.Check
	Looks      uint64
	Failures   uint64
	Took       Spread
	Overdue    time.Duration
}

// Spread is how long many things took.
type Spread struct {
	Bounds []time.Duration // ascending
	Counts []uint64        // by the first bound that they did not exceed; of the rest none
	Count  uint64
	Sum    time.Duration
}

// cumulative is a Spread as a histogram has it.
func (s Spread) cumulative() map[float64]uint64 {
	buckets, sum := make(map[float64]uint64, len(s.Bounds)), uint64(0)
	for i, bound := range s.Bounds {
		sum += s.Counts[i]
		buckets[bound.Seconds()] = sum
	}
	return buckets
}
