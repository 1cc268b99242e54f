package board

import (
	"slices"
	"strconv"
	"strings"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// problem is a part of the headline.
type problem = judged[string]

// problems are collected for the headline: whatever is marked on the page as not well is
// among them.
type problems []problem

func (p *problems) add(l level, what string) { *p = append(*p, problem{what, l}) }

// some adds a problem that n have, of which these are some by their names.
func (p *problems) some(l level, n int, one, more string, names []string) {
	if n == 0 {
		return
	}
	text := one
	if n > 1 {
		text = strconv.Itoa(n) + " " + more
	}
	if len(names) > 0 {
		text += " (" + brief(names, n) + ")"
	}
	p.add(l, text)
}

// these adds a problem of all that have these names.
func (p *problems) these(l level, one, more string, names []string) {
	p.some(l, len(names), one, more, names)
}

// brief names the first of n.
func brief(names []string, n int) string {
	text := strings.Join(names[:min(len(names), maxNamed)], ", ")
	if n > min(len(names), maxNamed) {
		text += ", …"
	}
	return text
}

// named returns what those of a list are called that are so.
func named[T any](list []judged[T], is func(judged[T]) bool, name func(T) string) (names []string) {
	for _, each := range list {
		if is(each) {
			names = append(names, name(each.what))
		}
	}
	return names
}

// problemsOf returns what is not well, worst first.
func problemsOf(v *View, all []party) []problem {
	var p problems
	p.ofCluster(&v.Status)
	p.ofVIPs(v.Status.VIPs)
	p.ofRouters(all)
	p.ofServices(all)
	p.ofBGP(all)
	p.ofChecks(all)
	p.ofNotify(all)
	p.ofSilent(v.Status.Cluster, all)
	p.ofDrained(v.Status.Cluster)
	p.ofWarnings(warningsOf(all))
	return sorted(p)
}

func (p *problems) ofCluster(s *api.Status) {
	c := s.Cluster
	if c == nil {
		return
	}
	nobody := slices.IndexFunc(s.VIPs, func(v api.VIP) bool { return v.Owner == "" })
	switch {
	case nobody >= 0:
		p.add(bad, "no node owns the VIPs: "+s.VIPs[nobody].Reason)
	case c.State != api.StateOK:
		p.add(bad, "cluster "+c.Name+" has no leader ("+c.State+")")
	}
	var unreachable, sick, standing []string
	for i := range c.Nodes {
		switch n := &c.Nodes[i]; {
		case n.Role == api.RoleUnreachable:
			unreachable = append(unreachable, n.Name)
		case !n.Healthy:
			sick = append(sick, n.Name)
		case n.Role == api.RoleCandidate && !n.Drained && c.State == api.StateOK: // else all do
			standing = append(standing, n.Name)
		}
	}
	p.ofNodes(len(c.Nodes), unreachable, "does not answer", "do not answer")
	p.ofNodes(len(c.Nodes), sick, "is not well", "are not well")
	p.ofNodes(len(c.Nodes), standing, "looks for a leader", "look for a leader")
}

// ofSilent adds nodes that answer, and yet do not tell what they have.
func (p *problems) ofSilent(c *api.Cluster, all []party) {
	if c == nil {
		return
	}
	var silent []string
	for i := range all {
		answers := func(n api.Node) bool { return n.Name == all[i].Node && n.Role != api.RoleUnreachable }
		if all[i].stale != "" && slices.ContainsFunc(c.Nodes, answers) {
			silent = append(silent, all[i].Node)
		}
	}
	p.these(odd, "a node does not tell what it has", "nodes do not tell what they have", silent)
}

// ofDrained adds what an operator has asked for.
func (p *problems) ofDrained(c *api.Cluster) {
	if c == nil {
		return
	}
	var drained []string
	for i := range c.Nodes {
		if n := &c.Nodes[i]; n.Drained && n.Healthy && n.Role != api.RoleUnreachable {
			drained = append(drained, n.Name)
		}
	}
	p.ofNodes(len(c.Nodes), drained, "is drained", "are drained")
}

func (p *problems) ofNodes(all int, names []string, one, more string) {
	if len(names) > 0 {
		p.add(odd, strconv.Itoa(len(names))+" of "+amount(all, "node")+" "+plural(len(names), one, more)+" ("+brief(names, len(names))+")")
	}
}

// ofWarnings adds what nodes warn of: if nothing else is wrong the first one, which is the
// worst, as it is. Else some of them say again what is there, and are counted.
func (p *problems) ofWarnings(list []warning) {
	more := ""
	if len(*p) == 0 && len(list) > 0 {
		p.add(odd, "a warning: "+list[0].text)
		list, more = list[1:], " more"
	}
	if len(list) > 0 {
		p.add(odd, amount(len(list), "warning")+more)
	}
}

func (p *problems) ofVIPs(vips []api.VIP) {
	wrong := func(each judged[*api.VIP]) bool { return each.level == bad && each.what.Owner != "" }
	p.these(bad, "a VIP is not as it should be", "VIPs are not as they should be", named(judgedVIPs(vips), wrong, func(v *api.VIP) string {
		_, word := levelOfVIP(v)
		return v.Address + " " + word
	}))
	unheld := func(v api.VIP) bool { return v.Owner != "" && !v.Held && v.Reason != "" }
	if i := slices.IndexFunc(vips, unheld); i >= 0 {
		(*p)[len(*p)-1].what += ": " + vips[i].Reason
	}
}

func (p *problems) ofRouters(all []party) {
	list, _ := judgedRouters(all)
	name := func(r routerRow) string { return r.Name + " on " + r.on.Node }
	p.some(bad, totalsOf(all).VRRPTroubled, "a virtual router is in trouble", "virtual routers are in trouble",
		named(list, func(each judged[routerRow]) bool { return each.level == bad && each.what.State != api.StateInit }, name))
	p.these(odd, "a virtual router has not begun", "virtual routers have not begun",
		named(list, func(each judged[routerRow]) bool { return each.what.State == api.StateInit }, name))
}

func (p *problems) ofServices(all []party) {
	list, t := judgedServices(all), totalsOf(all)
	name := func(s serviceRow) string { return s.Name }
	isBad := func(each judged[serviceRow]) bool { return each.level == bad }
	p.some(bad, t.ServicesBad, "a service has no quorum or is blocked", "services have no quorum or are blocked", named(list, isBad, name))
	waits := func(each judged[serviceRow]) bool { return !isBad(each) && each.what.State == api.ServiceWaiting }
	p.some(odd, t.ServicesWaiting, "a service waits", "services wait", named(list, waits, name))
	p.these(odd, "a service has its sorry server alone", "services have their sorry server alone",
		named(list, func(each judged[serviceRow]) bool { return !isBad(each) && each.what.Sorry }, name))
	var down []string
	for _, each := range list {
		for _, s := range judgedServers(each.what.Servers) {
			if s.what.State != api.ServerUp {
				down = append(down, s.what.Address+" of "+each.what.Name)
			}
		}
	}
	p.some(odd, t.Servers-t.Up, "a server is not up", "servers are not up", down)
}

func (p *problems) ofBGP(all []party) {
	var failing, waiting, down []string
	for i := range all {
		b := all[i].BGP
		if b == nil {
			continue
		}
		switch levelOfBGP(b) {
		case bad:
			failing = append(failing, all[i].Node)
		case odd:
			waiting = append(waiting, all[i].Node+" "+b.State)
		}
		for j := range b.Neighbors {
			if n := &b.Neighbors[j]; !n.Up {
				down = append(down, n.Address+" of "+all[i].Node)
			}
		}
	}
	p.these(bad, "BGP fails on a node", "nodes fail to announce by BGP", failing)
	p.these(odd, "BGP is not ready on a node", "nodes are not ready to announce by BGP", waiting)
	p.these(odd, "a BGP neighbor is down", "BGP neighbors are down", down)
}

func (p *problems) ofChecks(all []party) {
	list := judgedChecks(all)
	name := func(c checkRow) string { return c.Name + " on " + c.on.Node }
	p.some(odd, totalsOf(all).ChecksFailed, "a check fails", "checks fail",
		named(list, func(each judged[checkRow]) bool { return each.level == bad }, name))
	p.these(odd, "a check is in doubt", "checks are in doubt",
		named(list, func(each judged[checkRow]) bool { return each.level == odd }, name))
}

func (p *problems) ofNotify(all []party) {
	var failing []string
	for i := range all {
		for j := range all[i].Notify {
			if n := &all[i].Notify[j]; n.Error != "" {
				failing = append(failing, n.Target+" of "+all[i].Node)
			}
		}
	}
	p.these(odd, "a notification fails", "notifications fail", failing)
}
