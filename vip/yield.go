package vip

import (
	"maps"
	"slices"
	"time"
)

const (
	// yieldAtOnce is after how many addresses other Managers of the Company get a turn.
	yieldAtOnce = 64
	// yieldQuiet is how long after the last of several releases the kernel is looked at.
	yieldQuiet = 60 * time.Millisecond
)

// yield removes what a Want gave up, as far as is known, without a look: with
// thousands of addresses that would take longer than the removal. A look follows when
// no more is given up, or at once for what is left. The caller holds op.
func (m *Manager) yield() {
	given, any := m.givenUp()
	if !any {
		return
	}
	var x execution
	for _, index := range slices.Sorted(maps.Keys(given)) {
		m.yieldOn(index, given[index], &x)
	}
	m.sum(x)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dirty, m.notBefore = true, time.Now().Add(yieldQuiet)
	m.demanded = m.demanded || x.stuck > 0
}

// givenUp are the removals of what is held and not wanted, by interface. It returns
// false if nothing was given up. What was configured last goes first: in a subnet that is
// all VIPs the first one is primary, and to promote one of thousands in its place takes the
// kernel long, each time.
func (m *Manager) givenUp() (removals map[int][]action, any bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.yields {
		return nil, false
	}
	m.yields = false
	removals = make(map[int][]action)
	for _, v := range slices.Backward(m.configured) {
		e := m.entries[v]
		if _, wanted := m.wanted[v]; e.held && !wanted {
			at := e.address.index
			removals[at] = append(removals[at], action{op: opRemove, vip: v, address: e.address})
		}
	}
	return removals, true
}

// yieldOn removes addresses of an interface.
func (m *Manager) yieldOn(index int, removals []action, x *execution) {
	promotes, err := m.promotes(index)
	if err != nil {
		x.stuck += len(removals)
		return
	}
	for part := range slices.Chunk(removals, yieldAtOnce) {
		if !promotes && slices.ContainsFunc(part, func(a action) bool { return a.address.hasPrimary() }) {
			part = slices.Concat(
				[]action{{op: opKeep, address: address{index: index}}}, part,
				[]action{{op: opUnkeep, address: address{index: index}}})
		}
		m.yieldPart(part, x)
	}
}

// promotes reports whether secondary addresses of an interface outlive their primary.
func (m *Manager) promotes(index int) (bool, error) {
	m.company.keeping.Lock()
	defer m.company.keeping.Unlock()
	l, _, err := m.kernel.LinkAt(index)
	return l.promotes, err
}

// yieldPart carries out removals, but for what is wanted again, and for what would
// take others with it.
func (m *Manager) yieldPart(actions []action, x *execution) {
	for len(actions) > 0 {
		n := x.batching.Of(actions)
		batch := slices.DeleteFunc(actions[:n:n], func(a action) bool {
			stays := a.op == opRemove && (x.keeping && x.refused || m.isWanted(a.vip))
			if stays {
				x.stuck++
			}
			return stays
		})
		if len(batch) > 0 {
			m.carryOut(batch, x)
		}
		actions = actions[n:]
	}
}

func (m *Manager) isWanted(v VIP) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, wanted := m.wanted[v]
	return wanted
}
