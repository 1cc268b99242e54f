package vip

import (
	"errors"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"time"
)

// sync makes the kernel match what is wanted now, but for the VIPs that are
// deferred. It returns ErrSuperseded when something else was demanded meanwhile.
// The caller holds op.
func (m *Manager) sync(deferred deferral) error {
	begin := time.Now()
	in, moved, epoch := m.intent()
	v, blind := m.look(in)
	if blind != nil {
		deferred = entirely
	}
	p := survey(v, in)
	later := m.observe(p, moved, deferred)
	x := m.execute(p.portions(later), epoch)
	if x.superseded {
		m.disturbed(moved)
		m.goOn()
		return ErrSuperseded
	}
	if x.stuck == 0 && !v.partial {
		m.swept()
	}
	err := x.err()
	if blind != nil {
		err = errors.Join(blind, err)
	}
	m.conclude(begin, moved, err)
	return err
}

// breather is the pause after a look at the kernel that took so long, so that a
// burst of notifications costs few looks, and none is answered later than
// within 100 ms.
func breather(took time.Duration) time.Duration {
	return min(max(4*took, 5*time.Millisecond), 60*time.Millisecond)
}

// intent is what is wanted now, which interfaces have moved since the last time,
// and the epoch of it all.
func (m *Manager) intent() (in intent, moved map[int]struct{}, epoch uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	in = intent{
		configured: m.configured,
		located:    m.whereabouts,
		want:       m.want,
		wanted:     m.wanted,
		retired:    slices.Clone(m.retired),
		beside:     m.company.besides(m),
		mine:       m.mine,
		lasts:      func(v VIP) uint32 { return seconds(m.lifetimeOf(v)) },
		dress:      m.dress,
	}
	moved = m.moved
	m.dirty, m.moved = false, make(map[int]struct{})
	m.demanded = false
	return in, moved, m.epoch.Load()
}

// disturbed asks for another look, and hands moved on to it.
func (m *Manager) disturbed(moved map[int]struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dirty = true
	for index := range moved {
		m.moved[index] = struct{}{}
	}
}

// goOn lets what was cut short go on at once, as far as it is still wanted.
func (m *Manager) goOn() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.demanded = true
}

// look reads what the kernel has on the interfaces of in. Where that fails the
// view is what is remembered: enough to give it up.
func (m *Manager) look(in intent) (view, error) {
	m.syncs.Add(1)
	v, err := m.lookAt(in)
	if err != nil {
		return m.remembered(), err
	}
	return v, nil
}

func (m *Manager) lookAt(in intent) (view, error) {
	v, indexes, err := m.lookAtLinks(in)
	if err != nil {
		return view{}, err
	}
	of := func(index int) bool { _, ok := indexes[index]; return ok }
	known := ranges(in.configured, in.retired)
	all, complete, err := m.kernel.Addresses(func(index int) bool { return len(known) > 0 || of(index) })
	if err != nil {
		return view{}, err
	}
	list := all
	if len(known) > 0 {
		v.strangers = strangers(known, all, in.configured, in.retired, in.beside)
		list = slices.DeleteFunc(all, func(a address) bool { return !of(a.index) })
		routes, whole, err := m.kernel.Ranges(known, of)
		if err != nil {
			return view{}, err
		}
		list, complete = append(list, routes...), complete && whole
	}
	v.addresses, v.partial = list, !complete
	if v.partial {
		v.addresses = m.withMine(list)
		m.disturbed(nil)
	}
	return v, nil
}

// lookAtLinks reads the interfaces of in, and returns their indexes besides.
func (m *Manager) lookAtLinks(in intent) (view, map[int]struct{}, error) {
	m.company.keeping.Lock()
	defer m.company.keeping.Unlock()
	v := view{links: make(map[string]link)}
	indexes := make(map[int]struct{})
	for _, name := range m.names {
		l, exists, err := m.kernel.Link(name)
		if err != nil {
			return view{}, nil, err
		}
		if exists {
			v.links[name] = l
			indexes[l.index] = struct{}{}
		}
	}
	for at := range in.mine { // an interface may have got another name
		if _, known := indexes[at.index]; known {
			continue
		}
		indexes[at.index] = struct{}{}
		l, exists, err := m.kernel.LinkAt(at.index)
		if err != nil {
			return view{}, nil, err
		}
		if exists {
			v.others = append(v.others, l)
		}
	}
	return v, indexes, nil
}

