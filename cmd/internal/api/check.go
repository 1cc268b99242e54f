package api

import "time"

// States of Check.State.
const (
	CheckUnknown = "unknown" // no verdict yet
	CheckHealthy = "healthy"
	CheckFailed  = "failed"
)

// Check is one health check of the asked node.
type Check struct {
	Name    string    `json:"name"`
	Kind    string    `json:"kind"`
	Target  string    `json:"target"` // what it looks at, or the program it runs
	State   string    `json:"state"`
	Healthy bool      `json:"healthy"` // as State says
	Since   time.Time `json:"since,omitzero"`
	// Error is why it failed, such as "failed 3 of 3: connection refused", or why its last
	// look was not well; empty if it was.
	Error   string `json:"error"`
	Warning string `json:"warning,omitempty"` // of the last look that was well
	// Value is the number that its last good look found; absent where there is none.
	Value    *int      `json:"value,omitempty"`
	Last     time.Time `json:"last,omitzero"` // when the last look ended
	Took     string    `json:"took"`          // by it, such as "1.2ms"; empty before the first
	Looks    uint64    `json:"looks"`         // since the daemon was started, or the check changed
	Failures uint64    `json:"failures"`      // looks that were not well
	// Overdue is for how long the next look could not begin, since too many others are
	// under way; absent as long as it can.
	Overdue string `json:"overdue,omitempty"`
}

// Values of Health.State.
const (
	HealthHealthy = "healthy"
	HealthSick    = "sick"
	HealthUnknown = "unknown" // a check has no verdict yet, or the node has not said
)

// Health is what a node's checks make of it as an owner of the cluster's VIPs.
type Health struct {
	State    string `json:"state"`
	Priority int    `json:"priority"` // by its config, and what its checks add or take away
	// Reasons are why it is sick, or what is not known yet.
	Reasons []string `json:"reasons,omitempty"`
}

// HealthReport is what a node tells the leader of its health.
type HealthReport struct {
	Node   string `json:"node"`
	Health Health `json:"health"`
}
