package daemon

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/perch-vip/perch/cmd/internal/notify"
	"github.com/perch-vip/perch/vip"
	"github.com/perch-vip/perch/vrrp"
	"github.com/perch-vip/perch/vrrp/vrrpnet"
)

// routerNews tells users of what happens to the virtual routers. Nobody waits for them.
type routerNews struct {
	tell   func(...notify.Event)
	repeat func(...notify.Event)
	held   func([]vip.VIP) int // of the kernel

	mu       sync.Mutex // guards what follows, for moments only
	bulletin bulletin
}

// inform has users told of states.
func (r *routers) inform(list []vrrpnet.Status) {
	waiting := r.waiting(list)
	r.publish(r.setup.Load, func(b *bulletin, s *setup) []notify.Event { return b.hear(s, list, waiting) })
}

// informOfRank has users told of another priority of a router.
func (r *routers) informOfRank(v *virtualRouter, priority int) {
	r.publish(r.setup.Load, func(b *bulletin, _ *setup) []notify.Event { return b.rank(v.Name, priority) })
}

// informOfStop has users told of the end of all.
func (r *routers) informOfStop() {
	r.publish(r.setup.Load, func(b *bulletin, s *setup) []notify.Event { return b.stop(s) })
}

// informOfReload has users told of what a setup had, and the one in force has not.
func (r *routers) informOfReload(before *setup) {
	of := func() *setup { return before }
	r.publish(of, func(b *bulletin, _ *setup) []notify.Event { return b.trim(before, r.setup.Load()) })
}

// informAgain has those users told of states who want them by a reload, but for what that has
// added to a setup.
func (r *routers) informAgain(before *setup) {
	r.publishBy(r.news.repeat, r.setup.Load, func(b *bulletin, s *setup) []notify.Event { return b.again(before, s) })
}

// waiting returns the routers in fault of which that is no news as they begin, by name: they wait
// for their device, or for a check to have a verdict, or another state follows at once. The
// engine is asked only if there is one that does not wait.
func (r *routers) waiting(list []vrrpnet.Status) map[string]bool {
	var inFault map[string]bool // by the engine, now
	waiting := map[string]bool{}
	s := r.setup.Load()
	for _, then := range list {
		v := s.byName[then.Name]
		if v == nil || then.State != vrrp.Fault {
			continue
		}
		if r.waits(v, then.Reason) {
			waiting[v.Name] = true
			continue
		}
		if inFault == nil {
			inFault = map[string]bool{}
			for _, now := range r.statuses() {
				inFault[now.Name] = now.State == vrrp.Fault
			}
		}
		waiting[v.Name] = !inFault[v.Name]
	}
	return waiting
}

// waits tells whether a router that is in fault for a reason waits for its device, or, itself or
// by its sync group, for a check to have a verdict, or for the rank that comes of one.
func (r *routers) waits(v *virtualRouter, reason string) bool {
	if v.Device != "" && strings.Contains(reason, v.Device) && r.devices.comes(v.Device, v.Interface) {
		return true
	}
	known := r.verdicts()
	r.ranking.Lock()
	defer r.ranking.Unlock()
	return slices.ContainsFunc(r.setup.Load().together(v), func(v *virtualRouter) bool {
		given, ranked := r.ranks[v.Name]
		return weigh(v.Priority, v.refs, known).health == unsure ||
			ranked && given.rank != rankOf(v, known, r.serves(v.Name))
	})
}

// publish tells of the events that come of something.
func (r *routers) publish(of func() *setup, what func(*bulletin, *setup) []notify.Event) {
	r.publishBy(r.news.tell, of, what)
}

// publishBy tells of the events that come of something, with what they need of a setup. That
// is looked up in turn: what a reload has taken away is not heard of once more.
func (r *routers) publishBy(tell func(...notify.Event), of func() *setup, what func(*bulletin, *setup) []notify.Event) {
	if tell == nil {
		return
	}
	r.news.mu.Lock()
	defer r.news.mu.Unlock()
	s := of()
	events := what(&r.news.bulletin, s)
	for i := range events {
		events[i].At = time.Now()
		events[i].Settled = r.news.settled(s, events[i])
	}
	if len(events) > 0 {
		tell(events...)
	}
}

// settled returns what tells whether the kernel has the addresses that an event is about, or
// has them no more. It stands for those of a sync group if all its members do.
func (n *routerNews) settled(s *setup, e notify.Event) func() bool {
	vips := s.vipsOf(e.Subject)
	switch e.Kind {
	case notify.Master:
		return func() bool { return n.held(vips) == len(vips) }
	case notify.Backup, notify.Fault, notify.Stop, notify.Deleted:
		return func() bool { return n.held(vips) == 0 }
	}
	return nil
}

// vipsOf returns the addresses of a router, or of all in a sync group.
func (s *setup) vipsOf(about notify.Subject) (vips []vip.VIP) {
	names := []string{about.Name}
	if about.About == notify.Group {
		names = s.membersOf(about.Name)
	}
	for _, name := range names {
		if v := s.byName[name]; v != nil {
			vips = append(vips, v.VIPs...)
		}
	}
	return vips
}
