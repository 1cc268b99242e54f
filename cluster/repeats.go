package cluster

import (
	"sync"
	"time"
)

// maxRepeats bounds what a repeats remembers.
const maxRepeats = 1024

// repeats decides which of many like messages are logged: at most one of each
// kind in an interval, with the number of those that were not.
type repeats[K comparable] struct {
	interval time.Duration

	mu    sync.Mutex
	seen  map[K]repeat
	swept time.Time
}

type repeat struct {
	logged     time.Time
	suppressed int
}

// report notes one message and tells whether to log it, and how many of its kind
// went unlogged before it.
func (r *repeats[K]) report(kind K, now time.Time) (suppressed int, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	last, known := r.seen[kind]
	if known && now.Sub(last.logged) < r.interval {
		last.suppressed++
		r.seen[kind] = last
		return 0, false
	}
	r.forget(now)
	if !known && len(r.seen) >= maxRepeats {
		return 0, false // a flood of kinds: the log has its share already
	}
	if r.seen == nil {
		r.seen = make(map[K]repeat)
	}
	r.seen[kind] = repeat{logged: now}
	return last.suppressed, true
}

// forget drops the kinds that have been quiet, once there are many, and at most
// once an interval: a flood must not make every report expensive.
func (r *repeats[K]) forget(now time.Time) {
	if len(r.seen) < maxRepeats || now.Sub(r.swept) < r.interval {
		return
	}
	r.swept = now
	for kind, last := range r.seen {
		if now.Sub(last.logged) >= r.interval {
			delete(r.seen, kind)
		}
	}
}
