package api

import "time"

// States of Service.State, IPVS.State.
const (
	ServiceReady   = "ready"   // the kernel has it as wanted
	ServiceWaiting = "waiting" // for what Reason says, and it is tried again
	ServiceBlocked = "blocked" // until somebody changes what Reason says
	ServiceStandby = "standby" // it is for another node, as Reason says
)

// States of Server.State.
const (
	ServerUp       = "up"       // it gets its share of connections
	ServerDown     = "down"     // its checks failed
	ServerUnknown  = "unknown"  // its checks have no verdict yet
	ServerDraining = "draining" // by an operator: it keeps the connections that it has
	ServerDrained  = "drained"  // by an operator, and has no connections
)

// Service is a virtual service as the asked node sees it.
type Service struct {
	Name        string   `json:"name"`      // in the config
	Address     string   `json:"address"`   // its first; empty with a firewall mark
	Addresses   []string `json:"addresses"` // all of them
	Protocol    string   `json:"protocol"`  // "tcp", "udp" or "sctp"; empty with a mark
	FWMark      uint32   `json:"fwmark,omitempty"`
	Scheduler   string   `json:"scheduler"`
	Forward     string   `json:"forward"` // "nat", "dr" or "tunnel"; "mixed" where its servers differ
	State       string   `json:"state"`
	Reason      string   `json:"reason"` // why it is not ready; empty when it is
	Here        bool     `json:"here"`   // its traffic comes to this node
	Quorum      Quorum   `json:"quorum"`
	Sorry       bool     `json:"sorry"`                  // its connections go to the sorry server
	SorryServer string   `json:"sorry_server,omitempty"` // its address
	Servers     []Server `json:"servers"`
	Counters    Counters `json:"counters"`
}

// Quorum is the weight that the healthy servers of a service must have together.
type Quorum struct {
	Needed     int  `json:"needed"`
	Hysteresis int  `json:"hysteresis"`
	Weight     int  `json:"weight"` // that they have
	Up         bool `json:"up"`
}

// Server is a real server of a service.
type Server struct {
	Address string    `json:"address"`
	Forward string    `json:"forward"`
	State   string    `json:"state"`
	Reason  string    `json:"reason"` // why it is in its state
	Since   time.Time `json:"since,omitzero"`
	// Weight is what the kernel has: 0 also where it has no such server.
	Weight           uint32      `json:"weight"`
	WantedWeight     uint32      `json:"wanted_weight"` // that perch wants the kernel to have
	ConfiguredWeight uint32      `json:"configured_weight"`
	OrderedWeight    *uint32     `json:"ordered_weight,omitempty"` // by an operator, in place of the configured one
	Healthy          bool        `json:"healthy"`
	Drained          bool        `json:"drained"`
	Connections      Connections `json:"connections"`
	Counters         Counters    `json:"counters"`
	Error            string      `json:"error"` // why it is not healthy; empty when it is
}

// Connections are those that the kernel remembers of a server now.
type Connections struct {
	Active     uint32 `json:"active"`     // established
	Inactive   uint32 `json:"inactive"`   // all others: of UDP all
	Persistent uint32 `json:"persistent"` // clients that it will lead to the same server
}

// Counters are what the kernel has counted of a service or a server, and how much it was
// a second lately.
type Counters struct {
	Connections uint64 `json:"connections"`
	PacketsIn   uint64 `json:"packets_in"`
	BytesIn     uint64 `json:"bytes_in"`
	PacketsOut  uint64 `json:"packets_out"` // 0 for all but NAT, as the other ones out
	BytesOut    uint64 `json:"bytes_out"`

	ConnectionRate uint64 `json:"connection_rate"`
	PacketRateIn   uint64 `json:"packet_rate_in"`
	ByteRateIn     uint64 `json:"byte_rate_in"`
	PacketRateOut  uint64 `json:"packet_rate_out"`
	ByteRateOut    uint64 `json:"byte_rate_out"`
}

// IPVS is how the asked node's kernel balances.
type IPVS struct {
	State   string    `json:"state"` // as of a service
	Reason  string    `json:"reason"`
	Foreign []string  `json:"foreign"`        // services and sync daemons that are not perch's, such as "tcp 198.18.0.100:80"
	Sync    *IPVSSync `json:"sync,omitempty"` // nil where it is not configured
}

// Roles of IPVSSync.Role.
const (
	SyncMaster = "master" // it tells the others of its connections
	SyncBackup = "backup" // it is told
	SyncOff    = "off"    // neither, for what Reason says
)

// IPVSSync is the kernel's daemon that tells other directors of connections.
type IPVSSync struct {
	Role      string `json:"role"`
	Interface string `json:"interface"`
	ID        int    `json:"id"`
	Reason    string `json:"reason"` // why it is not what it should be; empty when it is
}

// complete returns the service with its lists set.
func (s Service) complete() Service {
	s.Addresses, s.Servers = list(s.Addresses), list(s.Servers)
	return s
}

// complete returns the state of IPVS with its lists set.
func (i *IPVS) complete() *IPVS {
	if i == nil {
		return nil
	}
	whole := *i
	whole.Foreign = list(whole.Foreign)
	return &whole
}
