package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// drawRouters draws the virtual routers, what they hold, and whom they hear that does
// not fit; nothing if there are none.
func drawRouters(s api.Status, v view) []string {
	if len(s.VRRP) == 0 {
		return nil
	}
	parts := []string{routersTable(s.VRRP, v.now).draw(v)}
	if s.Promise != "" {
		parts[0] += wrap(clean(s.Promise), v.width) + "\n"
	}
	if t := holdingsTable(s.VRRP); len(t.rows) > 0 {
		parts = append(parts, t.draw(v))
	}
	if lines := drawStrangers(s.VRRP, v) + drawUnknown(s.Unknown, v); lines != "" {
		parts = append(parts, lines)
	}
	return parts
}

func routersTable(routers []api.VirtualRouter, now time.Time) table {
	t := table{header: []string{"NAME", "VRID", "INTERFACE", "STATE", "PRIO", "MASTER", "SINCE", "REASON"}}
	for _, r := range routers {
		t.rows = append(t.rows, []cell{
			word(r.Name), word(strconv.Itoa(r.VRID)), word(r.Interface), routerStateCell(r.State), ranked(r.EffectivePriority, r.Priority),
			word(r.Master), word(age(r.Since, now)), word(r.Reason),
		})
	}
	return t
}

func routerStateCell(state string) cell {
	switch state {
	case api.StateMaster:
		return cell{state, good}
	case api.StateInit:
		return cell{state, doubtful}
	case api.StateFault:
		return cell{state, bad}
	}
	return word(state)
}

// ranked shows the priority that counts, and that of the config where it is another.
func ranked(effective, configured int) cell {
	if effective == configured {
		return word(strconv.Itoa(configured))
	}
	return cell{fmt.Sprintf("%d of %d", effective, configured), doubtful}
}

// holdingsTable shows the addresses and routes of all virtual routers.
func holdingsTable(routers []api.VirtualRouter) table {
	t := table{header: []string{"ROUTER", "ADDRESS", "INTERFACE", "HELD", "NOTE"}}
	for _, r := range routers {
		for _, row := range holdings(r.Addresses, r.Routes) {
			t.rows = append(t.rows, append([]cell{word(r.Name)}, row...))
		}
	}
	return t
}

func staticTable(s api.Static) table {
	return table{header: []string{"STATIC", "INTERFACE", "HELD", "NOTE"}, rows: holdings(s.Addresses, s.Routes)}
}

// holdings returns a row for each address, and then for each route.
func holdings(addresses []api.HeldAddress, routes []api.HeldRoute) (rows [][]cell) {
	for _, a := range addresses {
		vip := api.VIP{Reason: a.Reason, Readded: a.Readded, Conflict: a.Conflict}
		held := api.HeldRoute{Held: a.Held, Reason: a.Reason}
		rows = append(rows, []cell{word(a.Address), word(a.Interface), holdingCell(held), reasonCell(vip)})
	}
	for _, r := range routes {
		rows = append(rows, []cell{word(r.Route), word(""), holdingCell(r), word(r.Reason)})
	}
	return rows
}

// holdingCell tells what a backup does not hold from what should be held.
func holdingCell(h api.HeldRoute) cell {
	switch {
	case h.Held:
		return cell{"yes", good}
	case h.Reason != "":
		return cell{"no", bad}
	}
	return word("no")
}

// drawStrangers says who else is heard that something should be done about, and which
// router lost its lease by itself.
func drawStrangers(routers []api.VirtualRouter, v view) string {
	var b strings.Builder
	line := func(text string, s style) { b.WriteString(v.paint(wrap(clean(text), v.width), s) + "\n") }
	for _, r := range routers {
		for _, h := range r.Heard {
			if h.Advice != "" {
				line(strangerLine(r.Name, h), doubtful)
			}
		}
		if r.Adverts.Late > 0 {
			line(fmt.Sprintf("%s woke up after its lease as the master, and gave up: %d", r.Name, r.Adverts.Late), plain)
		}
	}
	return b.String()
}

// maxUnknown is how many routers of other VRIDs are named.
const maxUnknown = 20

// drawUnknown names the routers of VRIDs that this node does not have.
func drawUnknown(routers []api.UnknownRouter, v view) string {
	var b strings.Builder
	for _, r := range routers[:min(maxUnknown, len(routers))] {
		text := fmt.Sprintf("%s hears %s of VRID %d, which no router of this node has there (version %d, priority %d, every %s, last %s ago)",
			r.Interface, r.Address, r.VRID, r.Version, r.Priority, r.AdvertInterval, age(r.Last, v.now))
		b.WriteString(wrap(clean(text), v.width) + "\n")
	}
	if more := len(routers) - maxUnknown; more > 0 {
		b.WriteString(wrap(fmt.Sprintf("and %d more of VRIDs that no router of this node has: see -o json", more), v.width) + "\n")
	}
	return b.String()
}

func strangerLine(router string, h api.HeardFrom) string {
	text := fmt.Sprintf("%s hears %s (version %d, priority %d, every %s): %s", router, h.Address, h.Version, h.Priority, h.AdvertInterval, h.Advice)
	if len(h.Dropped) > 0 {
		text += " (dropped: " + countList(h.Dropped) + ")"
	}
	return text
}

// countList lists counts in the order of their names.
func countList(counts map[string]uint64) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		list = append(list, fmt.Sprintf("%s %d", name, counts[name]))
	}
	return strings.Join(list, ", ")
}
