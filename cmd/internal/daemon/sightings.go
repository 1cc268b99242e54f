package daemon

import (
	"sync"
	"time"

	"github.com/perch-vip/perch/cluster/state"
)

// sightings are when this node first saw the moves of the history. Their stamps are by
// the clocks of the nodes that took over, any of which may be wrong by hours.
type sightings struct {
	mu    sync.Mutex
	first map[sighting]time.Time
}

// sighting names a move.
type sighting struct {
	term uint64
	to   string
}

// dated returns a history in which no move is later than this node saw it, so that none
// counts as new for as long as some clock was ahead.
func (s *sightings) dated(now time.Time, history []state.Move) []state.Move {
	s.mu.Lock()
	defer s.mu.Unlock()
	first, dated := make(map[sighting]time.Time, len(history)), make([]state.Move, len(history))
	for i, m := range history {
		key := sighting{m.Term, m.To}
		seen, known := s.first[key]
		if !known {
			seen = now
		}
		first[key] = seen
		// By the time that has passed, since this node's clock may have been set meanwhile.
		if at := now.Add(-now.Sub(seen)); m.Time.After(at) {
			m.Time = at
		}
		dated[i] = m
	}
	s.first = first
	return dated
}
