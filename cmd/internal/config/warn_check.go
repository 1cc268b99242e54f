package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

func warnChecks(r *report, root *value, c *Config) {
	warnUntracked(r, root, c)
	virtual := c.virtual()
	for i, check := range c.Checks {
		table := root.child("check").item(i)
		warnTimeout(r, table, &check)
		if target := table.child("target"); target != nil && virtual[hostOf(check.Target)] {
			r.warn(target.pos, fmt.Sprintf("%s%s: is a virtual address: each node would look at its owner, and be as sick as that; look at what this node serves itself",
				target.path(), target.assigned()))
		}
	}
	warnOwners(r, root, c)
}

func warnTimeout(r *report, table *value, c *Check) {
	if timeout := table.child("timeout"); timeout != nil && c.Timeout > c.Interval && c.Interval > 0 {
		r.warn(timeout.pos, fmt.Sprintf("%s%s: is longer than interval, %v: a look that takes so long delays the next one",
			timeout.path(), timeout.assigned(), c.Interval))
	}
}

// hostOf returns the address in a target, or the zero value if that has none.
func hostOf(target string) netip.Addr {
	if a, err := netip.ParseAddrPort(target); err == nil {
		return a.Addr()
	}
	if u, err := url.Parse(target); err == nil && u.Host != "" {
		target = u.Hostname()
	}
	a, _ := netip.ParseAddr(target)
	return a
}

// warnUntracked names the checks that decide nothing, a few of them.
func warnUntracked(r *report, root *value, c *Config) {
	tracked := trackedChecks(c)
	var idle []string
	var first *value
	for i, check := range c.Checks {
		if tracked[check.Name] {
			continue
		}
		if idle = append(idle, check.Name); first == nil {
			first = root.child("check").item(i)
		}
	}
	if first == nil || len(r.mistakes) > 0 {
		return
	}
	const few = 10
	names := strings.Join(idle[:min(len(idle), few)], ", ")
	if more := len(idle) - few; more > 0 {
		names += fmt.Sprintf(" and %d more", more)
	}
	decide := "it decides nothing"
	if len(idle) > 1 {
		decide = "they decide nothing"
	}
	r.warn(first.key, "check: nothing tracks "+names+", so "+decide)
}

func trackedChecks(c *Config) map[string]bool {
	tracked := map[string]bool{}
	add := func(tracks []Track) {
		for _, t := range tracks {
			tracked[t.Check] = true
		}
	}
	if c.Cluster != nil {
		add(c.Cluster.Track)
	}
	if c.BGP != nil && c.BGP.Anycast {
		add(c.BGP.Track)
	}
	for _, router := range c.VRRP {
		add(router.Track)
	}
	for _, g := range c.SyncGroups {
		add(g.Track)
	}
	return tracked
}

// warnOwners remarks on weights for a priority that never changes.
func warnOwners(r *report, root *value, c *Config) {
	owners := map[string]bool{}
	for i, router := range c.VRRP {
		if router.Priority == 255 && router.Name != "" {
			owners[router.Name] = true
			warnWeights(r, root.child("vrrp").item(i).child("track"), router.Track, router.Name)
		}
	}
	for i, g := range c.SyncGroups {
		owner := slices.IndexFunc(g.Members, func(member string) bool { return owners[member] })
		if owner >= 0 {
			warnWeights(r, root.child("sync_group").item(i).child("track"), g.Track, g.Members[owner])
		}
	}
}

func warnWeights(r *report, list *value, tracks []Track, router string) {
	for i, t := range tracks {
		if t.Weight != 0 {
			v := list.item(i)
			r.warn(v.pos, fmt.Sprintf("%s: %s has weight %d, but the priority of %s is 255 and stays so; with weight 0 its failure would be a fault",
				v.path(), t.Check, t.Weight, router))
		}
	}
}
