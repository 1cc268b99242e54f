package daemon

import (
	"sync/atomic"
	"time"
)

// margin is how close a lease came to its end before it was extended, or the VIPs were given
// up: what comes closer than that, of a network or of this node's own processors, costs the
// VIPs. The zero value has seen nothing.
type margin struct {
	least  atomic.Int64  // nanoseconds that were left; 0 before the first look
	lapses atomic.Uint64 // leases that had ended by then
}

// note notes what was left of a lease.
func (m *margin) note(left time.Duration) {
	if left <= 0 {
		m.lapses.Add(1)
		return
	}
	for {
		least := m.least.Load()
		if least > 0 && int64(left) >= least || m.least.CompareAndSwap(least, int64(left)) {
			return
		}
	}
}
