package cluster

import (
	"cmp"
	"slices"
)

// byPreference returns the peers in the order in which they should own the
// VIPs, best first: those that may own at all, of these the healthy ones, then by
// priority, then by name.
func byPreference(peers []Peer, drained, sick func(string) bool) []Peer {
	class := func(p Peer) int {
		switch {
		case p.Witness || drained(p.Name):
			return 0
		case sick(p.Name):
			return 1
		}
		return 2
	}
	sorted := slices.Clone(peers)
	slices.SortFunc(sorted, func(a, b Peer) int {
		return cmp.Or(
			cmp.Compare(class(b), class(a)),
			cmp.Compare(b.Priority, a.Priority),
			cmp.Compare(a.Name, b.Name),
		)
	})
	return sorted
}
