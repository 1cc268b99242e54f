package daemon

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/perch-vip/perch/cmd/internal/notify"
	"github.com/perch-vip/perch/vip"
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
	r.publish(r.setup.Load, func(b *bulletin, s *setup) []notify.Event { return b.hear(s, list, r.waits) })
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

// waits tells whether a router that is in fault for a reason waits for its device, or for a
// check to have a verdict, itself or by its sync group.
func (r *routers) waits(v *virtualRouter, reason string) bool {
	if v.Device != "" && strings.Contains(reason, v.Device) && r.devices.comes(v.Device, v.Interface) {
		return true
	}
	known := r.verdicts()
	return slices.ContainsFunc(r.setup.Load().together(v), func(v *virtualRouter) bool {
		switch weigh(v.Priority, v.refs, known).health {
		case unsure:
			return true
		case well: // by a verdict that is newer than the state: another one follows
			return v.faultsFor(reason)
		}
		return false
	})
}

// faultsFor tells whether a reason is what a check says that keeps a router from serving.
func (v *virtualRouter) faultsFor(reason string) bool {
	return slices.ContainsFunc(v.refs, func(ref reference) bool {
		return ref.weight == 0 && strings.Contains(reason, ref.says())
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
