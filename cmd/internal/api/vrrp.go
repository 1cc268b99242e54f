package api

import "time"

// Promise is what Status.Promise says of virtual routers.
const Promise = "VRRP has no quorum: a partition gives two masters"

// States of VirtualRouter.State.
const (
	StateMaster = "master"
	StateBackup = "backup"
	StateInit   = "init"  // not started yet
	StateFault  = "fault" // it cannot serve
)

// VirtualRouter is one virtual router as the asked node sees it.
type VirtualRouter struct {
	Name      string `json:"name"`
	VRID      int    `json:"vrid"`
	Interface string `json:"interface"`
	Version   int    `json:"version"` // of the protocol
	Family    string `json:"family"`  // "ipv4" or "ipv6"
	State     string `json:"state"`
	Priority  int    `json:"priority"` // as configured
	// EffectivePriority is what it advertises as a master; 0 in a fault.
	EffectivePriority int    `json:"effective_priority"`
	Master            string `json:"master"` // the master's address; empty when none is known
	// Since is when it came to its state.
	Since          time.Time `json:"since,omitzero"`
	Transitions    uint64    `json:"transitions"`     // to another state, since the node was started
	Reason         string    `json:"reason"`          // why it is in its state
	AdvertInterval string    `json:"advert_interval"` // such as "1s"
	// Checksum is the form of those that it sends: "pseudo-header", "message-only" or
	// "multicast pseudo-header" (to a peer of which only that is heard);
	// empty where there is one form only.
	Checksum  string `json:"checksum"`
	SyncGroup string `json:"sync_group"` // empty for none
	Source    string `json:"source"`     // of its adverts; empty until it has one
	// Fence is what keeps this node's kernel from answering beyond its lease, as in Node.
	Fence     string        `json:"fence"`
	Addresses []HeldAddress `json:"addresses"`
	Routes    []HeldRoute   `json:"routes"`
	Adverts   Adverts       `json:"adverts"`
	Heard     []HeardFrom   `json:"heard"` // the other routers of this VRID, latest first
}

// HeldAddress is an address and whether this node's kernel has it.
type HeldAddress struct {
	Address   string    `json:"address"`
	Interface string    `json:"interface"`
	Held      bool      `json:"held"`
	Reason    string    `json:"reason"` // why not, if it should be
	Conflict  *Conflict `json:"conflict,omitempty"`
	Readded   uint64    `json:"readded"`
}

// HeldRoute is a route or a routing rule and whether this node's kernel has it.
type HeldRoute struct {
	Route  string `json:"route"` // as ip(8) writes it, such as "rule from 198.18.0.0/24 table 100"
	Held   bool   `json:"held"`
	Reason string `json:"reason"` // why not, if it should be
}

// Adverts counts those of one virtual router since the node was started.
type Adverts struct {
	Sent     uint64            `json:"sent"`
	Unsent   uint64            `json:"unsent"`   // the kernel refused them
	Received uint64            `json:"received"` // for its VRID, also those that were dropped
	Dropped  map[string]uint64 `json:"dropped"`  // by reason, such as "bad checksum"
	// Late is how often this node was the master, woke up after its lease, and gave up.
	Late uint64 `json:"late"`
}

// HeardFrom is another router that was heard with the VRID of a virtual router.
type HeardFrom struct {
	Address        string `json:"address"`
	Version        int    `json:"version"`
	Priority       int    `json:"priority"`
	AdvertInterval string `json:"advert_interval"`
	// Checksum is the form that it sends, as in VirtualRouter.
	Checksum string            `json:"checksum"`
	Last     time.Time         `json:"last"` // when it was heard last
	Accepted uint64            `json:"accepted"`
	Dropped  map[string]uint64 `json:"dropped"` // by reason
	// Advice says what to change where its adverts do not fit; empty where they do.
	Advice string `json:"advice,omitempty"`
}

// UnknownRouter is a router of a VRID and family that this node has no virtual router for.
type UnknownRouter struct {
	Interface      string    `json:"interface"` // where it was heard
	VRID           int       `json:"vrid"`
	Address        string    `json:"address"`
	Version        int       `json:"version"` // of its last advert, and so is what follows
	Priority       int       `json:"priority"`
	AdvertInterval string    `json:"advert_interval"`
	Last           time.Time `json:"last"` // when it was heard last
}

// Static is what is held for as long as the daemon runs.
type Static struct {
	Addresses []HeldAddress `json:"addresses"`
	Routes    []HeldRoute   `json:"routes"`
}

// complete returns the status with its lists and maps set, so that JSON never shows
// null. What the backend keeps is left alone.
func (s Status) complete() Status {
	s.VIPs, s.Checks, s.Warnings = list(s.VIPs), list(s.Checks), list(s.Warnings)
	if s.Cluster != nil {
		cluster := *s.Cluster
		cluster.Nodes = list(cluster.Nodes)
		s.Cluster = &cluster
	}
	if s.Static != nil {
		s.Static = &Static{list(s.Static.Addresses), list(s.Static.Routes)}
	}
	routers := make([]VirtualRouter, len(s.VRRP))
	for i, r := range s.VRRP {
		routers[i] = r.complete()
	}
	s.VRRP = routers
	services := make([]Service, len(s.Services))
	for i, service := range s.Services {
		services[i] = service.complete()
	}
	s.Services, s.IPVS = services, s.IPVS.complete()
	return s
}

func (r VirtualRouter) complete() VirtualRouter {
	r.Addresses, r.Routes = list(r.Addresses), list(r.Routes)
	r.Adverts.Dropped = counts(r.Adverts.Dropped)
	heard := make([]HeardFrom, len(r.Heard))
	for i, h := range r.Heard {
		h.Dropped = counts(h.Dropped)
		heard[i] = h
	}
	r.Heard = heard
	return r
}

// counts returns m, or an empty map that JSON shows as {} rather than null.
func counts(m map[string]uint64) map[string]uint64 {
	if m == nil {
		return map[string]uint64{}
	}
	return m
}