// remembered is the view that the last look and what came of it gave.
func (m *Manager) remembered() view {
	m.mu.Lock()
	defer m.mu.Unlock()
	return view{links: maps.Clone(m.links), addresses: m.withMine(nil), partial: true}
}

// withMine adds our own addresses to an incomplete list: to remove one that is
// gone does no harm, to overlook one does.
func (m *Manager) withMine(list []address) []address {
	listed := make(map[place]struct{}, len(list))
	for _, a := range list {
		listed[a.place()] = struct{}{}
	}
	for p, c := range m.mine {
		if _, ok := listed[p]; !ok {
			list = append(list, c.address)
		}
	}
	return list
}

// observe takes over what the survey found, adds to moved the interfaces that have
// moved since the last look, and returns the VIPs that are deferred.
func (m *Manager) observe(p *planner, moved map[int]struct{}, deferred deferral) map[VIP]struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	for name, l := range p.links {
		if m.links[name].moved(l) {
			moved[l.index] = struct{}{} // its notification is still on the way
		}
	}
	m.links, m.whereabouts, m.sources = maps.Clone(p.links), p.whereabouts, linkLocals(p.addresses)
	m.forgetGone(p.addresses)
	every := len(p.want) == len(p.configured)
	for _, e := range m.list {
		if e.held {
			m.recheck(e, p, moved, now)
		}
		m.noteStranger(e, p.strangers[e.vip])
		if !every && !p.wants(e.vip) {
			e.lost, e.hold, e.err = false, time.Time{}, nil
			m.silence(e.vip)
		}
	}
	return deferred(&m.state, now)
}

// noteStranger notes which address of this host lies within a range; it is not valid if
// none does.
func (m *Manager) noteStranger(e *entry, addr netip.Addr) {
	if addr.IsValid() && addr != e.stranger {
		m.journal.Say(slog.LevelWarn, "an address of this host lies within a VIP", "vip", e.vip, "address", addr.String())
	}
	e.stranger = addr
}

// forgetGone forgets our addresses that are not in the list.
func (m *Manager) forgetGone(list []address) {
	there := make(map[place]struct{}, len(list))
	for _, a := range list {
		there[a.place()] = struct{}{}
	}
	for at := range m.mine {
		if _, ok := there[at]; !ok {
			delete(m.mine, at)
		}
	}
}

// recheck finds out whether a VIP is still held. If not, somebody else removed
// the address, unless it went with its interface.
func (m *Manager) recheck(e *entry, p *planner, moved map[int]struct{}, now time.Time) {
	if a, found := p.present[e.vip]; found {
		e.address = a
		return
	}
	m.lose(e, now)
	l := p.links[e.vip.Interface]
	if _, interrupted := moved[l.index]; l.up && !interrupted {
		e.lost, e.hold = true, e.fight.Lost(now)
	}
}

// lose notes that the kernel has not got a VIP any more. The caller holds op and mu.
func (m *Manager) lose(e *entry, now time.Time) {
	m.silence(e.vip)
	m.renewals.Drop(e.vip)
	e.setHeld(false, now)
}

// swept notes that the kernel has no retired VIP any more. What comes in their
// place is somebody else's, and the ledger must not claim it at the next start.
func (m *Manager) swept() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.retired = nil
	m.setNames()
	m.shorter.Store(true)
}

// conclude ends a sync that was not cut short.
func (m *Manager) conclude(begin time.Time, moved map[int]struct{}, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	m.looked = now
	m.notBefore = now.Add(breather(now.Sub(begin)))
	m.retry = m.firstHold(now)
	switch {
	case err == nil:
		m.told = ""
	case m.retry.IsZero():
		m.retry = now.Add(retryAfter)
	}
	_, all := moved[everywhere]
	for _, vip := range m.want {
		e := m.entries[vip]
		told := m.schedule.Has(vip) // else it was given up, and could not be removed
		if _, ok := moved[e.address.index]; e.held && (ok || all || !told) {
			m.speak(vip, now)
		}
	}
}
