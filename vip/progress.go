package vip

import "sync/atomic"

// progress tells whether the holder of op gets on: it may be stuck in the kernel, while
// everybody who waits for op looks idle.
type progress struct {
	count atomic.Uint64 // odd while op is held; its holder alone changes it
}

// begin notes that a thing is begun, be it the first one or the next.
func (p *progress) begin() { p.count.Store((p.count.Load() + 2) | 1) }

func (p *progress) end() { p.count.Add(1) }

// Progress returns a number that is another one each time the Manager begins something:
// one batch of addresses, or one look at the kernel. It is even while there is nothing to do. An odd
// one that stays tells of a Manager that is stuck.
func (m *Manager) Progress() uint64 { return m.progress.count.Load() }

// take takes op, and give gives it back.
func (m *Manager) take() {
	m.op.Lock()
	m.progress.begin()
}

func (m *Manager) give() {
	m.progress.end()
	m.op.Unlock()
}
