package board

import (
	"strconv"
	"strings"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// headline says in one sentence whether all is well, or what is not, and returns how bad that is.
func (w *writer) headline(v *View, all []party) level {
	problems := problemsOf(v, all)
	l := well
	if len(problems) > 0 {
		l = problems[0].level // they are sorted
	}
	w.raw(`<p class="`).raw(l.class()).raw(`"><span class="sr">`)
	switch l {
	case odd:
		w.raw("Warning: ")
	case bad:
		w.raw("Problem: ")
	}
	w.raw("</span>")
	if len(problems) == 0 {
		w.raw("All well: ").text(wellText(v, all))
	} else {
		w.problems(problems)
	}
	w.raw(".</p>")
	return l
}

// problems writes the first ones as a sentence, of which each may be cut, and none for another.
func (w *writer) problems(list []problem) {
	for i, p := range list[:min(len(list), maxProblems)] {
		if i == 0 {
			w.text(strings.ToUpper(p.what[:1]) + p.what[1:])
		} else {
			w.raw("; ").text(p.what)
		}
	}
	if more := len(list) - maxProblems; more > 0 {
		w.raw("; and ").int(more).raw(" more")
	}
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
