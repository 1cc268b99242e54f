package board

import (
	"strings"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// bgp writes how nodes announce VIPs to routers.
func (w *writer) bgp(all []party) {
	begun := false
	for i := range all {
		b := all[i].BGP
		if b == nil {
			continue
		}
		if !begun {
			w.heading("BGP")
			begun = true
		}
		w.raw(`<p class="sum">`).told(&all[i]).raw(" ").mark(levelOfBGP(b), b.State).raw(" since ").time(b.Since)
		if len(b.Announced) > 0 {
			w.raw(": ").text(strings.Join(b.Announced[:min(len(b.Announced), maxAddresses)], ", "))
			if more := len(b.Announced) - maxAddresses; more > 0 {
				w.raw(" and ").int(more).raw(" more")
			}
		}
		w.small(b.Error).raw("</p>").neighbors(b.Neighbors)
	}
}

func (w *writer) neighbors(list []api.BGPNeighbor) *writer {
	if len(list) == 0 {
		return w
	}
	w.table("Neighbors of bgpd", "Neighbor", "AS#", "State", "Prefixes#", "Since")
	for i := range list[:min(len(list), maxNeighbors)] {
		n, l := &list[i], bad
		if n.Up {
			l = well
		}
		w.raw(`<tr><th scope="row">`).text(n.Address).raw(`</th><td class="n" data-l="AS">`).int(int(n.ASN)).raw("</td><td>").mark(l, n.State)
		w.raw(`</td><td class="n" data-l="prefixes">`).int(n.Received).raw("</td><td>").time(n.Since).raw("</td></tr>")
	}
	return w.endTable().rest(maxNeighbors, len(list), "neighbors")
}

// notify writes who is told of events, and what has become of that.
func (w *writer) notify(all []party) {
	var list []judged[notifyRow]
	n := 0
	for i := range all {
		n += all[i].Totals.Notify
		for j := range all[i].Notify {
			row := notifyRow{&all[i].Notify[j], &all[i]}
			l := well
			if row.Error != "" {
				l = odd
			}
			list = append(list, judged[notifyRow]{row, l})
		}
	}
	if len(list) == 0 {
		return
	}
	list = sorted(list)
	w.heading("Notifications").table("Who is told of events", "Target", "Node", "State", "Told#", "Failed#", "-Dropped#", "-Last")
	for _, each := range list[:min(len(list), maxTargets)] {
		t, word := each.what, "ok"
		if each.level != well {
			word = "fails"
		}
		w.raw(`<tr><th scope="row">`).text(t.Target).small(t.Error).raw("</th><td>").told(t.on).raw("</td><td>").mark(each.level, word)
		w.raw(`</td><td class="n" data-l="told">`).live(t.Told).raw(`</td><td class="n" data-l="failed">`).live(t.Failed).raw(`</td><td class="n w">`).live(t.Dropped)
		w.raw(`</td><td class="w">`).time(t.Last).raw("</td></tr>")
	}
	w.endTable().rest(min(len(list), maxTargets), n, "targets")
}

// notifyRow is who is told of the events of a node.
type notifyRow struct {
	*api.Notified
	on *party
}

// warning is what a node warns of.
type warning struct{ node, text string }

// warningsOf returns what nodes warn of. This one warns of the whole cluster: what others
// warn of besides is theirs alone.
func warningsOf(all []party) (list []warning) {
	seen := map[string]bool{}
	for i := range all {
		for _, text := range all[i].Warnings {
			if !seen[text] {
				seen[text] = true
				list = append(list, warning{all[i].Node, text})
			}
		}
	}
	return list
}

func (w *writer) warnings(all []party) {
	list := warningsOf(all)
	if len(list) == 0 {
		return
	}
	w.heading("Warnings").raw(`<ul class="warn">`)
	for _, each := range list[:min(len(list), maxWarnings)] {
		w.raw("<li>").mark(odd, each.node).raw(" ").text(each.text).raw("</li>")
	}
	w.raw("</ul>").rest(maxWarnings, len(list), "warnings")
}
