package vip

import (
	"net/netip"
	"time"
)

// sweep sends the burst that has been due for longest, if any is. The caller holds op.
func (m *Manager) sweep(now time.Time) {
	m.sweeps.Wait(m.schedule.free) // for the turns of addresses
	w := m.sweeps.Take(now)
	if w == nil {
		return
	}
	l, wanted := m.linkOfWanted(w.vip)
	switch {
	case !wanted:
		m.sweeps.Drop(w.vip)
	case !m.allowed(w.vip):
		m.withheld.Add(1)
		m.sweeps.Drop(w.vip)
	default:
		if w.share {
			m.schedule.Spend(w.vip.Interface, w.due)
		}
		m.burst(w, l)
	}
}

// burst sends the next announcements of a range, and stops between two when something else
// is demanded.
func (m *Manager) burst(w *sweep, l link) {
	epoch := m.epoch.Load()
	for range w.burst() {
		if m.epoch.Load() != epoch {
			return
		}
		addr, op, any := w.next()
		if !any {
			m.sweeps.Done(w)
			return
		}
		m.announcer.AnnounceAs(op, w.vip, addr, l)
		if !m.announcer.Send() {
			return // the rest of the burst would fare no better, and comes with the repeats
		}
	}
}

// linkOfWanted returns the interface of a VIP, and whether it is wanted.
func (m *Manager) linkOfWanted(v VIP) (link, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, wanted := m.wanted[v]
	return m.links[v.Interface], wanted
}

// AnnounceAs writes one form of the announcement of an IPv4 address of a range.
func (a *announcer) AnnounceAs(op uint16, v VIP, addr netip.Addr, l link) {
	if l.ethernet && l.running {
		a.write(letter{announcing, v}, l, gratuitousARP(op, l.mac, addr).appendTo(a.frames))
	}
}
