package bgp

import (
	"errors"
	"net/netip"
	"time"
)

// State says how bgpd and what is wanted of it go together.
type State string

// States.
const (
	Pending     State = "pending"     // what is wanted is not yet in bgpd's configuration
	Announced   State = "announced"   // it is: networks are announced
	Standby     State = "standby"     // it is: nothing is to be announced
	Unreachable State = "unreachable" // nobody listens at bgpd's socket, or perch may not speak to it
	Wedged      State = "wedged"      // bgpd takes connections in, or used to, and does not answer
	Refused     State = "refused"     // bgpd does not do what it is told
)

// Status is what a Speaker knows.
type Status struct {
	State     State
	Since     time.Time // of the state
	Error     string    // why it is not as wanted
	Wanted    []netip.Prefix
	Announced []netip.Prefix // in bgpd's configuration, at the last look
	// Unchecked says that bgpd announces networks whether or not the kernel has such a
	// route: then an announcement stays when perch is killed.
	Unchecked bool
	Neighbors []Neighbor    // at the last look; none while bgpd does not answer
	Hold      time.Duration // for how long they believe in a machine that is silent; 0 if that is not known
	Took      time.Duration // from the last change of what is wanted to bgpd's answer
	Failures  uint64        // of attempts to speak to bgpd
}

// stateOf is the state that an error of bgpd means.
func stateOf(err error) State {
	switch {
	case errors.Is(err, errUnreachable):
		return Unreachable
	case errors.Is(err, errWedged):
		return Wedged
	default:
		return Refused
	}
}
