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

// burst sends the next announcements of a range in batches, and stops between two of them
// when something else is demanded, or when one cannot be sent: the rest would fare no better,
// and comes with the repeats.
func (m *Manager) burst(w *sweep, l link) {
	epoch := m.epoch.Load()
	for left := w.burst(); left > 0 && m.epoch.Load() == epoch; {
		n := min(left, w.size.Most())
		left -= n
		begin := time.Now()
		more := m.writeSweep(w, l, n)
		if !m.announcer.Send() || !more {
			return
		}
		w.size.Took(n, time.Since(begin))
	}
}

// writeSweep writes the next n announcements of a range, and reports whether there may be
// more of them.
func (m *Manager) writeSweep(w *sweep, l link, n int) bool {
	for range n {
		addr, op, any := w.next()
		if !any {
			m.sweeps.Done(w)
			return false
		}
		m.announcer.AnnounceAs(op, w.vip, addr, l)
	}
	return true
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
