package vip

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"
)

// state is what a Manager was told and what it knows of the kernel.
type state struct {
	configured []VIP
	entries    map[VIP]*entry   // of configured
	list       []*entry         // the same as entries, in the order of configured
	all        map[VIP]struct{} // the same as configured
	want       []VIP
	wanted     map[VIP]struct{} // the same as want
	singles    int              // of want, that are no ranges
	retired    []VIP            // no longer configured, but maybe still in the kernel
	names      []string         // of the interfaces of configured and retired

	ranges      []VIP           // of configured
	links       map[string]link // by name, as last seen
	whereabouts                 // of configured, as last seen

	families  []uint16           // types of the frames (ETH_P_...) that speak of wanted VIPs
	sources   map[int]netip.Addr // link-local addresses by interface, as last seen
	suspected map[suspect]uint64 // claims of VIPs, maybe by other hosts
	judged    time.Time          // when they were last looked at

	demanded bool             // Want was called: Run is to look at once
	yields   bool             // something was given up that goes without a look
	recalled map[VIP]struct{} // to be announced anew

	dirty     bool             // something happened that asks for a look at the kernel
	moved     map[int]struct{} // interfaces whose neighbours must be told anew
	notBefore time.Time        // no look because of dirty before
	retry     time.Time        // when what did not work is to be tried again, zero for never
	looked    time.Time        // when the last look ended
}

func newState() state {
	return state{
		entries:   make(map[VIP]*entry),
		links:     make(map[string]link),
		moved:     make(map[int]struct{}),
		suspected: make(map[suspect]uint64),
		recalled:  make(map[VIP]struct{}),
	}
}

// install replaces the configured VIPs, and returns those that are no longer. old
// are others that may be in the kernel.
func (s *state) install(vips, old []VIP) (dropped []VIP) {
	entries, list := make(map[VIP]*entry, len(vips)), make([]*entry, len(vips))
	for i, v := range vips {
		e, known := s.entries[v]
		if !known {
			e = &entry{vip: v}
		}
		entries[v], list[i] = e, e
	}
	configured := func(v VIP) bool { _, ok := entries[v]; return ok }
	for _, v := range s.configured {
		if !configured(v) {
			dropped = append(dropped, v)
		}
	}
	s.retired = slices.DeleteFunc(union(union(s.retired, dropped), old), configured)
	s.configured, s.entries, s.list, s.all = slices.Clone(vips), entries, list, setOf(vips)
	s.ranges = ranges(vips)
	s.setWant(successors(s.want, vips))
	s.setNames()
	return dropped
}

// successors are those of vips that want names, or whose address and interface it
// names with another prefix length, in the order of want.
func successors(want, vips []VIP) []VIP {
	now := make(map[VIP]VIP, len(vips))
	for _, v := range vips {
		now[v.bare()] = v
	}
	var list []VIP
	for _, v := range want {
		if next, ok := now[v.bare()]; ok {
			list = append(list, next)
		}
	}
	return list
}

func (s *state) setNames() {
	names := make(map[string]struct{})
	for _, vips := range [...][]VIP{s.configured, s.retired} {
		for _, v := range vips {
			names[v.Interface] = struct{}{}
		}
	}
	s.names = slices.Sorted(maps.Keys(names))
}

// accept returns want without repetitions, if all of it is configured. Mostly it is all
// that is.
func (s *state) accept(want []VIP) ([]VIP, error) {
	if slices.Equal(want, s.configured) {
		return s.configured, nil
	}
	seen := make(map[VIP]struct{}, len(want))
	list := make([]VIP, 0, len(want))
	for _, v := range want {
		if _, ok := s.entries[v]; !ok {
			return nil, fmt.Errorf("want %s: %w", v, ErrNotConfigured)
		}
		if _, again := seen[v]; !again {
			seen[v] = struct{}{}
			list = append(list, v)
		}
	}
	return list, nil
}

// setWant replaces what is wanted. The list is not changed afterwards.
func (s *state) setWant(list []VIP) {
	s.want, s.wanted, s.families, s.singles = list, s.all, nil, 0
	if !sameList(list, s.configured) {
		s.wanted = setOf(list)
	}
	for _, v := range list {
		if !v.isRange() {
			s.singles++
		}
		if !v.spoken() {
			continue
		}
		if etherType := v.etherType(); !slices.Contains(s.families, etherType) {
			s.families = append(s.families, etherType)
		}
	}
}

func setOf(list []VIP) map[VIP]struct{} {
	set := make(map[VIP]struct{}, len(list))
	for _, v := range list {
		set[v] = struct{}{}
	}
	return set
}

// firstHold returns when the first of the VIPs that wait at now may be tried
// again, zero if none waits.
func (s *state) firstHold(now time.Time) time.Time {
	var first time.Time
	for _, v := range s.want {
		e := s.entries[v]
		if !e.held && e.hold.After(now) && (first.IsZero() || e.hold.Before(first)) {
			first = e.hold
		}
	}
	return first
}

// deferral says which VIPs are not to be put back yet at a time.
type deferral func(*state, time.Time) map[VIP]struct{}

// atOnce defers nothing.
func atOnce(*state, time.Time) map[VIP]struct{} { return nil }

// entirely defers all.
func entirely(s *state, _ time.Time) map[VIP]struct{} { return s.wanted }

// patiently defers the VIPs that somebody keeps removing or the kernel refused.
func patiently(s *state, now time.Time) map[VIP]struct{} {
	later := make(map[VIP]struct{})
	for _, v := range s.want {
		if s.entries[v].hold.After(now) {
			later[v] = struct{}{}
		}
	}
	return later
}

// report is the status of every configured VIP at now.
func (s *state) report(now time.Time) []Status {
	list := make([]Status, len(s.configured))
	for i, v := range s.configured {
		e := s.entries[v]
		list[i] = Status{VIP: v, Held: e.held, Since: e.since, Readded: e.readded, Conflict: e.conflict(now)}
		_, wanted := s.wanted[v]
		switch l, exists := s.links[v.Interface]; {
		case wanted, !exists:
			list[i].Reason = e.reason(l, exists)
		case e.err != nil:
			list[i].Reason = e.err.Error()
		case e.stranger.IsValid():
			list[i].Reason = fmt.Sprintf("%s, %s, and is dark here", e.stranger, LiesWithin)
		}
	}
	return list
}
