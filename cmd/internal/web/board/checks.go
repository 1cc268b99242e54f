package board

import "github.com/perch-vip/perch/cmd/internal/api"

// checkRow is a check of a node.
type checkRow struct {
	*api.Check
	on *party
}

func judgedChecks(all []party) (list []judged[checkRow]) {
	for i := range all {
		for j := range all[i].Checks {
			c := &all[i].Checks[j]
			list = append(list, judged[checkRow]{checkRow{c, &all[i]}, levelOfCheck(c)})
		}
	}
	return sorted(list)
}

// checks writes the checks of all nodes, with their last errors.
func (w *writer) checks(all []party) {
	list, n := judgedChecks(all), 0
	for i := range all {
		n += all[i].Totals.Checks
	}
	if len(list) == 0 {
		return
	}
	w.heading("Checks").table("Checks of the nodes", "Check", "Node", "State", "-Took#", "Since")
	for _, each := range list[:min(len(list), maxChecks)] {
		w.check(each.what, each.level)
	}
	w.endTable().rest(min(len(list), maxChecks), n, "checks").missing(all)
}

func (w *writer) check(c checkRow, l level) {
	w.raw(`<tr><th scope="row">`).text(c.Name).raw(" <small>").text(c.Kind).raw(" ").text(c.Target).raw("</small>")
	w.small(c.Error).small(c.Warning)
	if c.Overdue != "" {
		w.raw("<small>overdue: too many others are under way</small>")
	}
	w.raw("</th><td>").told(c.on).raw("</td><td>").markOf(c.on, l, c.State).raw(`</td><td class="n w">`).liveText(appendText(nil, orDash(c.Took)))
	w.raw("</td><td>").time(c.Since).raw("</td></tr>")
}
