package vip

import (
	"maps"
	"net/netip"
	"slices"
	"sort"
)

// subnet is a prefix on an interface.
type subnet struct {
	index  int
	prefix netip.Prefix
}

func (a address) subnetOf() subnet { return subnet{a.index, a.subnet()} }

// model foretells what the kernel makes of changes: of the IPv4 addresses of one
// subnet the first is the primary one, which takes the others with it when it
// goes, or hands over to the next of them.
type model struct {
	groups   map[subnet]*group
	promotes map[int]bool        // interfaces whose secondary addresses outlive the primary
	foreign  map[subnet]struct{} // subnets of addresses that are no VIPs
	covered  map[subnet]bool     // answers that Covered gave
}

// group is the IPv4 addresses of one subnet.
type group struct {
	primary place
	members map[place]member
	turns   int // so many came, also those that have gone
}

type member struct {
	address
	turn    int // one that went and came back has a new one
	foreign bool
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
	for _, l := range v.others {
		m.promotes[l.index] = l.promotes
	}
	for _, a := range v.addresses { // primaries first
		m.Add(a)
	}
	return m
}

// Add adds an address.
func (m *model) Add(a address) {
	if !a.hasPrimary() {
		return
	}
	g, ok := m.groups[a.subnetOf()]
	if !ok {
		g = &group{primary: a.place(), members: make(map[place]member)}
		m.groups[a.subnetOf()] = g
	}
	g.members[a.place()] = member{address: a, turn: g.turns}
	g.turns++
}

// Remove removes an address, and returns those that go with it, in the order in
// which they are to come back.
func (m *model) Remove(a address) []address {
	if !a.hasPrimary() {
		return nil
	}
	g := m.groups[a.subnetOf()]
	delete(g.members, a.place())
	if len(g.members) == 0 {
		delete(m.groups, a.subnetOf())
	}
	if g.primary != a.place() || len(g.members) == 0 {
		return nil
	}
	var left []address
	for _, b := range g.all() {
		left = append(left, b.address)
	}
	g.primary = left[0].place()
	return left
}

// all are the members in order.
func (g *group) all() []member {
	all := slices.Collect(maps.Values(g.members))
	sort.Slice(all, func(i, j int) bool { return all[i].turn < all[j].turn })
	return all
}

// Leads reports whether others depend on a, and Joins whether a would depend on
// another.
func (m *model) Leads(a address) bool {
	g, ok := m.groups[a.subnetOf()]
	return ok && g.primary == a.place()
}

func (m *model) Joins(a address) bool {
	_, ok := m.groups[a.subnetOf()]
	return ok
}

// Hosted reports whether the primary address of a's subnet is no VIP.
func (m *model) Hosted(a address) bool {
	g, ok := m.groups[a.subnetOf()]
	return ok && g.members[g.primary].foreign
}

// Scope is the scope that a must have: the kernel wants one for a whole subnet.
func (m *model) Scope(a address) uint8 {
	if m.Joins(a) {
		g := m.groups[a.subnetOf()]
		return g.members[g.primary].scope
	}
	return a.scope
}

// Foreign notes that an address is no VIP's.
func (m *model) Foreign(a address) {
	if a.isRange() {
		return
	}
	m.foreign[a.subnetOf()] = struct{}{}
	if !a.is4() {
		return
	}
	g := m.groups[a.subnetOf()]
	b := g.members[a.place()]
	b.foreign = true
	g.members[a.place()] = b
}

// Ahead returns the addresses after the primary one a that come before the first
// foreign one, and whether there is such a one.
func (m *model) Ahead(a address) ([]address, bool) {
	g := m.groups[a.subnetOf()]
	var ahead []address
	for _, b := range g.all() {
		if b.foreign {
			return ahead, true
		}
		if b.place() != a.place() {
			ahead = append(ahead, b.address)
		}
	}
	return nil, false
}

// Covered reports whether an address that is no VIP makes a's subnet reachable. The way
// to the other end of a link is a's own.
func (m *model) Covered(a address) bool {
	if a.peer.IsValid() {
		return false
	}
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
