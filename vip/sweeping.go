package vip

import (
	"log/slog"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// sweep sends the burst that has been due for longest, if any is. The caller holds op.
func (m *Manager) sweep(now time.Time) {
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
		m.burst(w, l)
	}
}

// burst sends the next announcements of a range, and stops between two when something else
// is demanded.
func (m *Manager) burst(w *sweep, l link) {
	epoch := m.epoch.Load()
	for range sweepBurst {
		if m.epoch.Load() != epoch {
			return
		}
		addr, op, any := w.next()
		if !any {
			m.sweeps.Done(w)
			return
		}
		if err := m.announcer.AnnounceAs(op, addr, l); err != nil {
			m.journal.Say(slog.LevelWarn, "announcement not sent", "vip", w.vip, "error", err)
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

// AnnounceAs sends one form of the announcement of an IPv4 address.
func (a *announcer) AnnounceAs(op uint16, addr netip.Addr, l link) error {
	if !l.ethernet || !l.running {
		return nil
	}
	a.frame = gratuitousARP(op, l.mac, addr).appendTo(a.frame[:0])
	return a.announce(l, unix.ETH_P_ARP)
}
