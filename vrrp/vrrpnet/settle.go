package vrrpnet

import (
	"cmp"
	"fmt"
)

// SetPriority sets the effective priority of an instance, until it is configured with
// another one than before. It is in fault while fault says why.
func (e *Engine) SetPriority(name string, priority uint8, fault string) error {
	found := false
	err := e.commands.call(func() {
		if r := e.runners[name]; r != nil {
			found = true
			r.priority, r.fault = priority, fault
			e.settle(r)
		}
	})
	if err == nil && !found {
		return fmt.Errorf("set priority: there is no instance %q", name)
	}
	return err
}

// SetInterfaces tells the engine what interfaces there are. They must not be changed.
func (e *Engine) SetInterfaces(interfaces []Interface) error {
	index := byName(interfaces)
	return e.commands.call(func() {
		e.around.interfaces = index
		for _, r := range e.runners {
			e.settle(r)
		}
	})
}

// settle has a router run where it can, or be in fault where it cannot.
func (e *Engine) settle(r *runner) {
	e.catchUp(r)
	if room := e.around.room(&r.Instance); room != r.room {
		e.unlearn(r)
		r.resize(room)
	}
	to, reason := e.around.locate(&r.Instance, r.place)
	reason = cmp.Or(e.linkTrouble(r), reason)
	if reason != "" || to != r.place {
		e.step(r, r.router.SetPriority(e.now, 0), reason)
		e.flush()
	}
	if to.links != r.place.links {
		e.detach(r)
	}
	if reason == "" && to != r.place {
		reason = e.move(r, to)
	}
	e.rank(r, reason)
}

// move has a router in fault run at a place.
func (e *Engine) move(r *runner, to place) (reason string) {
	e.detach(r)
	if to.source != r.place.source {
		r.setSource(to.source)
	}
	if err := e.attach(r, to); err != nil {
		e.detach(r)
		return err.Error()
	}
	r.place = to
	return ""
}

// rank sets the priority of a router, which is in fault if there is a reason.
func (e *Engine) rank(r *runner, reason string) {
	priority := r.priority
	switch {
	case reason != "":
		priority = 0
	case r.fault != "":
		priority, reason = 0, r.fault
	}
	r.obstacle = reason
	if r.group != nil {
		r.group.explain()
	}
	why := cmp.Or(reason, "it can serve")
	e.step(r, r.router.SetPriority(e.now, priority), why)
	if reason != "" && r.seen.Reason != reason {
		r.seen.Reason = reason
		e.remark(r)
	}
}
