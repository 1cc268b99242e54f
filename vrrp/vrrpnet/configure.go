package vrrpnet

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"

	"github.com/perch-vip/perch/vrrp"
)

// Configure says which instances there are from now on. Those that it does not change
// go on untouched, and one of which only the priority changes keeps its state. All
// others that there were let go, and those that are new or different start.
func (e *Engine) Configure(instances []Instance) error {
	if err := check(instances); err != nil {
		return err
	}
	return e.commands.call(func() { e.configure(instances) })
}

// SetPriority sets the effective priority of an instance; 0 is a fault.
func (e *Engine) SetPriority(name string, priority uint8) error {
	found := false
	err := e.commands.call(func() {
		if r := e.runners[name]; r != nil {
			found = true
			e.prioritize(r, priority)
		}
	})
	if err == nil && !found {
		return fmt.Errorf("set priority: there is no instance %q", name)
	}
	return err
}

// SetInterfaces tells the engine what interfaces there are.
func (e *Engine) SetInterfaces(interfaces []Interface) error {
	return e.commands.call(func() {
		e.interfaces = interfaces
		for _, r := range e.runners {
			e.settle(r)
		}
	})
}

// Status returns what is known of the instances, by name; nothing when the engine has
// ended.
func (e *Engine) Status() []Status {
	var all []Status
	e.commands.call(func() {
		for _, r := range e.runners {
			all = append(all, r.status())
		}
	})
	slices.SortFunc(all, func(a, b Status) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// identity is what no two instances may have in common.
type identity struct {
	on   string
	ipv6 bool
	vrid uint8
	peer netip.Addr // not valid for the multicast group
}

func check(instances []Instance) error {
	var errs []error
	names, others := map[string]bool{}, map[identity]string{}
	for i := range instances {
		in := &instances[i]
		if names[in.Name] {
			errs = append(errs, fmt.Errorf("there are two instances %q", in.Name))
		}
		names[in.Name] = true
		for _, id := range in.identities() {
			if other, ok := others[id]; ok {
				errs = append(errs, fmt.Errorf("instances %q and %q have the same VRID %d on %s", other, in.Name, id.vrid, id.on))
			}
			others[id] = in.Name
		}
	}
	return errors.Join(errs...)
}

func (i *Instance) identities() []identity {
	id := identity{on: i.Interface, ipv6: i.IPv6, vrid: i.Wire.VRID}
	if len(i.Wire.Peers) == 0 {
		return []identity{id}
	}
	var all []identity
	for _, peer := range i.Wire.Peers {
		id.peer = peer.Address
		all = append(all, id)
	}
	return all
}

// same tells whether an instance goes on untouched but for its priority.
func (i Instance) same(as Instance) bool {
	if i.Lease != as.Lease {
		return false
	}
	i.Lease, as.Lease = nil, nil
	i.Router.Priority = as.Router.Priority
	return reflect.DeepEqual(i, as)
}

func (e *Engine) configure(instances []Instance) {
	wanted := map[string]Instance{}
	for _, i := range instances {
		wanted[i.Name] = i
	}
	var gone []*runner
	for name, r := range e.runners {
		if i, ok := wanted[name]; !ok || !r.same(i) {
			gone = append(gone, r)
		}
	}
	e.end(gone)
	holds := map[string]*hold{}
	for _, i := range instances {
		holds[i.Name] = e.install(i).hold
	}
	e.holds.Store(&holds)
	e.pause = maxSlack
	for _, r := range e.runners {
		e.pause = min(e.pause, r.slack)
	}
	e.news = true
}

// install starts an instance, or sets the priority of one that is there.
func (e *Engine) install(i Instance) *runner {
	r := e.runners[i.Name]
	switch {
	case r == nil:
		r = newRunner(i, e.now)
		e.runners[i.Name] = r
		e.settle(r)
	case r.Router.Priority != i.Router.Priority:
		r.Router.Priority = i.Router.Priority
		e.prioritize(r, i.Router.Priority)
	}
	return r
}

// end stops runners for good.
func (e *Engine) end(gone []*runner) {
	for _, r := range gone {
		e.step(r, r.router.Stop(), "it was stopped")
	}
	e.flush()
	for _, r := range gone {
		e.detach(r)
		delete(e.runners, r.Name)
	}
}

// prioritize sets the effective priority.
func (e *Engine) prioritize(r *runner, priority uint8) {
	r.priority = priority
	e.settle(r)
}

// settle has a router run where it can, or be in fault where it cannot.
func (e *Engine) settle(r *runner) {
	to, reason := locate(&r.Instance, e.interfaces)
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
		r.reset(to.source, e.now)
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
	case priority == 0:
		reason = "its priority is 0"
	}
	e.step(r, r.router.SetPriority(e.now, priority), cmp.Or(reason, "it has started"))
	if r.router.State() == vrrp.Fault && r.seen.Reason != reason {
		r.seen.Reason, e.news = reason, true
	}
}
