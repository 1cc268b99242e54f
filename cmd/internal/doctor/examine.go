package doctor

import (
	"slices"

	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/cmd/internal/sysctl"
)

// Examine returns what of a host is wrong for a config, the worst first. What perch is
// going to set itself is not.
func Examine(c *config.Config, f Facts) []Finding {
	var all []Finding
	all = append(all, namespace(c, f)...)
	all = append(all, interfaces(c, f)...)
	all = append(all, unusable(c, f)...)
	all = append(all, loose(c, f)...)
	all = append(all, announced(c, f)...)
	all = append(all, tables(c, f)...)
	all = append(all, modules(c, f)...)
	unset := unmet(c, f)
	if c.IPVS.ManageSysctls {
		unset = unmanageable(unset, f)
	}
	all = append(all, unset...)
	all = append(all, tunnelEnds(c, f)...)
	all = append(all, ownServers(c, f)...)
	all = append(all, firewall(c, f)...)
	for _, topic := range []func(*config.Config, Facts) []Finding{
		allowed, fences, filtered, hosting, kept, clocks, leaderTime, disk, restarted, peers, wire, rivals,
	} {
		all = append(all, topic(c, f)...)
	}
	all = append(all, exposed(f)...)
	all = append(all, unfinished(f)...)
	return sorted(all)
}

func unmet(c *config.Config, f Facts) (all []Finding) {
	for _, n := range needs(c, f) {
		if finding, wrong := n.examine(f); wrong {
			all = append(all, finding)
		}
	}
	return all
}

// unmanageable is what perch cannot do of what it is to set itself.
func unmanageable(unset []Finding, f Facts) []Finding {
	if len(unset) == 0 || !f.ReadOnly {
		return nil
	}
	var names []string
	for _, u := range unset {
		names = append(names, u.Subject)
	}
	return []Finding{{
		unset[0].Severity, "/proc/sys", "is read-only here: perch cannot set " + list(names) + ", as manage_sysctls wants it to",
		"mount -o remount,rw /proc/sys",
	}}
}

// Settings returns the sysctls that the services of a config need on a host, in the order
// in which they are to be set.
func Settings(c *config.Config, f Facts) []sysctl.Setting {
	var all []sysctl.Setting
	for _, n := range needs(c, f) {
		for _, s := range n.settings {
			if !slices.Contains(all, s) {
				all = append(all, s)
			}
		}
	}
	return all
}
