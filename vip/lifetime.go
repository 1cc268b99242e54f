package vip

import "time"

// lifetimeOf is the lifetime that the address of a VIP is given now.
func (m *Manager) lifetimeOf(v VIP) time.Duration {
	if m.lifetime == 0 || !m.fenced(v) {
		return m.lifetime
	}
	return backstop(m.lifetime, m.company.Wanted())
}

// firstRenewal is when a lifetime that begins at now is refreshed for the first time. An
// address that is never refreshed does not reliably end with its lifetime, unless the kernel
// looks at all because of another one: so it is at once, for one of many.
func (m *Manager) firstRenewal(given time.Duration, now time.Time) time.Time {
	if given <= m.lifetime {
		return now
	}
	return m.company.turn(now, given/refreshesPerLife)
}

// nextRenewal is when a lifetime is refreshed again that begins at now, and was before. Those
// that were refreshed together are spread as soon as there is time for it.
func (m *Manager) nextRenewal(given, before time.Duration, now time.Time) time.Time {
	if given > before {
		return m.firstRenewal(given, now)
	}
	return now.Add(given / refreshesPerLife)
}

// RefreshAll has all lifetimes refreshed soon, as what Options.Fenced says has changed: an
// address whose fence no longer holds has its short lifetime at once.
func (m *Manager) RefreshAll() {
	m.anew.Store(true)
	poke(m.wake)
}
