package config

import (
	"fmt"
	"net/netip"
)

// checkServerChecks checks every check of servers by itself, and whether it can look at the
// servers that it is for.
func checkServerChecks(r *report, root *value, d *draft) {
	kinds := kindsOf(serverCheckKeys(new(draftCheck)))
	d.eachCheck(root, func(table *value, c *draftCheck) {
		checkSchedule(r, table, &c.Check)
		if c.Kind != "" { // else it was refused
			checkKindKeys(r, table, c.Kind, kinds)
			checkServerCheck(r, table, *c)
		}
	})
	said := map[*value]bool{}
	for i := range d.ServerChecks {
		if table := d.checked[i]; !said[table] && table.child("target") == nil {
			said[table] = checkServerTarget(r, table, &d.ServerChecks[i])
		}
	}
}

func checkServerCheck(r *report, table *value, c draftCheck) {
	target := table.child("target")
	onlyOne(r, table, "target", "port")
	if tls := table.child("tls"); c.Kind == "http" && tls != nil && target != nil {
		r.badKey(tls, "given together with target", "must be left out there, since the target begins with https:// or not")
	}
	for _, name := range []string{"weight", "reverse"} {
		if v := table.child(name); v != nil && c.Kind == "file" && !c.File.Number {
			r.badKey(v, "given without number = true", "must be left out there: it says how much the number in a file adds to the weight of a server")
		}
	}
	if c.Kind == "bgp" {
		r.badValue(table.child("kind"), "is for a [[check]] of this node", "must be of another kind")
		return
	}
	own := c.Kind == "script" || c.target(anyServer()) != "" // no target is needed
	switch {
	case target != nil || !own:
		checkTarget(r, table, &c.Check)
	case c.Kind == "http":
		c.Target = c.target(anyServer())
	}
	checkKind(r, table, &c.Check)
}

// checkServerTarget checks what a check has from its server, and reports whether that is wrong.
func checkServerTarget(r *report, table *value, c *Check) bool {
	before := len(r.mistakes)
	_, parse := targetForm(c.Kind)
	if parse == nil || c.Target == "" { // it has nothing from there
		return false
	}
	switch _, err := parse(c.Target); {
	case err == errBadPort:
		r.badKey(table, "a server has no port to look at", "must come with port or target")
	case err != nil:
		r.badKey(table, fmt.Sprintf("a server, %s, %v", c.Target, err), "must come with target, or be of another kind")
	default:
		checkReach(r, table, c)
	}
	return len(r.mistakes) > before
}

// anyServer stands for the servers that a check is for.
func anyServer() netip.AddrPort { return netip.AddrPortFrom(netip.IPv4Unspecified(), 1) }
