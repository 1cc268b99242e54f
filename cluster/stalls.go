package cluster

import (
	"sync"
	"time"
)

// Stalls are the writes of a node's log, term and vote that took longer than its heartbeat
// timeout: for so long its disk kept it from taking part.
type Stalls struct {
	Count   uint64 // since the node was started
	Last    time.Time
	Longest time.Duration
}

// stalls keeps count. The zero value counts nothing.
type stalls struct {
	mu    sync.Mutex
	limit time.Duration // of a write that is no stall
	seen  Stalls
}

// allow says how long a write may take.
func (s *stalls) allow(limit time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limit = limit
}

// note notes a write that ended at a time.
func (s *stalls) note(took time.Duration, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.limit == 0 || took <= s.limit {
		return
	}
	s.seen = Stalls{s.seen.Count + 1, at, max(s.seen.Longest, took)}
}

func (s *stalls) read() Stalls {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen
}
