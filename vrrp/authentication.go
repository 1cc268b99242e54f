package vrrp

import "time"

// Authentication is how the adverts of a fleet are told from others.
type Authentication struct {
	Kind   Auth             // as the authentication field of version 2 says it
	Secret Secret           // of Password and AH
	Keys   map[uint8][]byte // of the trailer, by key ID, 32 to 64 bytes each; none for no trailer
	Active uint8            // the key that signs, one of Keys
	Window time.Duration    // by which clocks may differ, in whole seconds; none for Monotonic
	Mode   TrailerMode      // of a router with Keys
	Replay AntiReplay       // likewise
}

// AntiReplay is by what a router with keys knows that an advert was sent before.
type AntiReplay uint8

// The ways. What goes over the wire is the same for all.
const (
	Timed     AntiReplay = iota // stamps are of about now, and those of a sender grow
	Monotonic                   // those of a sender grow, for as long as it is remembered
)

// TrailerMode is how far a router with keys has gone over to the trailer. None of them
// heeds an advert with a wrong one.
type TrailerMode uint8

// The modes, in the order from the last step of a fleet that goes over to the first.
const (
	Enforce     TrailerMode = iota // signs, and heeds nothing that is not signed
	Permissive                     // signs
	ReceiveOnly                    // does not sign
)

// signs tells whether adverts have a trailer.
func (a *Authentication) signs() bool { return len(a.Keys) > 0 && a.Mode != ReceiveOnly }
