package vip

import (
	"sync/atomic"
	"time"
)

// progress tells whether the holder of op gets on: it may be stuck in the kernel, while
// everybody who waits for op looks idle.
type progress struct {
	since atomic.Int64 // when the last thing was begun, Unix ms; 0 while op is free
}

func (p *progress) begin() { p.since.Store(time.Now().UnixMilli()) }
func (p *progress) end()   { p.since.Store(0) }

// Stalled returns for how long the Manager has been at one thing: one address, or one
// look at the kernel. It is 0 while it has nothing to do.
func (m *Manager) Stalled() time.Duration {
	since := m.progress.since.Load()
	if since == 0 {
		return 0
	}
	return max(0, time.Since(time.UnixMilli(since)))
}

// take takes op, and give gives it back.
func (m *Manager) take() {
	m.op.Lock()
	m.progress.begin()
}

func (m *Manager) give() {
	m.progress.end()
	m.op.Unlock()
}
