package api

import "slices"

// OverviewFormat is what Overview.Format is in this version.
const OverviewFormat = 1

// Limits of an Overview, so that it stays small whatever a node is configured for.
const (
	overviewRouters   = 100
	overviewAddresses = 8 // of a router
	overviewHeard     = 4 // likewise
	overviewChecks    = 100
	overviewServices  = 60
	overviewServers   = 200 // of all services
	overviewOthers    = 32  // of each other kind
)

// maxOverview bounds what is read of a peer's overview, in bytes.
const maxOverview = 1 << 20

const overviewPath = "/v1/overview"

// Overview is what a node shows of itself on the dashboards of its peers. It is cut to
// a bounded size, what is not well being first; Totals are of all. A peer of an older
// version has no such answer.
type Overview struct {
	Format   int             `json:"format"`
	Node     string          `json:"node"`
	Version  string          `json:"version"`
	VRRP     []VirtualRouter `json:"vrrp"`
	Checks   []Check         `json:"checks"`
	Services []Service       `json:"services"`
	// Sizes are those of the servers of Services, by the service's place.
	Sizes    []Size         `json:"sizes"`
	IPVS     *IPVS          `json:"ipvs,omitempty"`
	BGP      *BGP           `json:"bgp,omitempty"`
	Notify   []Notified     `json:"notify"`
	Warnings []string       `json:"warnings"`
	Totals   OverviewTotals `json:"totals"`
}

// Size counts servers of a service, also those that were cut.
type Size struct {
	All    int    `json:"all"`
	Up     int    `json:"up"`
	Active uint64 `json:"active"` // connections
}

// OverviewTotals counts what a node has, also what was cut.
type OverviewTotals struct {
	VRRP     int `json:"vrrp"`
	Checks   int `json:"checks"`
	Services int `json:"services"`
	Servers  int `json:"servers"`
	Up       int `json:"up"` // of the servers
	Notify   int `json:"notify"`
	Warnings int `json:"warnings"`
	// What follows is of those: routers in trouble, checks that failed, services that have
	// no quorum or are blocked, and others that wait.
	VRRPTroubled    int `json:"vrrp_troubled"`
	ChecksFailed    int `json:"checks_failed"`
	ServicesBad     int `json:"services_bad"`
	ServicesWaiting int `json:"services_waiting"`
}

// OverviewOf returns what a status of a node says of this node itself. The status is
// left as it is.
func OverviewOf(s *Status) Overview {
	o := Overview{Format: OverviewFormat, Node: s.Node, Version: s.Version, IPVS: s.IPVS.brief(), BGP: s.BGP.brief()}
	o.Totals = OverviewTotals{
		VRRP: len(s.VRRP), Checks: len(s.Checks), Services: len(s.Services), Notify: len(s.Notify), Warnings: len(s.Warnings),
	}
	o.Totals.countTrouble(s)
	o.VRRP = slices.Clone(worst(s.VRRP, overviewRouters, (*VirtualRouter).trouble))
	for i := range o.VRRP {
		o.VRRP[i] = o.VRRP[i].brief()
	}
	o.Checks = worst(s.Checks, overviewChecks, (*Check).trouble)
	o.Notify = worst(s.Notify, overviewOthers, (*Notified).trouble)
	o.Warnings = first(s.Warnings, overviewOthers)
	for i := range s.Services {
		size := sizeOf(&s.Services[i])
		o.Totals.Servers, o.Totals.Up = o.Totals.Servers+size.All, o.Totals.Up+size.Up
	}
	o.addServices(worst(s.Services, overviewServices, (*Service).trouble))
	return o
}

func (t *OverviewTotals) countTrouble(s *Status) {
	for i := range s.VRRP {
		if s.VRRP[i].trouble() > 0 && s.VRRP[i].State != StateInit {
			t.VRRPTroubled++
		}
	}
	for i := range s.Checks {
		if s.Checks[i].State == CheckFailed {
			t.ChecksFailed++
		}
	}
	for i := range s.Services {
		switch each := &s.Services[i]; {
		case each.State == ServiceBlocked, !each.Quorum.Up:
			t.ServicesBad++
		case each.State == ServiceWaiting:
			t.ServicesWaiting++
		}
	}
}

