package vip

import (
	"net/netip"
	"slices"
)

// subnet is a prefix on an interface.
type subnet struct {
	index  int
	prefix netip.Prefix
}

func (a address) subnetOf() subnet { return subnet{a.index, a.subnet()} }

// model foretells what the kernel makes of changes: of the IPv4 addresses of one
// subnet the first is the primary one, which takes the others with it when it goes.
type model struct {
	groups   map[subnet]*group
	promotes map[int]bool        // interfaces whose secondary addresses outlive the primary
	foreign  map[subnet]struct{} // subnets of addresses that are no VIPs
	covered  map[subnet]bool     // answers that Covered gave
}

// group is the IPv4 addresses of one subnet.
type group struct {
	primary place
	order   []place // also of members that have gone
	members map[place]address
}

func newModel(v view) model {
	m := model{
		groups:   make(map[subnet]*group),
		promotes: make(map[int]bool, len(v.links)),
		foreign:  make(map[subnet]struct{}),
		covered:  make(map[subnet]bool),
	}
	for _, l := range v.links {
		m.promotes[l.index] = l.promotes
	}
	for _, a := range v.addresses {
		m.Add(a)
		if a.is4() && !a.secondary() {
			m.groups[a.subnetOf()].primary = a.place()
		}
	}
	return m
}

// Add adds an address.
func (m *model) Add(a address) {
	if !a.is4() {
		return
	}
	g, ok := m.groups[a.subnetOf()]
	if !ok {
		g = &group{members: make(map[place]address)}
		m.groups[a.subnetOf()] = g
	}
	if len(g.members) == 0 {
		g.primary, g.order = a.place(), nil
	}
	g.members[a.place()] = a
	g.order = append(g.order, a.place())
}

// Remove removes an address, and returns those that go with it, in the order in
// which they are to come back.
func (m *model) Remove(a address) []address {
	if !a.is4() {
		return nil
	}
	g := m.groups[a.subnetOf()]
	delete(g.members, a.place())
	if g.primary != a.place() || len(g.members) == 0 {
		return nil
	}
	g.order = slices.DeleteFunc(g.order, func(p place) bool {
		_, there := g.members[p]
		return !there
	})
	g.primary = g.order[0]
	left := make([]address, len(g.order))
	for i, p := range g.order {
		left[i] = g.members[p]
	}
	return left
}

// Primary reports whether others may go with a.
func (m *model) Primary(a address) bool {
	g, ok := m.groups[a.subnetOf()]
	return ok && a.is4() && g.primary == a.place()
}

// Scope is the scope that a must have: the kernel wants one for a whole subnet.
func (m *model) Scope(a address) uint8 {
	if g, ok := m.groups[a.subnetOf()]; ok && a.is4() {
		return g.members[g.primary].scope
	}
	return a.scope
}

// Foreign notes an address that is no VIP's.
func (m *model) Foreign(a address) { m.foreign[a.subnetOf()] = struct{}{} }

// Covered reports whether an address that is no VIP makes a's subnet reachable.
func (m *model) Covered(a address) bool {
	s := a.subnetOf()
	if covered, known := m.covered[s]; known {
		return covered
	}
	for bits := s.prefix.Bits(); bits >= 0 && !m.covered[s]; bits-- {
		wider := netip.PrefixFrom(s.prefix.Addr(), bits).Masked()
		_, m.covered[s] = m.foreign[subnet{s.index, wider}]
	}
	return m.covered[s]
}
