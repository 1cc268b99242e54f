package route

import (
	"fmt"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"
)

// entry is a route as the kernel keeps it. It is comparable.
type entry struct {
	to        netip.Prefix
	via       netip.Addr
	index     int // of the interface; in what is wanted 0 where the gateway says it
	source    netip.Addr
	table     int
	metric    int
	scope     uint8
	onLink    bool
	blackhole bool
}

// slot is what the kernel gives to one route only.
type slot struct {
	to            netip.Prefix
	table, metric int
}

func (e entry) slot() slot { return slot{e.to, e.table, e.metric} }

// entry is how the kernel keeps r, whose interface has an index.
func (r Route) entry(index int) entry {
	e := entry{
		to: r.Destination, via: r.Via, index: index, source: r.Source, table: tableOf(r.Table),
		metric: r.Metric, onLink: r.OnLink, blackhole: r.Blackhole,
	}
	if !r.is4() && e.metric == 0 {
		e.metric = 1024 // IP6_RT_PRIO_USER
	}
	if r.is4() {
		e.scope = r.scope()
	}
	return e
}

// scope is that of an IPv4 route; the kernel knows none of IPv6.
func (r Route) scope() uint8 {
	switch r.Scope {
	case ScopeSite:
		return unix.RT_SCOPE_SITE
	case ScopeLink:
		return unix.RT_SCOPE_LINK
	case ScopeHost:
		return unix.RT_SCOPE_HOST
	case ScopeDefault:
		if !r.Via.IsValid() && !r.Blackhole {
			return unix.RT_SCOPE_LINK
		}
	}
	return unix.RT_SCOPE_UNIVERSE
}

// is reports whether have is what e wants.
func (e entry) is(have entry) bool {
	if e.index == 0 {
		have.index = 0
	}
	return e == have
}

// tables are routes and rules, the latter canonical, in the order of addition.
type tables struct {
	routes []entry
	rules  []Rule
}

type op int

const (
	opAddRoute op = iota
	opRemoveRoute
	opAddRule
	opRemoveRule
)

// action is one step of a plan.
type action struct {
	op    op
	route entry // of a route
	rule  Rule  // of a rule
}

// undo is the action that takes an addition back.
func (a action) undo() action {
	if a.op == opAddRoute {
		a.op = opRemoveRoute
	} else {
		a.op = opRemoveRule
	}
	return a
}

// note takes over what an action has done.
func (t *tables) note(a action) {
	switch a.op {
	case opAddRoute:
		t.routes = append(t.routes, a.route)
	case opRemoveRoute:
		t.routes = slices.DeleteFunc(t.routes, func(e entry) bool { return a.route.is(e) })
	case opAddRule:
		t.rules = append(t.rules, a.rule)
	case opRemoveRule:
		t.rules = slices.DeleteFunc(t.rules, func(r Rule) bool { return a.rule == r })
	}
}

// String tells what an action does.
func (a action) String() string {
	switch a.op {
	case opAddRoute:
		return "add route " + a.route.String()
	case opRemoveRoute:
		return "remove route " + a.route.String()
	case opAddRule:
		return "add rule " + a.rule.String()
	}
	return "remove rule " + a.rule.String()
}

func (e entry) String() string {
	s := fmt.Sprintf("%s table %d metric %d", e.to, e.table, e.metric)
	if e.via.IsValid() {
		s += " via " + e.via.String()
	}
	return s
}

// plan returns what turns have, which is all perch's, into want: routes come before
// rules, and go after them. A route that takes another's slot follows it there at once.
func plan(want, have tables) []action {
	var actions []action
	for _, e := range want.routes {
		actions = append(actions, take(e, have.routes)...)
	}
	actions = append(actions, rules(opAddRule, want.rules, have.rules)...)
	actions = append(actions, rules(opRemoveRule, have.rules, want.rules)...)
	for _, e := range surplus(want.routes, have.routes) {
		actions = append(actions, action{op: opRemoveRoute, route: e})
	}
	return actions
}

// common is what want and have both have, as what would add it.
func common(want, have tables) []action {
	var actions []action
	for _, e := range want.routes {
		if slices.ContainsFunc(have.routes, e.is) {
			actions = append(actions, action{op: opAddRoute, route: e})
		}
	}
	for _, r := range want.rules {
		if slices.Contains(have.rules, r) {
			actions = append(actions, action{op: opAddRule, rule: r})
		}
	}
	return actions
}

// take puts e into its slot.
func take(e entry, have []entry) []action {
	var actions []action
	for _, h := range have {
		switch {
		case e.is(h):
			return nil
		case e.slot() == h.slot():
			actions = append(actions, action{op: opRemoveRoute, route: h})
		}
	}
	return append(actions, action{op: opAddRoute, route: e})
}

// surplus are those of have in whose slot nothing is wanted, or that are there besides
// what is wanted.
func surplus(want, have []entry) []entry {
	slots := make(map[slot]entry, len(want))
	for _, e := range want {
		slots[e.slot()] = e
	}
	met := make(map[slot]bool)
	for _, h := range have {
		if e, ok := slots[h.slot()]; ok && e.is(h) {
			met[h.slot()] = true
		}
	}
	var list []entry
	for _, h := range have {
		e, wanted := slots[h.slot()]
		if !wanted || met[h.slot()] && !e.is(h) {
			list = append(list, h)
		}
	}
	return list
}

// rules are actions of a kind for those of list that are not in but.
func rules(op op, list, but []Rule) []action {
	in := make(map[Rule]bool, len(but))
	for _, r := range but {
		in[r] = true
	}
	var actions []action
	for _, r := range list {
		if !in[r] {
			actions = append(actions, action{op: op, rule: r})
		}
	}
	return actions
}
