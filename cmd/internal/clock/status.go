package clock

import (
	"errors"
	"net/netip"
	"time"
)

// Status is how a node follows the time, and how far its clock is off.
type Status struct {
	File      string
	MaxOffset time.Duration
	View      View
	Trouble   string // why chronyd does not take the time from where it should, or empty
	// Asked is the node that was asked for its time, at At; empty before the first time, on
	// the leader, and while none is known.
	Asked   string
	Since   time.Time // when that one was asked first since it leads
	At      time.Time
	Reading Reading
	Silent  string // why there is no Reading, or empty
	Unasked bool   // Silent is why this node could not ask, which says nothing of the leader
}

// Follows returns from which node the time is taken; "" on the leader, and while none is known.
func (s Status) Follows() string {
	if SourcesOf(s.View).Verdict == Follow {
		return s.View.Leader
	}
	return ""
}

// AddressFollowed is that of the node that Follows returns, or the zero value.
func (s Status) AddressFollowed() netip.Addr {
	if s.Follows() == "" {
		return netip.Addr{}
	}
	return s.View.Address
}

// Status returns how things are; ok is false when the Keeper is off.
func (k *Keeper) Status() (s Status, ok bool) {
	k.mu.Lock()
	settings, trouble, a := k.settings, k.trouble, k.reading
	k.mu.Unlock()
	if settings == nil {
		return Status{}, false
	}
	s = Status{File: settings.File(), MaxOffset: settings.MaxOffset, View: k.opts.View(), Trouble: trouble}
	if a != nil && a.leader == s.Follows() {
		s.Asked, s.Since, s.At, s.Reading = a.leader, a.since, a.at, a.reading
		if a.err != nil {
			s.Silent, s.Unasked = a.err.Error(), errors.Is(a.err, ErrUnasked)
		}
	}
	return s, true
}
