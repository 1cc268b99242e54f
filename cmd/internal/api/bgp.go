package api

import "time"

// States of BGP.State.
const (
	BGPPending     = "pending"     // what is wanted is not yet in bgpd's configuration
	BGPAnnounced   = "announced"   // it is: VIPs are announced
	BGPStandby     = "standby"     // it is: no VIP is to be announced
	BGPUnreachable = "unreachable" // bgpd does not listen, or not to perch
	BGPWedged      = "wedged"      // bgpd does not answer
	BGPRefused     = "refused"     // bgpd does not do what it is told
)

// BGP is how a node announces VIPs through its bgpd.
type BGP struct {
	State   string    `json:"state"`
	Since   time.Time `json:"since"`
	Error   string    `json:"error,omitempty"` // why it is not as wanted
	ASN     uint32    `json:"asn"`
	Anycast bool      `json:"anycast"` // each healthy node announces them
	// Wanted are the networks that are to be announced, such as "198.18.1.100/32";
	// Announced those that are in bgpd's configuration, at the last look.
	Wanted    []string `json:"wanted"`
	Announced []string `json:"announced"`
	// Unchecked says that bgpd is set to announce also what the kernel has no route to.
	Unchecked bool          `json:"unchecked,omitempty"`
	Neighbors []BGPNeighbor `json:"neighbors"` // none while bgpd does not answer
	// Took is how long bgpd's answer to the last change took.
	Took     time.Duration `json:"took_ns"`
	Failures uint64        `json:"failures"` // of attempts to speak to bgpd, since the start
}

// BGPNeighbor is a router that bgpd speaks to.
type BGPNeighbor struct {
	Address  string    `json:"address"` // or the interface that it is found on
	ASN      uint32    `json:"asn"`
	State    string    `json:"state"` // such as "Established" or "Active"
	Up       bool      `json:"up"`
	Since    time.Time `json:"since,omitzero"` // when it was established
	Received int       `json:"received"`       // prefixes
}
