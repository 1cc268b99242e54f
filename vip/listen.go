package vip

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"slices"
	"time"
)

const (
	// maxSuspects bounds what a flood of frames with ever other MACs may cost until
	// the next look at them; more are not counted.
	maxSuspects = 1024
	// judgeEvery is the pause between two looks, each of which lists the node's own
	// interfaces.
	judgeEvery = 50 * time.Millisecond
)

// hear takes in what neighbours say in frames of one type, until it is interrupted.
func (m *Manager) hear(ctx context.Context, etherType uint16) {
	b := make([]byte, frameLimit)
	for {
		n, index, err := m.kernel.Hear(etherType, b)
		if errors.Is(err, os.ErrClosed) {
			return
		}
		if err != nil {
			m.journal.Say(slog.LevelError, "not heard whether other hosts have these VIPs, too", "error", err)
			poke(m.pen)
			rest(ctx, retryAfter)
			continue
		}
		if a, err := readAssertion(etherType, b[:n]); err == nil && m.suspects(index, a, time.Now()) {
			poke(m.wake)
		}
	}
}

// rest waits, but not longer than ctx.
func rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// suspects notes who says on an interface that a VIP is theirs, and reports whether
// there was nobody to look at before.
func (m *Manager) suspects(index int, a assertion, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.ownerOf(index, a.addr)
	if !ok {
		return false
	}
	e, configured := m.entries[v] // owners is older
	if !configured || !e.contested(a, m.links[v.Interface], now) {
		return false
	}
	s := suspect{v, a.mac}
	if _, known := m.suspected[s]; !known && len(m.suspected) >= maxSuspects {
		return false
	}
	m.suspected[s]++
	return len(m.suspected) == 1
}

// ownerOf returns the VIP that has an address on an interface: itself, or within its range.
func (s *state) ownerOf(index int, addr netip.Addr) (VIP, bool) {
	if v, ok := s.owners[spot{index, addr, 0}]; ok {
		return v, true
	}
	v := s.withinRange(addr)
	_, ok := s.owners[v.spot(index)]
	return v, ok && v.isRange()
}

// judgeDue is when the suspects are to be looked at; false if there are none.
func (m *Manager) judgeDue() (time.Time, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.judged.Add(judgeEvery), len(m.suspected) > 0
}

// judge finds out which suspects are other hosts, and lets the VIPs be announced
// against those. While this node may not hold a VIP they are in the right. The
// caller holds op.
func (m *Manager) judge(now time.Time) {
	if due, any := m.judgeDue(); !any || due.After(now) {
		return
	}
	found := m.takeSuspects(now)
	maps.DeleteFunc(found, func(s suspect, _ uint64) bool { return !m.allowed(s.vip) })
	if len(found) == 0 {
		return
	}
	own, err := m.kernel.MACs()
	if err != nil {
		m.journal.Say(slog.LevelWarn, "not found out whether other hosts have these VIPs, too", "error", err)
		return
	}
	for s, times := range found {
		if _, us := own[s.mac]; !us {
			m.contend(s, times, now)
		}
	}
}

func (m *Manager) takeSuspects(now time.Time) map[suspect]uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	found := m.suspected
	m.suspected, m.judged = make(map[suspect]uint64), now
	return found
}

// contend notes that another host claimed a VIP some times.
func (m *Manager) contend(s suspect, times uint64, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, configured := m.entries[s.vip]
	if _, wanted := m.wanted[s.vip]; !configured || !wanted || !e.held {
		return
	}
	m.conflicts.Add(times)
	defence := e.contest.Heard(s.mac, times, now)
	if !s.vip.isRange() {
		m.defences.Put(s.vip, defence)
		m.questions.Put(s.vip, now.Add(defendMax))
	}
	if e.contest.Tell(s.mac, now) {
		m.journal.Say(slog.LevelWarn, "another host claims a VIP that is held here",
			"vip", s.vip, "mac", s.mac.String(), "times", e.contest.count)
	}
}

// defend writes the announcement of a VIP against its rivals.
func (m *Manager) defend(v VIP, now time.Time) {
	m.defences.Drop(v)
	m.mu.Lock()
	m.entries[v].contest.Defended(now)
	m.mu.Unlock()
	if m.tell(v, now) {
		m.defended.Add(1)
	}
}

// ask writes the question who else has a VIP. The answer comes to hear.
func (m *Manager) ask(v VIP, now time.Time) {
	m.mu.Lock()
	e := m.entries[v]
	_, wanted := m.wanted[v]
	l := m.links[v.Interface]
	from := m.sources[l.index]
	m.questions.Put(v, e.nextQuestion(now))
	m.mu.Unlock()
	if !wanted || !m.allowed(v) {
		return
	}
	m.announcer.Ask(v, from, l)
}

// attend listens to what may be said of the wanted VIPs, and to nothing else: a node
// that holds none does not wake up for the frames of its neighbours. The caller
// holds op.
func (m *Manager) attend() {
	m.mu.Lock()
	types := m.families
	m.mu.Unlock()
	if slices.Equal(types, m.attending) {
		return
	}
	if err := m.kernel.Listen(types...); err != nil {
		m.journal.Say(slog.LevelError, "not heard whether other hosts have these VIPs, too", "error", err)
		return
	}
	m.attending = types
}
