package cluster

import (
	"cmp"
	"slices"
	"sort"
)

// byPreference returns the peers in the order in which they should own the
// VIPs, best first: those that may own at all, of these the healthy ones, then by
// priority, then by name.
func byPreference(peers []Peer, drained, sick func(string) bool) []Peer {
	class := map[string]int{}
	for _, p := range peers {
		switch {
		case p.Witness || drained(p.Name):
			class[p.Name] = 0
		case sick(p.Name):
			class[p.Name] = 1
		default:
			class[p.Name] = 2
		}
	}
	sorted := slices.Clone(peers)
	sort.Slice(sorted, func(i, j int) bool {
		a, b := &sorted[i], &sorted[j]
		return cmp.Or(
			cmp.Compare(class[b.Name], class[a.Name]),
			cmp.Compare(b.Priority, a.Priority),
			cmp.Compare(a.Name, b.Name),
		) < 0
	})
	return sorted
}
