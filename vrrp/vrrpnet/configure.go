package vrrpnet

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"time"

	"github.com/perch-vip/perch/vrrp"
)

// Configure says which instances there are from now on. Those that it does not change
// go on untouched, and one that is the same router at the same place keeps its state:
// its addresses, interval, priority and the like may change. All others that there were
// let go, and those that are new or different start.
func (e *Engine) Configure(instances []Instance) error {
	if err := check(instances); err != nil {
		return err
	}
	e.configuring.Lock()
	defer e.configuring.Unlock()
	next := e.enlarge(len(instances))
	var old *notes
	err := e.commands.call(func() { old = e.adopt(next); e.configure(instances) })
	if err != nil {
		old = next
	}
	if old != nil {
		old.close()
	}
	return err
}

// identity is what no two instances may have in common.
type identity struct {
	on   string
	ipv6 bool
	vrid uint8
	to   netip.Addr // a peer, or a group; not valid for the group of the RFC
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
		if in.Lease == nil {
			errs = append(errs, fmt.Errorf("instance %q has no lease", in.Name))
		}
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
		id.to = i.Wire.Multicast
		return []identity{id}
	}
	var all []identity
	for _, peer := range i.Wire.Peers {
		id.to = peer.Address
		all = append(all, id)
	}
	return all
}

// same tells whether an instance goes on untouched but for its priority.
func (i Instance) same(as Instance) bool {
	i.Router.Priority, i.Fault = as.Router.Priority, as.Fault
	return reflect.DeepEqual(i, as)
}

// alike tells whether an instance is the same router at the same place, and can change
// without letting go.
func (i *Instance) alike(as *Instance) bool {
	return i.Interface == as.Interface && i.Device == as.Device && i.Own == as.Own && i.Plain == as.Plain && i.IPv6 == as.IPv6 && i.Group == as.Group && i.Lease == as.Lease &&
		i.Wire.VRID == as.Wire.VRID && i.Wire.Version == as.Wire.Version && i.Wire.Source == as.Wire.Source && i.Wire.Multicast == as.Wire.Multicast && i.Router.Source == as.Router.Source &&
		i.Wire.Auth.Kind == as.Wire.Auth.Kind && slices.EqualFunc(i.Wire.Peers, as.Wire.Peers, samePeer)
}

func samePeer(a, b vrrp.Peer) bool { return a.Address == b.Address }

func (e *Engine) configure(instances []Instance) {
	wanted := map[string]Instance{}
	for _, i := range instances {
		wanted[i.Name] = i
	}
	var gone []*runner
	for name, r := range e.runners {
		if i, ok := wanted[name]; !ok || !r.alike(&i) {
			gone = append(gone, r)
		}
	}
	e.end(gone)
	holds, held := map[string]*hold{}, map[netip.Addr]bool{}
	for _, i := range instances {
		for _, address := range i.Held {
			held[address.WithZone("")] = true
		}
		r := e.runners[i.Name]
		switch {
		case r == nil:
			r = newRunner(i, e.now)
			e.runners[i.Name] = r
		case !r.same(i):
			e.change(r, i)
		}
		holds[i.Name] = r.hold
	}
	e.holds.Store(&holds)
	e.around.held = held
	e.regroup()
	for _, i := range instances {
		e.install(e.runners[i.Name], i.Router.Priority)
		e.attend()
	}
	e.pause = e.shortest()
	e.posts.outdated = true
	e.news = true
}

// change makes a runner's instance another one that is alike.
func (e *Engine) change(r *runner, to Instance) {
	e.unlearn(r)
	priority := r.Router.Priority // install sees to it
	r.Instance = to
	r.Router.Priority = priority
	r.slack = min(maxSlack, to.Router.Interval/100)
	if r.wire != nil {
		r.wire.Reconfigure(r.wireConfig())
	}
	if r.sender != nil {
		r.address(r.place)
	}
	e.step(r, r.router.Reconfigure(e.now, to.Router), "it has changed")
}

// install starts a runner, or sets the priority of one that runs.
func (e *Engine) install(r *runner, priority uint8) {
	if r.Router.Priority != priority {
		r.Router.Priority, r.priority = priority, priority
	}
	e.settle(r)
}

// shortest returns for how long every router can wait.
func (e *Engine) shortest() time.Duration {
	d := maxSlack
	for _, r := range e.runners {
		d = min(d, r.slack)
	}
	return d
}

// end stops runners for good. Others of their groups stay what they are.
func (e *Engine) end(gone []*runner) {
	for _, r := range gone {
		r.group = nil
		e.step(r, r.router.Stop(), "it was stopped")
	}
	e.flush()
	for _, r := range gone {
		e.detach(r)
		delete(e.runners, r.Name)
	}
	e.regroup()
}
