package daemon

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// minority calls say for each node that is not of the right camp, with one that is.
func minority(voices []voice, says func(voice) string, choose func([]camp) camp, say func(odd, right voice)) {
	camps := campsOf(voices, says)
	if len(camps) < 2 {
		return
	}
	right := choose(camps)
	model := voices[slices.IndexFunc(voices, func(v voice) bool { return v.name == right.names[0] })]
	for _, v := range voices {
		if says(v) != right.says {
			say(v, model)
		}
	}
}

// otherVIPs warns of nodes that would hold other VIPs. A witness needs to list none.
func otherVIPs(leader string, voices []voice) (warnings []string) {
	owners := slices.DeleteFunc(slices.Clone(voices), func(v voice) bool { return v.witness })
	digest := func(v voice) string { return v.report.Settings.VIPDigest }
	choose := func(camps []camp) camp { return rightOf(leader, camps) }
	minority(owners, digest, choose, func(odd, right voice) {
		lacks, has := differences(addressesIn(right), addressesIn(odd))
		var parts []string
		if len(lacks) > 0 {
			parts = append(parts, "has no "+named(lacks))
		}
		if len(has) > 0 {
			parts = append(parts, "has "+named(has)+", which "+right.name+" has not")
		}
		what := cmp.Or(strings.Join(parts, ", and "), "has other VIPs than "+right.name)
		warnings = append(warnings, fmt.Sprintf("%s %s: its config lists %s, that of %s %d; make the files alike and run `perch reload` on %s",
			odd.name, what, count(odd.report.Settings.VIPs, "VIP"), right.name, right.report.Settings.VIPs, odd.name))
	})
	return warnings
}

func addressesIn(v voice) map[string]string {
	all := map[string]string{}
	for _, vip := range v.report.VIPs {
		all[vip.Address] = ""
	}
	return all
}

// otherPeers warns of nodes that have other peers, or others' priorities and addresses. Those are
// right who list the members: a node that joins is for a time the only one that does.
func otherPeers(leader string, members []string, voices []voice) (warnings []string) {
	listing := map[string]bool{}
	for _, v := range voices {
		listing[v.name] = slices.Equal(slices.Sorted(maps.Keys(v.report.Settings.Peers)), members)
	}
	choose := func(camps []camp) camp {
		up := slices.DeleteFunc(slices.Clone(camps), func(c camp) bool { return !listing[c.names[0]] })
		if len(up) > 0 {
			return rightOf(leader, up)
		}
		return rightOf(leader, camps)
	}
	says := func(v voice) string {
		var b strings.Builder
		for _, name := range slices.Sorted(maps.Keys(v.report.Settings.Peers)) {
			b.WriteString(name + " " + v.report.Settings.Peers[name] + "\n")
		}
		return b.String()
	}
	minority(voices, says, choose, func(odd, right voice) {
		warnings = append(warnings, fmt.Sprintf("%s: make the lists of peers alike and restart perch on %s",
			otherPeersOf(odd, right), odd.name))
	})
	return warnings
}

// otherPeersOf says which peers a node has otherwise than another.
func otherPeersOf(odd, right voice) string {
	mine, theirs := odd.report.Settings.Peers, right.report.Settings.Peers
	lacks, has := differences(theirs, mine)
	var parts []string
	if len(lacks) > 0 {
		parts = append(parts, odd.name+" does not list "+named(lacks)+", as "+right.name+" does")
	}
	if len(has) > 0 {
		parts = append(parts, odd.name+" lists "+named(has)+", which "+right.name+" does not")
	}
	var changed []string
	for _, name := range slices.Sorted(maps.Keys(mine)) {
		if is, listed := theirs[name]; listed && is != mine[name] {
			changed = append(changed, fmt.Sprintf("%s (%s; on %s %s)", name, mine[name], right.name, is))
		}
	}
	if len(changed) > 0 {
		parts = append(parts, odd.name+" has other values of "+named(changed))
	}
	return strings.Join(parts, ", ")
}

// differences returns the names that only one of both has, sorted.
func differences(a, b map[string]string) (onlyA, onlyB []string) {
	for name := range a {
		if _, both := b[name]; !both {
			onlyA = append(onlyA, name)
		}
	}
	for name := range b {
		if _, both := a[name]; !both {
			onlyB = append(onlyB, name)
		}
	}
	slices.Sort(onlyA)
	slices.Sort(onlyB)
	return onlyA, onlyB
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
