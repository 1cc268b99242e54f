package board

import (
	"strconv"
	"strings"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// routerRow is a virtual router on a node.
type routerRow struct {
	*api.VirtualRouter
	on *party
}

// judgedRouters returns the virtual routers of all nodes that are known, and how many
// there are.
func judgedRouters(all []party) (list []judged[routerRow], n int) {
	for i := range all {
		n += all[i].Totals.VRRP
		for j := range all[i].VRRP {
			r := &all[i].VRRP[j]
			list = append(list, judged[routerRow]{routerRow{r, &all[i]}, levelOfRouter(r)})
		}
	}
	return sorted(list), n
}

// routers writes the virtual routers.
func (w *writer) routers(v *View, all []party) {
	list, n := judgedRouters(all)
	if len(list) == 0 {
		return
	}
	w.heading("VRRP routers")
	w.table("Virtual routers", "Router", "Node", "State", "Priority#", "-Master", "-Adverts#", "Since")
	for _, each := range list[:min(len(list), maxRouters)] {
		w.router(each.what, each.level)
	}
	w.endTable().rest(min(len(list), maxRouters), n, "virtual routers").missing(all)
	if len(v.Status.Unknown) > 0 {
		u := v.Status.Unknown[0]
		w.raw(`<p class="rest">`).text(amount(len(v.Status.Unknown), "unknown router")).raw(" heard, such as VRID ").int(u.VRID)
		w.raw(" of ").text(u.Address).raw(" on ").text(u.Interface).raw("</p>")
	}
	if v.Status.Promise != "" {
		w.raw(`<p class="rest">`).text(v.Status.Promise).raw("</p>")
	}
}

func (w *writer) router(r routerRow, l level) {
	w.raw(`<tr><th scope="row">`).text(r.Name).raw(" <small>VRID ").int(r.VRID).raw(" on ").text(r.Interface)
	if r.SyncGroup != "" {
		w.raw(", group ").text(r.SyncGroup)
	}
	w.raw("</small>").small(addressesOf(r.VirtualRouter)).small(r.Reason)
	for i := range r.Addresses {
		if a := &r.Addresses[i]; a.Reason != "" {
			w.small(a.Address + ": " + a.Reason)
			break
		}
	}
	for i := range r.Heard {
		w.small(r.Heard[i].Advice)
	}
	if r.Master != "" {
		w.raw(`<small class="p">master `).text(r.Master).raw("</small>")
	}
	w.raw("</th><td>").told(r.on).raw("</td><td>").markOf(r.on, l, r.State).raw(`</td><td class="n" data-l="priority">`).int(r.EffectivePriority)
	w.raw(`</td><td class="w a">`).text(orDash(r.Master)).raw(`</td><td class="n w">`).live(r.Adverts.Sent).raw(" out<br>")
	w.live(r.Adverts.Received).raw(" in")
	w.raw("</td><td>").time(r.Since).raw("</td></tr>")
}

func addressesOf(r *api.VirtualRouter) string {
	var parts []string
	for _, a := range r.Addresses[:min(len(r.Addresses), maxAddresses)] {
		parts = append(parts, a.Address)
	}
	if more := len(r.Addresses) - maxAddresses; more > 0 {
		parts = append(parts, "and "+strconv.Itoa(more)+" more")
	}
	return strings.Join(parts, ", ")
}