// addServices adds services with those of their servers that there is room for: servers
// that are not up before others, and of each service some.
func (o *Overview) addServices(services []Service) {
	room, share := overviewServers, overviewServers
	if len(services) > 0 {
		share = max(1, overviewServers/len(services))
	}
	for _, s := range services {
		o.Sizes = append(o.Sizes, sizeOf(&s))
		bad := 0
		for i := range s.Servers {
			bad += min(1, s.Servers[i].trouble())
		}
		s.Servers = worst(s.Servers, min(room, max(share, min(bad, 4*share))), (*Server).trouble)
		room -= len(s.Servers)
		s.Addresses = first(s.Addresses, overviewAddresses)
		o.Services = append(o.Services, s)
	}
}

func sizeOf(s *Service) Size {
	size := Size{All: len(s.Servers)}
	for i := range s.Servers {
		if s.Servers[i].State == ServerUp {
			size.Up++
		}
		size.Active += uint64(s.Servers[i].Connections.Active)
	}
	return size
}

// bounded returns an overview that keeps to the limits, whatever a peer has sent.
func (o Overview) bounded() Overview {
	totals, sizes := o.Totals, o.Sizes
	byName := make(map[string]Size, len(sizes))
	for i := range min(len(sizes), len(o.Services)) {
		byName[o.Services[i].Name] = sizes[i]
	}
	b := OverviewOf(&Status{
		Node: o.Node, Version: o.Version, VRRP: o.VRRP, Checks: o.Checks, Services: o.Services,
		IPVS: o.IPVS, BGP: o.BGP, Notify: o.Notify, Warnings: o.Warnings,
	})
	b.Format, b.Totals = o.Format, totals
	for i := range b.Services {
		if size, told := byName[b.Services[i].Name]; told {
			b.Sizes[i] = size
		}
	}
	return b
}

// complete returns the overview with its lists and maps set.
func (o Overview) complete() Overview {
	s := Status{VRRP: o.VRRP, Services: o.Services, IPVS: o.IPVS}.complete()
	o.VRRP, o.Services, o.IPVS = s.VRRP, s.Services, s.IPVS
	o.Checks, o.Sizes, o.Notify, o.Warnings = list(o.Checks), list(o.Sizes), list(o.Notify), list(o.Warnings)
	return o
}

// worst returns at most n of a list: those with the most trouble, else as they stand.
// The list is left as it is.
func worst[T any](all []T, n int, trouble func(*T) int) []T {
	most := 0
	for i := range all {
		most = max(most, trouble(&all[i]))
	}
	if n = max(n, 0); most == 0 {
		return first(all, n)
	}
	kept := make([]T, 0, min(n, len(all)))
	for much := most; much >= 0; much-- {
		for i := range all {
			if len(kept) < n && trouble(&all[i]) == much {
				kept = append(kept, all[i])
			}
		}
	}
	return kept
}

func first[T any](all []T, n int) []T { return all[:min(max(n, 0), len(all)):min(max(n, 0), len(all))] }

// What follows says how much trouble there is with something, 0 being none.

func (r *VirtualRouter) trouble() int {
	switch {
	case r.State == StateFault:
		return 2
	case r.State == StateInit, slices.ContainsFunc(r.Addresses, HeldAddress.isTroubled):
		return 1
	}
	return 0
}

func (a HeldAddress) isTroubled() bool {
	return a.Reason != "" || a.Conflict != nil && a.Conflict.Ongoing
}

func (c *Check) trouble() int {
	switch c.State {
	case CheckFailed:
		return 2
	case CheckUnknown:
		return 1
	}
	return 0
}

func (n *Notified) trouble() int { return min(1, len(n.Error)) }

func (s *Service) trouble() int {
	switch {
	case s.Here && !s.Quorum.Up, s.State == ServiceBlocked:
		return 4
	case s.State == ServiceWaiting, !s.Quorum.Up:
		return 3
	case s.Sorry:
		return 2
	}
	return min(1, sizeOf(s).All-sizeOf(s).Up)
}

func (s *Server) trouble() int {
	switch s.State {
	case ServerUp:
		return 0
	case ServerDown:
		return 3
	case ServerUnknown:
		return 2
	}
	return 1
}

func (r VirtualRouter) brief() VirtualRouter {
	r.Addresses, r.Routes = first(r.Addresses, overviewAddresses), first(r.Routes, overviewAddresses)
	r.Heard = first(r.Heard, overviewHeard)
	return r
}

func (i *IPVS) brief() *IPVS {
	if i == nil {
		return nil
	}
	short := *i
	short.Foreign = first(i.Foreign, overviewAddresses)
	return &short
}

func (b *BGP) brief() *BGP {
	if b == nil {
		return nil
	}
	short := *b
	short.Wanted, short.Announced = first(b.Wanted, overviewOthers), first(b.Announced, overviewOthers)
	short.Neighbors = first(b.Neighbors, overviewOthers)
	return &short
}
