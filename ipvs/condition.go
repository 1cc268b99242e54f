package ipvs

import "time"

// Health is what checks have found of a real server.
type Health uint8

// The healths.
const (
	Unknown Health = iota // no verdict yet
	Healthy
	Failed
)

// Order is what an operator wants of a real server. The zero value is for nothing.
type Order struct {
	Drain  bool    // no new connections
	Weight *uint32 // in place of the configured one
}

// apply returns the weight that an order makes of another.
func (o Order) apply(weight uint32) uint32 {
	switch {
	case o.Drain:
		return 0
	case o.Weight != nil:
		return *o.Weight
	}
	return weight
}

// heaviest is the most that a weight becomes by what checks add.
const heaviest = 65535

// add returns a weight with what checks add, or take off.
func add(weight uint32, added int64) uint32 {
	if added == 0 {
		return weight
	}
	return uint32(min(max(int64(weight)+added, 0), heaviest))
}

// Member is a real server of a pool as it is configured.
type Member struct {
	Server
	Inhibit   bool          // once it fails it is kept, with weight 0
	SlowStart time.Duration // for which its weight grows after it came back; 0 for at once
}

// Condition is what is known of a member now.
type Condition struct {
	Health Health
	Reason string // in words, of Health
	// Resting is how many of its checks are not made now, and so have no verdict, if all
	// others have one; else 0.
	Resting int
	Weight  *uint32 // what a check wants in place of the configured one, if it does
	Added   int64   // to the weight, by checks
	Order   Order
	Active  uint32 // its connections, for those who wait for the end of a drain
	// Present is the weight that the kernel has it with, put there by perch before it was
	// started again; nil for not there. It counts in the first Step of the pool.
	Present *uint32
}

// Rules of a pool.
type Rules struct {
	StartUp    bool    // members count as healthy until a verdict says otherwise
	Quorum     uint32  // the weight that healthy members must have together, 1 at least
	Hysteresis uint32  // that must be exceeded, or fallen short of, for the quorum to change; less than Quorum
	Sorry      *Server // gets the traffic while there is no quorum, if there is one
	Omega      bool    // the end of perch counts as the loss of all servers
}
