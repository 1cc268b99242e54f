package vrrpnet

import (
	"fmt"

	"github.com/perch-vip/perch/vrrp"
)

// group is a sync group.
type group struct {
	routers vrrp.Group
	runners []*runner
	why     string                            // a member follows another one
	do      func(*vrrp.Router, []vrrp.Action) // of a member
}

// regroup makes the sync groups anew.
func (e *Engine) regroup() {
	groups := map[string]*group{}
	for _, r := range e.runners {
		if r.Group == "" {
			continue
		}
		g := groups[r.Group]
		if g == nil {
			g = e.newGroup()
			groups[r.Group] = g
		}
		g.routers, g.runners = append(g.routers, r.router), append(g.runners, r)
		r.group = g
	}
}

func (e *Engine) newGroup() *group {
	g := &group{why: together}
	g.do = func(member *vrrp.Router, actions []vrrp.Action) {
		for _, r := range g.runners {
			if r.router == member {
				e.act(r, actions, g.why)
			}
		}
	}
	return g
}

const together = "as its sync group does"

// explain finds out why the members follow each other.
func (g *group) explain() {
	g.why = together
	for _, r := range g.runners {
		if r.obstacle != "" {
			g.why = fmt.Sprintf("as %s of its sync group: %s", r.Name, r.obstacle)
			return
		}
	}
}

// settle has the members follow each other.
func (g *group) settle(e *Engine) {
	g.routers.Settle(e.now, g.do)
	for _, r := range g.runners { // some change without anything to do for it
		e.follow(r, g.why)
		if r.obstacle == "" && r.seen.State == vrrp.Fault && r.seen.Reason != g.why { // one of its own is over
			r.seen.Reason = g.why
			e.remark(r)
		}
	}
}
