package api

import "time"

// Clock is how a node takes time from the cluster's leader.
type Clock struct {
	// Follows is the node that the time is taken from; empty on the leader, and while none
	// is known.
	Follows string `json:"follows"`
	Address string `json:"address,omitempty"` // of that node
	File    string `json:"file"`              // that tells chronyd
	// Error says why chronyd does not do so; absent when it does.
	Error     string        `json:"error,omitempty"`
	MaxOffset time.Duration `json:"max_offset_ns"`
	// Measured is what the leader said of the time; absent before it was asked, and where
	// there is none to ask.
	Measured *Measured `json:"measured,omitempty"`
}

// Measured is what became of asking the leader for its time.
type Measured struct {
	At time.Time `json:"at"`
	// Offset is of this node's clock from the leader's: positive when it is ahead.
	Offset    time.Duration `json:"offset_ns"`
	RoundTrip time.Duration `json:"round_trip_ns"`
	Stratum   int           `json:"stratum"` // of the leader's clock
	// Error says why the time is not known, or not to be followed; absent when all is well.
	Error string `json:"error,omitempty"`
}
