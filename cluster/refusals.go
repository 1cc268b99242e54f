package cluster

import (
	"net/netip"
	"sync"
	"time"
)

// Bounds of the log about refused connections.
const (
	refusalInterval = time.Second
	maxRefusals     = 1024 // addresses remembered
)

// refusals decides which refused connections are logged: at most one a second
// for each address, with the number of those that were not.
type refusals struct {
	mu    sync.Mutex
	seen  map[netip.Addr]refusal
	swept time.Time
}

type refusal struct {
	logged     time.Time
	suppressed int
}

// report notes one refusal and tells whether to log it, and how many of the
// same address went unlogged before it.
func (r *refusals) report(addr netip.Addr, now time.Time) (suppressed int, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	last, known := r.seen[addr]
	if known && now.Sub(last.logged) < refusalInterval {
		last.suppressed++
		r.seen[addr] = last
		return 0, false
	}
	r.forget(now)
	if !known && len(r.seen) >= maxRefusals {
		return 0, false // a flood of addresses: the log has its share already
	}
	if r.seen == nil {
		r.seen = make(map[netip.Addr]refusal)
	}
	r.seen[addr] = refusal{logged: now}
	return last.suppressed, true
}

// forget drops the addresses that have been quiet, once there are many, and at
// most once an interval: a flood must not make every refusal expensive.
func (r *refusals) forget(now time.Time) {
	if len(r.seen) < maxRefusals || now.Sub(r.swept) < refusalInterval {
		return
	}
	r.swept = now
	for addr, last := range r.seen {
		if now.Sub(last.logged) >= refusalInterval {
			delete(r.seen, addr)
		}
	}
}
