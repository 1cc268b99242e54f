package config

import (
	"net/netip"
	"strconv"
)

func checkStatic(r *report, root *value, c *Config) {
	table := root.child("static")
	checkAttributes(r, table.child("addresses"), c.Static.Addresses)
	checkRoutes(r, table.child("routes"), c.Static.Routes)
	rules := table.child("rules")
	checkRules(r, rules, c.Static.Rules)
	for i, rule := range c.Static.Rules {
		if item := rules.item(i); item.child("from") == nil && item.child("to") == nil && rule.Table != 0 {
			r.badKey(item, "has no from and no to, which tell its family", `must have one of them, such as from = "0.0.0.0/0"`)
		}
	}
}

func checkRoutes(r *report, list *value, routes []Route) {
	for i, route := range routes {
		checkRoute(r, list.item(i), route)
	}
}

func checkRoute(r *report, table *value, route Route) {
	via, dev := table.child("via"), table.child("dev")
	switch {
	case table.kind != kindTable: // it was refused
	case via == nil && dev == nil && no(table.child("blackhole")):
		r.badKey(table, "leads nowhere", "must have via, dev or blackhole = true")
	case route.Blackhole && via != nil:
		r.badKey(via, "given together with blackhole", "must be one of the two")
	case route.Blackhole && dev != nil:
		r.badKey(dev, "given together with blackhole", "must be one of the two")
	}
	if route.OnLink && (via == nil || dev == nil) {
		r.badValue(table.child("onlink"), "says where via is, and that is on dev", "must come with via and dev")
	}
	if route.Destination.IsValid() {
		sameFamily(r, via, route.Via, route.Destination)
		sameFamily(r, table.child("source"), route.Source, route.Destination)
	}
}

// no reports whether a boolean is left out or false.
func no(v *value) bool { return v == nil || v.kind == kindBoolean && v.text == "false" }

// zero reports whether a value is the integer 0.
func zero(v *value) bool {
	n, err := strconv.ParseInt(v.text, 0, 64)
	return v.kind == kindInteger && err == nil && n == 0
}

// sameFamily wants an address of a route in the family of its destination.
func sameFamily(r *report, v *value, address netip.Addr, destination netip.Prefix) {
	if ipv6 := destination.Addr().Is6(); address.IsValid() && address.Is6() != ipv6 {
		family := familyName(ipv6)
		r.badValue(v, "is not of the destination's family, "+family, "must be an "+family+" address")
	}
}

func checkRules(r *report, list *value, rules []Rule) {
	for i, rule := range rules {
		checkRuleMark(r, list.item(i))
		if rule.From.IsValid() && rule.To.IsValid() && rule.From.Addr().Is6() != rule.To.Addr().Is6() {
			family := familyName(rule.From.Addr().Is6())
			r.badValue(list.item(i).child("to"), "is not of the family of from, "+family, "must be an "+family+" network")
		}
	}
}

// checkRuleMark wants a mark with a mask, and one without only if it is a mark.
func checkRuleMark(r *report, table *value) {
	mark, mask := table.child("fwmark"), table.child("fwmask")
	switch {
	case mark == nil && mask != nil:
		r.badKey(mask, "given without fwmark", "must come with fwmark, whose bits it tells")
	case mark != nil && mask == nil && zero(mark):
		r.badValue(mark, "is no mark", "must be at least 1, or come with fwmask")
	}
}
