package daemon

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/vip/fence"
)

// voice is what a node said of itself.
type voice struct {
	name    string
	witness bool
	report  api.NodeReport
	skew    skew // of its wall clock
}

// mostNamed bounds how many differences of a node are spelled out.
const mostNamed = 3

// disagreements says in what the nodes that answered differ, where they should not, and how to
// mend it: in a line for each node or setting. Where they differ, those are right that are
// more, or else the leader. members are sorted, and empty if they are not known.
func disagreements(leader string, members []string, voices []voice) []string {
	telling := slices.DeleteFunc(slices.Clone(voices), func(v voice) bool { return v.report.Settings == nil })
	return slices.Concat(
		otherFences(voices),
		otherVIPs(leader, telling),
		otherPeers(leader, members, telling),
		otherValues(telling),
		otherVersions(voices),
	)
}

// disagreements says in what the nodes differ that answer, where they should not.
func (s snapshot) disagreements(nodes []api.Node, answers map[string]answer) []string {
	var voices []voice
	for _, n := range nodes {
		if a := answers[n.Name]; a.err == nil {
			p, _ := s.config.Cluster.Peer(n.Name)
			voices = append(voices, voice{n.Name, p.Witness, a.report, a.skew})
		}
	}
	limit := skewLimit
	if s.clock != nil {
		limit = s.clock.MaxOffset
	}
	var members []string
	for _, m := range s.view.Members {
		members = append(members, m.Name)
	}
	slices.Sort(members)
	return append(disagreements(s.view.Leader, members, voices), otherClocks(voices, limit)...)
}

// camp is a set of nodes that say the same.
type camp struct {
	says  string
	names []string
}

// campsOf returns the camps of the nodes, in the order of their first ones. Nodes that say ""
// are in none.
func campsOf(voices []voice, says func(voice) string) (camps []camp) {
	for _, v := range voices {
		word := says(v)
		if word == "" {
			continue
		}
		i := slices.IndexFunc(camps, func(c camp) bool { return c.says == word })
		if i < 0 {
			i, camps = len(camps), append(camps, camp{says: word})
		}
		camps[i].names = append(camps[i].names, v.name)
	}
	return camps
}

// rightOf returns the camp that has most nodes, of several such that of the leader.
func rightOf(leader string, camps []camp) camp {
	weight := func(c camp) int {
		w := 2 * len(c.names)
		if slices.Contains(c.names, leader) {
			w++
		}
		return w
	}
	return slices.MaxFunc(camps, func(a, b camp) int { return weight(a) - weight(b) })
}

// spread lists who says what, such as "true on lb1, lb2, false on lb3".
func spread(camps []camp) string {
	var parts []string
	for _, c := range camps {
		parts = append(parts, c.says+" on "+strings.Join(c.names, ", "))
	}
	return strings.Join(parts, ", ")
}

// otherFences warns of fences of which one leaves addresses answering for longer than another
// expects. Of those that end with the lease each is as good.
func otherFences(voices []voice) []string {
	owners := slices.DeleteFunc(slices.Clone(voices), func(v voice) bool { return v.witness })
	ends := campsOf(owners, func(v voice) string {
		if v.report.Fence == string(fence.NFTables) {
			return string(fence.BPF)
		}
		return v.report.Fence
	})
	if len(ends) < 2 {
		return nil
	}
	kinds := campsOf(owners, func(v voice) string { return v.report.Fence })
	return []string{fmt.Sprintf("the fence is %s: a node expects of the others what its own does, so that two may answer for a VIP after a failure; give all the same cluster.fence and restart perch",
		spread(kinds))}
}

// otherValues warns of keys that are not alike.
func otherValues(voices []voice) (warnings []string) {
	keys := map[string]bool{}
	for _, v := range voices {
		for key := range v.report.Settings.Values {
			keys[key] = true
		}
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		camps := campsOf(voices, func(v voice) string { return v.report.Settings.Values[key] })
		if len(camps) < 2 {
			continue
		}
		warnings = append(warnings, fmt.Sprintf("%s is %s: make the files alike and run `perch reload`", key, spread(camps)))
	}
	return warnings
}

// otherVersions warns of nodes that do not run the same perch.
func otherVersions(voices []voice) []string {
	camps := campsOf(voices, func(v voice) string { return v.report.Version })
	if len(camps) < 2 {
		return nil
	}
	return []string{fmt.Sprintf("versions differ, %s: install the same version on all nodes", spread(camps))}
}

// named lists a few of many.
func named(all []string) string {
	if len(all) <= mostNamed {
		return strings.Join(all, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(all[:mostNamed], ", "), len(all)-mostNamed)
}
