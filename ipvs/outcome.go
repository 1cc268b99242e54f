package ipvs

import (
	"fmt"
	"net/netip"
	"time"
)

// Outcome is what follows from a Step.
type Outcome struct {
	Servers []Server       // that the kernel gets, sorted by address
	Members []MemberStatus // in the order of the members
	Quorum  Quorum
	Sorry   bool          // the sorry server gets the traffic
	Events  []Event       // servers in the order of the members, then the quorum
	Next    time.Duration // when time alone changes something, on the clock of Step; 0 for never
}

// MemberState is how a member stands, in a word or two.
type MemberState string

// The states of members.
const (
	MemberUnknown    MemberState = "unknown"     // no verdict yet
	MemberUp         MemberState = "up"          // healthy
	MemberDown       MemberState = "down"        // failed
	MemberDraining   MemberState = "draining"    // by an operator's order, and has connections
	MemberDrained    MemberState = "drained"     // has none left
	MemberStandingBy MemberState = "standing by" // healthy, and without traffic as there is no quorum
	MemberSorry      MemberState = "sorry"       // gets the traffic as there is no quorum
)

// MemberStatus is how a member stands.
type MemberStatus struct {
	Address    netip.AddrPort
	State      MemberState
	Reason     string // "" if there is nothing to say
	Healthy    bool   // or counts as such
	Weight     uint32 // in force; 0 for no new connections
	Configured uint32 // weight
}

// EventKind is what an Event tells of.
type EventKind string

// The kinds of events.
const (
	ServerUp   EventKind = "server_up"
	ServerDown EventKind = "server_down"
	QuorumUp   EventKind = "quorum_up"
	QuorumDown EventKind = "quorum_down"
)

// Event is something of which users are told.
type Event struct {
	Kind   EventKind
	Server netip.AddrPort // the zero value for the quorum
	Reason string
}

// Quorum is how the quorum stands.
type Quorum struct {
	Up     bool
	Open   bool   // not up, and too few verdicts to tell that it will not be
	Weight uint64 // of healthy members
	// Wanted is as configured, Needed is in force: no more than the weight of all members.
	Wanted, Needed uint64
	Gain           uint64 // the weight with which it comes back
	Loss           uint64 // less than that, or 0, loses it
}

// String implements fmt.Stringer: "healthy weight 1, needed 2".
func (q Quorum) String() string {
	needed := q.Needed
	switch {
	case q.Up && q.Weight < q.Needed:
		needed = q.Loss
	case !q.Up && !q.Open && q.Weight >= q.Needed:
		needed = q.Gain
	}
	s := fmt.Sprintf("healthy weight %d, needed %d", q.Weight, needed)
	if q.Needed < q.Wanted {
		s += fmt.Sprintf(" (quorum %d is more than all servers have)", q.Wanted)
	}
	return s
}

// Event returns the kind of the event that tells of it.
func (q Quorum) Event() EventKind {
	if q.Up {
		return QuorumUp
	}
	return QuorumDown
}
