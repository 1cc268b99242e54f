package board

import (
	"strconv"
	"strings"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// problem is a part of the headline.
type problem = judged[string]

// headline says in one sentence whether all is well, or what is not.
func (w *writer) headline(v *View, all []party) {
	problems := problemsOf(v, all)
	l, text := well, "All well: "+wellText(v, all)
	if len(problems) > 0 {
		l, text = problems[0].level, ""
		for _, p := range problems[:min(len(problems), maxProblems)] {
			l, text = max(l, p.level), text+"; "+p.what
		}
		text = text[2:]
		if more := len(problems) - maxProblems; more > 0 {
			text += "; and " + strconv.Itoa(more) + " more"
		}
		text = strings.ToUpper(text[:1]) + text[1:]
	}
	w.raw(`<p class="`).raw(l.class()).raw(`"><span class="sr">`)
	switch l {
	case odd:
		w.raw("Warning: ")
	case bad:
		w.raw("Problem: ")
	}
	w.raw("</span>").text(text + ".").raw("</p>")
}

// problemsOf returns what is not well, worst first.
func problemsOf(v *View, all []party) []problem {
	s := &v.Status
	var list []problem
	add := func(l level, n int, one, more string) {
		switch {
		case n == 1:
			list = append(list, problem{one, l})
		case n > 1:
			list = append(list, problem{strconv.Itoa(n) + " " + more, l})
		}
	}
	clusterProblems(s, add)
	vips := judgedVIPs(s.VIPs)
	owned := 0
	for _, each := range vips {
		if each.level == bad && each.what.Owner != "" {
			owned++
		}
	}
	add(bad, owned, "a VIP is not as it should be", "VIPs are not as they should be")
	t := totalsOf(all)
	add(bad, t.VRRPTroubled, "a virtual router is in trouble", "virtual routers are in trouble")
	add(bad, t.ServicesBad, "a service has no quorum or is blocked", "services have no quorum or are blocked")
	bgp := 0
	for i := range all {
		if b := all[i].BGP; b != nil && levelOfBGP(b) == bad {
			bgp++
		}
	}
	add(bad, bgp, "BGP fails on a node", "nodes fail to announce by BGP")
	add(odd, t.ChecksFailed, "a check fails", "checks fail")
	add(odd, t.ServicesWaiting, "a service waits", "services wait")
	add(odd, t.Servers-t.Up, "a server is not up", "servers are not up")
	if len(list) == 0 {
		add(odd, len(s.Warnings), "there is a warning", "warnings")
	}
	return sorted(list)
}

// clusterProblems adds those of ownership and of nodes.
func clusterProblems(s *api.Status, add func(l level, n int, one, more string)) {
	c := s.Cluster
	if c == nil {
		return
	}
	nobody := ""
	for i := range s.VIPs {
		if s.VIPs[i].Owner == "" {
			nobody = "no node owns the VIPs: " + s.VIPs[i].Reason
			break
		}
	}
	switch {
	case nobody != "":
		add(bad, 1, nobody, "")
	case c.State != api.StateOK:
		add(bad, 1, "cluster "+c.Name+" has no leader ("+c.State+")", "")
	}
	var unreachable, sick []string
	for i := range c.Nodes {
		switch n := &c.Nodes[i]; {
		case n.Role == api.RoleUnreachable:
			unreachable = append(unreachable, n.Name)
		case !n.Healthy:
			sick = append(sick, n.Name)
		}
	}
	all := strconv.Itoa(len(c.Nodes))
	if len(unreachable) > 0 {
		add(odd, 1, strconv.Itoa(len(unreachable))+" of "+all+" nodes "+plural(len(unreachable), "does", "do")+" not answer ("+brief(unreachable)+")", "")
	}
	if len(sick) > 0 {
		add(odd, 1, strconv.Itoa(len(sick))+" of "+all+" nodes "+plural(len(sick), "is", "are")+" not well ("+brief(sick)+")", "")
	}
}

func brief(names []string) string {
	if len(names) > maxProblems {
		return strings.Join(names[:maxProblems], ", ") + ", …"
	}
	return strings.Join(names, ", ")
}

// totalsOf returns the totals of all nodes. Nodes have services in common, by their names;
// where a node has more of them than it shows, that node is taken for all.
func totalsOf(all []party) (t api.OverviewTotals) {
	for _, each := range judgedServices(all) {
		s := each.what
		t.Servers, t.Up = t.Servers+s.size.All, t.Up+s.size.Up
		switch {
		case s.State == api.ServiceBlocked, !s.Quorum.Up:
			t.ServicesBad++
		case s.State == api.ServiceWaiting:
			t.ServicesWaiting++
		}
	}
	for i := range all {
		n := &all[i].Totals
		t.VRRPTroubled, t.ChecksFailed = t.VRRPTroubled+n.VRRPTroubled, t.ChecksFailed+n.ChecksFailed
		if n.Services <= len(all[i].Services) {
			continue
		}
		t.ServicesBad, t.ServicesWaiting = max(t.ServicesBad, n.ServicesBad), max(t.ServicesWaiting, n.ServicesWaiting)
		if n.Servers-n.Up > t.Servers-t.Up || n.Servers > t.Servers && n.Servers-n.Up == t.Servers-t.Up {
			t.Servers, t.Up = n.Servers, n.Up
		}
	}
	return t
}

// wellText says what it is that is well.
func wellText(v *View, all []party) string {
	s := &v.Status
	var parts []string
	if owner := ownerOf(s); owner != "" {
		parts = append(parts, owner+" owns "+amount(len(s.VIPs), "VIP"))
	}
	if c := s.Cluster; c != nil {
		parts = append(parts, amount(len(c.Nodes), "node")+" in cluster "+c.Name+" with quorum")
	}
	routers, n := judgedRouters(all)
	if n > 0 {
		parts = append(parts, strconv.Itoa(masters(routers))+" of "+amount(n, "virtual router")+" master")
	}
	if t := totalsOf(all); t.Servers > 0 {
		parts = append(parts, amount(t.Up, "server")+" up")
	}
	if len(parts) == 0 {
		return "nothing is configured that could fail"
	}
	return strings.Join(parts, ", ")
}

func masters(routers []judged[routerRow]) (n int) {
	for _, r := range routers {
		if r.what.State == api.StateMaster {
			n++
		}
	}
	return n
}

func amount(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return strconv.Itoa(n) + " " + what
}

// ownerOf returns the one owner of all VIPs, or "".
func ownerOf(s *api.Status) string {
	if len(s.VIPs) == 0 {
		return ""
	}
	owner := s.VIPs[0].Owner
	for i := range s.VIPs {
		if s.VIPs[i].Owner != owner {
			return ""
		}
	}
	return owner
}
