package daemon

import (
	"net/netip"
	"slices"
	"time"

	"github.com/perch-vip/perch/cmd/internal/config"
)

// heldEvery is how often it is looked whether the machine has an address that perch does
// not move.
const heldEvery = time.Second

// look has the servers of those services looked at that are to be, and returns after which
// time it is to be called again. After a fresh config others may have the same checks.
func (b *balancer) look(where whereabouts, fresh bool) time.Duration {
	again, changed := lookEvery, fresh
	var machine func(netip.Addr) bool // asked at most once
	for _, s := range b.services {
		if !s.WhileHeld {
			continue
		}
		if machine == nil && where.foreign(s.Service) {
			again, machine = heldEvery, b.onMachine()
		}
		if held := where.holds(s.Service, machine); held != s.held {
			s.held, changed = held, true
			b.log.Debug("servers are looked at while their service is held", "service", s.Name, "held", held)
		}
	}
	if changed {
		b.ease(b.resting())
	}
	return again
}

// resting returns the checks that are for services alone which are not held.
func (b *balancer) resting() map[string]bool {
	var idle, looked []*config.Service
	for _, s := range b.services {
		if s.WhileHeld && !s.held {
			idle = append(idle, s.Service)
		} else {
			looked = append(looked, s.Service)
		}
	}
	return restingOf(idle, looked)
}

// onMachine tells of an address whether an interface has it. If that is not known all
// addresses count as here: a look too many does no harm.
func (b *balancer) onMachine() func(netip.Addr) bool {
	addresses, err := b.machine()
	if err != nil {
		b.log.Debug("addresses of this machine", "error", err)
		return func(netip.Addr) bool { return true }
	}
	return func(a netip.Addr) bool { return addresses[a] }
}

// holds tells whether one of the addresses of a service is on this machine: one that moves
// while the kernel has it, another if it is on any interface.
func (w whereabouts) holds(s *config.Service, machine func(netip.Addr) bool) bool {
	return slices.ContainsFunc(s.Addresses, func(a netip.AddrPort) bool {
		if at, moves := w[a.Addr()]; moves {
			return at != elsewhere
		}
		return machine(a.Addr())
	})
}

// foreign tells whether a service has an address that does not move.
func (w whereabouts) foreign(s *config.Service) bool {
	return slices.ContainsFunc(s.Addresses, func(a netip.AddrPort) bool {
		_, moves := w[a.Addr()]
		return !moves
	})
}
