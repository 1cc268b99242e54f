package vrrp

import (
	"net/netip"
	"time"
)

// Group is routers that are masters together or not at all, such as those on both
// sides of a gateway. Each has Grouped in its Config.
//
// None rises before all would; when one is no master any more the others let go, too,
// and a fault of one is one of all. Those that did not lose to a better master say
// farewell, so that another router takes over from them as fast as from the first.
type Group []*Router

// Settle is called after each Start, Tick, Hear, SetPriority and Stop of a member. It
// calls do with what is then to be done for other ones, member by member.
func (g Group) Settle(now time.Duration, do func(member *Router, actions []Action)) {
	if g.any((*Router).sick) {
		g.each(now, (*Router).hold, do)
		return
	}
	g.each(now, (*Router).free, do)
	if g.any((*Router).unready) {
		g.each(now, (*Router).yield, do)
		return
	}
	g.each(now, (*Router).join, do)
}

// each does a step of all members.
func (g Group) each(now time.Duration, step func(*Router, time.Duration) []Action, do func(*Router, []Action)) {
	for _, r := range g {
		if actions := step(r, now); len(actions) > 0 {
			do(r, actions)
		}
	}
}

func (g Group) any(is func(*Router) bool) bool {
	for _, r := range g {
		if is(r) {
			return true
		}
	}
	return false
}

func (r *Router) sick() bool    { return r.state != Init && r.priority == 0 }
func (r *Router) unready() bool { return r.state != Master && !r.ready }

// hold puts a member in fault.
func (r *Router) hold(time.Duration) []Action {
	if r.state == Init {
		return nil
	}
	r.held = true
	return r.leave(Fault)
}

// free ends that.
func (r *Router) free(now time.Duration) []Action {
	if !r.held {
		return nil
	}
	r.held = false
	return r.begin(now)
}

// join makes a member that is ready the master.
func (r *Router) join(now time.Duration) []Action {
	if r.state == Master {
		return nil
	}
	return r.rise(now)
}

// yield makes a master a backup.
func (r *Router) yield(now time.Duration) []Action {
	if r.state != Master {
		return nil
	}
	actions := r.leave(Backup)
	r.watch(now, r.cfg.Interval, netip.Addr{})
	return actions
}
