package bgp

import (
	"net/netip"
	"slices"
)

// standing is how a network is to be announced.
type standing int

const (
	alike   standing = iota // as good as those of other nodes
	fresh                   // just taken over: preferred to a settled one, and to a fresh one of an earlier term
	settled                 // for a while: makes way for a fresh one
	leaving                 // about to be given up: makes way for any other
)

// routeMap is the name of the route-map that gives a route its standing; none for "".
func (s standing) routeMap() string {
	switch s {
	case fresh:
		return "perch-fresh"
	case settled:
		return "perch-settled"
	case leaving:
		return "perch-leaving"
	default:
		return ""
	}
}

// standingOf is the standing that a route-map gives; alike for any other.
func standingOf(routeMap string) standing {
	for _, s := range mapped() {
		if routeMap == s.routeMap() {
			return s
		}
	}
	return alike
}

// mapped are those that have a route-map.
func mapped() []standing { return []standing{fresh, settled, leaving} }

// networks says how networks are, or are to be, announced.
type networks map[netip.Prefix]standing

// sorted returns the networks in order.
func (n networks) sorted() []netip.Prefix { return inOrder(n) }

// set is a set of networks.
type set map[netip.Prefix]struct{}

func setOf(lists ...[]netip.Prefix) set {
	s := set{}
	for _, p := range slices.Concat(lists...) {
		s[p] = struct{}{}
	}
	return s
}

func (s set) has(p netip.Prefix) bool {
	_, ok := s[p]
	return ok
}

func inOrder[V any](m map[netip.Prefix]V) []netip.Prefix {
	list := make([]netip.Prefix, 0, len(m))
	for p := range m {
		list = append(list, p)
	}
	slices.SortFunc(list, netip.Prefix.Compare)
	return list
}
