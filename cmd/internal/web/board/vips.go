package board

import (
	"strconv"

	"github.com/perch-vip/perch/cmd/internal/api"
)

func judgedVIPs(vips []api.VIP) []judged[*api.VIP] {
	list := make([]judged[*api.VIP], len(vips))
	for i := range vips {
		l, _ := levelOfVIP(&vips[i])
		list[i] = judged[*api.VIP]{&vips[i], l}
	}
	return sorted(list)
}

// group is who holds how many VIPs, and why.
type group struct {
	owner, reason string
	count         int
	held          int
}

// groupsOf returns the owners of VIPs with their reasons, in the order of the list.
func groupsOf(vips []judged[*api.VIP]) []group {
	var groups []group
	at := map[[2]string]int{}
	for _, each := range vips {
		key := [2]string{each.what.Owner, each.what.Reason}
		i, known := at[key]
		if !known {
			i = len(groups)
			at[key] = i
			groups = append(groups, group{owner: key[0], reason: key[1]})
		}
		groups[i].count++
		if each.what.Held {
			groups[i].held++
		}
	}
	return groups
}

// vips writes who owns what, and why. Why is said once for all VIPs of an owner that have
// the same reason.
func (w *writer) vips(v *View) {
	list := judgedVIPs(v.Status.VIPs)
	if len(list) == 0 {
		return
	}
	w.heading("Who owns what, and why")
	groups := groupsOf(list)
	w.raw(`<ul class="why">`)
	for _, g := range groups[:min(len(groups), maxSpread)] {
		w.ownerLine(g, v.Status.Cluster)
	}
	w.raw("</ul>")
	w.table("Virtual IP addresses", "Address", "-Interface", "Owner", "State", "Since")
	for _, each := range list[:min(len(list), maxVIPs)] {
		w.vip(each.what, len(groups) > 1)
	}
	w.endTable().rest(maxVIPs, len(list), "VIPs"+howMany(list[min(len(list), maxVIPs):]))
}

func howMany(rest []judged[*api.VIP]) string {
	if n := troubled(rest); n > 0 {
		return ", " + strconv.Itoa(n) + " of them not well"
	}
	return ", all held"
}

func (w *writer) ownerLine(g group, c *api.Cluster) {
	w.raw("<li>")
	switch {
	case g.owner == "":
		w.mark(bad, "nobody").raw(" owns ").text(amount(g.count, "VIP"))
	case g.held < g.count:
		w.mark(bad, g.owner).raw(" owns ").text(amount(g.count, "VIP")).raw(" and holds ").int(g.held)
	default:
		w.mark(well, g.owner).raw(" owns and holds ").text(amount(g.count, "VIP"))
	}
	if c != nil && g.owner != "" && g.owner == c.Leader {
		w.raw(" in term ").text(strconv.FormatUint(c.Term, 10))
	}
	if g.reason != "" {
		w.raw(": ").text(g.reason)
	}
	w.raw("</li>")
}

func (w *writer) vip(v *api.VIP, explain bool) {
	l, word := levelOfVIP(v)
	w.raw(`<tr><th scope="row">`).text(v.Address)
	if explain && l == bad {
		w.small(v.Reason)
	}
	if c := v.Conflict; c != nil {
		w.raw("<small>claimed by ").text(c.MAC).raw(", ").live(c.Count).raw(plural(int(min(c.Count, 2)), " time, last ", " times, last ")).time(c.Last).raw("</small>")
	}
	if v.Readded > 0 {
		w.raw("<small>put back ").text(times(v.Readded)).raw(" after others removed it</small>")
	}
	w.raw(`</th><td class="w">`).text(v.Interface).raw("</td><td>").text(orDash(v.Owner)).raw("</td><td>").mark(l, word)
	w.raw("</td><td>").time(v.Since).raw("</td></tr>")
}

// times is how often something happened.
func times(n uint64) string {
	if n == 1 {
		return "once"
	}
	return strconv.FormatUint(n, 10) + " times"
}

func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}
