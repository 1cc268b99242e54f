package daemon

import (
	"cmp"

	"github.com/perch-vip/perch/cmd/internal/notify"
	"github.com/perch-vip/perch/vrrp"
	"github.com/perch-vip/perch/vrrp/vrrpnet"
)

// bulletin is what users were last told of the virtual routers and sync groups.
type bulletin struct {
	routers map[string]reported
	groups  map[string]notify.Kind
	over    bool // all have stopped
}

// reported is what was last told of a router.
type reported struct {
	state     vrrp.State
	priority  int // effective, when it was none in fault
	announces uint64
}

func newBulletin() bulletin {
	return bulletin{routers: map[string]reported{}, groups: map[string]notify.Kind{}}
}

var kindsOfStates = map[vrrp.State]notify.Kind{
	vrrp.Master: notify.Master, vrrp.Backup: notify.Backup, vrrp.Fault: notify.Fault,
}

// hear returns the events of states, in their order, and then those of the sync groups; one
// that was never heard of is first, as with keepalived. That a router cannot serve as it
// begins is no news while it is one of those that wait (routers.waiting).
func (b *bulletin) hear(s *setup, list []vrrpnet.Status, waiting map[string]bool) (events []notify.Event) {
	if b.over {
		return nil
	}
	for _, now := range list {
		v := s.byName[now.Name]
		if v == nil || kindsOfStates[now.State] == "" {
			continue
		}
		was, known := b.routers[v.Name]
		if !known && now.State == vrrp.Fault && waiting[v.Name] {
			continue
		}
		if now.Priority != 0 || !known {
			was.priority = cmp.Or(int(now.Priority), v.Priority)
		}
		b.routers[v.Name] = reported{now.State, was.priority, now.Announces}
		switch {
		case !known || was.state != now.State:
			event := b.event(v, kindsOfStates[now.State], now.Reason)
			event.Before = kindsOfStates[was.state]
			events = append(events, event)
		case now.State == vrrp.Master && now.Announces > was.announces:
			events = append(events, b.event(v, notify.MasterRxLowerPri, ""))
		}
	}
	first, again := b.hearGroups(s)
	return append(append(first, events...), again...)
}

func (b *bulletin) event(v *virtualRouter, kind notify.Kind, reason string) notify.Event {
	return notify.Event{Kind: kind, Subject: aboutRouter(v.Name), Priority: b.routers[v.Name].priority, Reason: reason}
}

// last returns the event of the end of a router, with what it was until then.
func (b *bulletin) last(v *virtualRouter, kind notify.Kind) notify.Event {
	event := b.event(v, kind, "")
	event.Before = kindsOfStates[b.routers[v.Name].state]
	return event
}

func aboutRouter(name string) notify.Subject { return notify.Subject{About: notify.Router, Name: name} }

func aboutGroup(name string) notify.Subject { return notify.Subject{About: notify.Group, Name: name} }

// hearGroups returns the events of the sync groups: of those that were never heard of, and of
// others.
func (b *bulletin) hearGroups(s *setup) (first, again []notify.Event) {
	for _, g := range s.groups {
		kind := b.groupKind(g.Members)
		was, known := b.groups[g.Name]
		if kind == "" || kind == was {
			continue
		}
		b.groups[g.Name] = kind
		event := notify.Event{Kind: kind, Before: was, Subject: aboutGroup(g.Name)}
		if known {
			again = append(again, event)
		} else {
			first = append(first, event)
		}
	}
	return first, again
}

// groupKind is how a sync group stands: it is master only with all members, and in fault with
// any. It is nothing yet while a member is not heard of.
func (b *bulletin) groupKind(members []string) notify.Kind {
	masters, faults := 0, 0
	for _, name := range members {
		switch r, known := b.routers[name]; {
		case !known:
			return ""
		case r.state == vrrp.Master:
			masters++
		case r.state == vrrp.Fault:
			faults++
		}
	}
	switch {
	case faults > 0:
		return notify.Fault
	case masters == len(members):
		return notify.Master
	}
	return notify.Backup
}

// rank returns the event of another priority, if there is any: in fault there is none.
func (b *bulletin) rank(name string, priority int) []notify.Event {
	was, known := b.routers[name]
	if !known || b.over || was.priority == priority {
		return nil
	}
	was.priority = priority
	b.routers[name] = was
	kind, tells := map[vrrp.State]notify.Kind{vrrp.Master: notify.MasterPriority, vrrp.Backup: notify.BackupPriority}[was.state]
	if !tells {
		return nil
	}
	return []notify.Event{{Kind: kind, Subject: aboutRouter(name), Priority: priority}}
}

// trim returns the events of what was told of, was in the setup before, and is not in s any
// more.
func (b *bulletin) trim(before, s *setup) (events []notify.Event) {
	if b.over {
		return nil
	}
	for i := range before.routers {
		v := &before.routers[i]
		if _, known := b.routers[v.Name]; known && s.byName[v.Name] == nil {
			events = append(events, b.last(v, notify.Deleted))
			delete(b.routers, v.Name)
		}
	}
	for _, g := range before.groups {
		if was, known := b.groups[g.Name]; known && s.membersOf(g.Name) == nil {
			events = append(events, notify.Event{Kind: notify.Deleted, Before: was, Subject: aboutGroup(g.Name)})
			delete(b.groups, g.Name)
		}
	}
	return events
}

// again returns the states that were last told of what the setup before had, and s still has:
// the sync groups are first, as with keepalived. Of all else the states are told as they come.
func (b *bulletin) again(before, s *setup) (states []notify.Event) {
	if b.over {
		return nil
	}
	for _, g := range s.groups {
		if kind := b.groups[g.Name]; kind != "" && before.membersOf(g.Name) != nil {
			states = append(states, notify.Event{Kind: kind, Subject: aboutGroup(g.Name)})
		}
	}
	for i := range s.routers {
		v := &s.routers[i]
		if kind := kindsOfStates[b.routers[v.Name].state]; kind != "" && before.byName[v.Name] != nil {
			states = append(states, b.event(v, kind, ""))
		}
	}
	return states
}

// stop returns the events of the end, after which there are none.
func (b *bulletin) stop(s *setup) (events []notify.Event) {
	if b.over {
		return nil
	}
	b.over = true
	for i := range s.routers {
		if v := &s.routers[i]; b.routers[v.Name].state != vrrp.Init {
			events = append(events, b.last(v, notify.Stop))
		}
	}
	for _, g := range s.groups {
		if was := b.groups[g.Name]; was != "" {
			events = append(events, notify.Event{Kind: notify.Stop, Before: was, Subject: aboutGroup(g.Name)})
		}
	}
	return events
}
