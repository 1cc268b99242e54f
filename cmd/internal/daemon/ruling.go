package daemon

import (
	"net/netip"
	"slices"
	"time"

	"github.com/perch-vip/perch/ipvs"
)

// ruling is what was decided on a service. It does not change.
type ruling struct {
	outcome ipvs.Outcome
	since   map[netip.AddrPort]time.Time // of the states of its members
}

// next returns the ruling that follows with an outcome.
func (r *ruling) next(o ipvs.Outcome, now time.Time) *ruling {
	if slices.Equal(o.Members, r.outcome.Members) {
		return &ruling{o, r.since}
	}
	since := make(map[netip.AddrPort]time.Time, len(o.Members))
	for _, m := range o.Members {
		since[m.Address] = now
		if was, known := r.member(m.Address); known && was.State == m.State {
			since[m.Address] = r.since[m.Address]
		}
	}
	return &ruling{o, since}
}

func (r *ruling) member(address netip.AddrPort) (ipvs.MemberStatus, bool) {
	for _, m := range r.outcome.Members {
		if m.Address == address {
			return m, true
		}
	}
	return ipvs.MemberStatus{}, false
}

// happening is an event, and whether it was to be expected: a service or a server that
// begins comes up.
type happening struct {
	ipvs.Event
	expected bool
}

func (h happening) ofQuorum() bool { return !h.Server.IsValid() }

// happenings returns events that have come after the ruling.
func (r *ruling) happenings(events []ipvs.Event) []happening {
	list := make([]happening, len(events))
	for i, e := range events {
		list[i].Event = e
		switch e.Kind {
		case ipvs.ServerUp:
			was, known := r.member(e.Server)
			list[i].expected = !known || was.State == ipvs.MemberUnknown
		case ipvs.QuorumUp:
			list[i].expected = len(r.outcome.Members) == 0 || r.outcome.Quorum.Open
		}
	}
	return list
}

func happeningsAtEnd(events []ipvs.Event) []happening { return (&ruling{}).happenings(events) }

// picture is what was decided on all services, by name, for whoever asks. It does not
// change.
type picture map[string]pictured

type pictured struct {
	*virtualService
	*ruling
	wanted bool // the kernel is to have it
	at     place
}
