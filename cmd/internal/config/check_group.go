package config

import "strings"

// checkGroups wants every member to be a [[vrrp]], and in one group only.
func checkGroups(r *report, root *value, c *Config) {
	var routers []string
	known := map[string]bool{}
	for _, router := range c.VRRP {
		if router.Name != "" && !known[router.Name] {
			known[router.Name] = true
			routers = append(routers, router.Name)
		}
	}
	names, members := firsts[string]{}, firsts[string]{}
	for i, g := range c.SyncGroups {
		table := root.child("sync_group").item(i)
		if g.Name != "" {
			names.check(r, g.Name, table.child("name"), "must be different for every [[sync_group]]")
		}
		list := table.child("members")
		if list != nil && list.kind == kindArray && len(list.items) < 2 {
			r.badKey(list, "has less than 2 members", "must have 2 at least, which fail together")
		}
		for j, member := range g.Members {
			switch {
			case member == "": // it was refused
			case !known[member]:
				r.badValue(list.item(j), "is no [[vrrp]]", suggestion(member, routers))
			default:
				members.check(r, member, list.item(j), "must be in one [[sync_group]], once")
			}
		}
	}
}

// fewNames is how many names a word is compared with to tell what it was meant to be.
const fewNames = 50

// suggestion says what a word may have been meant to be.
func suggestion(word string, names []string) string {
	few := names[:min(len(names), fewNames)]
	if near, ok := Nearest(word, few); ok {
		return "did you mean " + near + "?"
	}
	if len(names) == 0 {
		return "must be the name of one, and there is none"
	}
	return "must be one of " + shorten(strings.Join(few, ", "))
}
