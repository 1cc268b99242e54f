package vip

import (
	"slices"
	"time"
)

// Want is Set for those who cannot wait: it publishes what is wanted, and Run
// carries it out at once, without the pauses that the kernel is given otherwise.
// What is under way for an older demand stops at the next batch, unless this one
// only adds to it. A demand that only takes away is carried out before anything is
// added, and without a look at the kernel; else adds come before removes. What is
// wanted already, and held, costs nothing. What goes wrong is told by Status and tried
// again by Run.
func (m *Manager) Want(want []VIP) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	want, err := m.accept(want)
	if err != nil {
		return err
	}
	before, old := m.want, m.wanted
	m.setWant(want)
	m.company.wants(m, m.singles)
	grows, shrinks := contains(m.wanted, before), contains(old, want)
	if !grows {
		m.epoch.Add(1)
	}
	switch {
	case grows && shrinks && m.holdsAll():
		return nil
	case !grows && shrinks:
		m.yields = true
	default:
		m.demanded = true
		m.forgive()
	}
	poke(m.wake)
	return nil
}

func contains(set map[VIP]struct{}, list []VIP) bool {
	for _, v := range list {
		if _, ok := set[v]; !ok {
			return false
		}
	}
	return true
}

// holdsAll reports whether all that is wanted is held, as far as is known.
func (s *state) holdsAll() bool {
	return !slices.ContainsFunc(s.want, func(v VIP) bool { return !s.entries[v].held })
}

// forgive ends the pauses before what is wanted is tried again.
func (s *state) forgive() {
	for _, v := range s.want {
		s.entries[v].hold = time.Time{}
	}
}

// Announce lets those of vips that are held be announced anew, as their Pace has it for
// this. It does not wait: Run sends.
func (m *Manager) Announce(vips []VIP) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, v := range vips {
		m.recalled[v] = struct{}{}
	}
	poke(m.wake)
}

// recall begins the announcements anew that somebody asked for. The caller holds op.
func (m *Manager) recall(now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for v := range m.recalled {
		m.schedule.Again(v, now)
	}
	clear(m.recalled)
}

// Held returns how many of some VIPs the kernel has. It costs no more than these do.
func (m *Manager) Held(list []VIP) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, v := range list {
		if e := m.entries[v]; e != nil && e.held {
			n++
		}
	}
	return n
}
