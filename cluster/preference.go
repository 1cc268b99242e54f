package cluster

import (
	"cmp"
	"slices"
)

// byPreference returns the peers in the order in which they should own the
// VIPs, best first: those that may own at all, then by priority, then by name.
func byPreference(peers []Peer, drained func(string) bool) []Peer {
	mayOwn := func(p Peer) int {
		if p.Witness || drained(p.Name) {
			return 0
		}
		return 1
	}
	sorted := slices.Clone(peers)
	slices.SortFunc(sorted, func(a, b Peer) int {
		return cmp.Or(
			cmp.Compare(mayOwn(b), mayOwn(a)),
			cmp.Compare(b.Priority, a.Priority),
			cmp.Compare(a.Name, b.Name),
		)
	})
	return sorted
}
