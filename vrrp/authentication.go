package vrrp

import "time"

// Authentication is how the adverts of a fleet are told from others.
type Authentication struct {
	Kind   Auth             // as the authentication field of version 2 says it
	Secret Secret           // of Password and AH
	Keys   map[uint8][]byte // of the trailer, by key ID, 32 to 64 bytes each; none for no trailer
	Active uint8            // the key that signs, one of Keys
	Window time.Duration    // by which clocks may differ, in whole seconds
}
