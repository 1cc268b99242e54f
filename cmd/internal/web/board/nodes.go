package board

import (
	"strconv"
	"strings"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// nodes writes the nodes of the cluster, and whether they have a majority.
func (w *writer) nodes(v *View) {
	c := v.Status.Cluster
	if c == nil {
		return
	}
	w.heading("Nodes and quorum")
	answering := 0
	list := make([]judged[*api.Node], len(c.Nodes))
	for i := range c.Nodes {
		l, _ := levelOfNode(&c.Nodes[i])
		list[i] = judged[*api.Node]{&c.Nodes[i], l}
		if c.Nodes[i].Role != api.RoleUnreachable {
			answering++
		}
	}
	w.raw(`<p class="sum">`)
	if c.State == api.StateOK {
		w.mark(well, "quorum")
	} else {
		w.mark(bad, c.State)
	}
	w.raw(" ").int(answering).raw(" of ").text(amount(len(c.Nodes), "node")).raw(" answer, term ").text(strconv.FormatUint(c.Term, 10))
	if c.Leader != "" {
		w.raw(", led by ").text(c.Leader)
	}
	if c.Refused > 0 {
		w.raw(", ").live(c.Refused).raw(plural(int(min(c.Refused, 2)), " connection turned away", " connections turned away"))
	}
	w.raw("</p>").table("Nodes of the cluster", "Node", "Role", "Priority#", "-Heartbeat#", "-Fence", "-Version")
	for _, each := range list[:min(len(list), maxNodes)] {
		w.node(each.what, otherOf(v, each.what.Name))
	}
	w.endTable().rest(maxNodes, len(list), "nodes")
}

func otherOf(v *View, name string) *Other {
	for i := range v.Others {
		if v.Others[i].Node == name {
			return &v.Others[i]
		}
	}
	return nil
}

func (w *writer) node(n *api.Node, o *Other) {
	l, word := levelOfNode(n)
	w.raw(`<tr><th scope="row">`).text(n.Name).raw(" <small>").text(n.Address).raw("</small>")
	w.small(n.Why)
	if n.Error != "" && !strings.Contains(n.Why, n.Error) {
		w.small(n.Error)
	}
	if m := n.Mended; m != nil {
		w.small("its fence was mended " + times(m.Count) + ": " + m.Found)
	}
	if o != nil && o.Trouble != "" && n.Role != api.RoleUnreachable {
		w.small("its routers, checks and services: " + o.Trouble)
	}
	w.raw(`<small class="p">`).text(facts(n)).raw("</small>")
	w.raw("</th><td>").mark(l, word)
	if !n.Voter {
		w.small("no vote")
	}
	w.raw(`</td><td class="n" data-l="priority">`).int(n.Priority)
	if n.EffectivePriority != n.Priority && n.Health != "" {
		w.small("now " + strconv.Itoa(n.EffectivePriority))
	}
	w.raw(`</td><td class="n w">`).text(orDash(n.Heartbeat)).raw(`</td><td class="w">`).text(orDash(n.Fence))
	w.raw(`</td><td class="w">`).text(orDash(n.Version)).raw("</td></tr>")
}

// facts are what has columns of its own where there is room.
func facts(n *api.Node) string {
	var parts []string
	for _, each := range [][2]string{{"heartbeat ", n.Heartbeat}, {"fence ", n.Fence}, {"version ", n.Version}} {
		if each[1] != "" {
			parts = append(parts, each[0]+each[1])
		}
	}
	return strings.Join(parts, ", ")
}
