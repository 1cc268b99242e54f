package checker

import "time"

// spentBounds is how many bounds Spent has.
const spentBounds = 12

// Spent is how long the looks of a check took.
type Spent struct {
	Name   string
	Counts [spentBounds]uint64 // by the first of SpentBounds that they did not exceed
	Count  uint64              // also those that exceeded all
	Sum    time.Duration
}

// SpentBounds returns the bounds of Spent, ascending.
func SpentBounds() [spentBounds]time.Duration {
	const ms = time.Millisecond
	return [...]time.Duration{
		ms / 2, ms, 5 * ms / 2, 5 * ms, 10 * ms, 25 * ms, 50 * ms, 100 * ms, 250 * ms, 500 * ms, 1000 * ms, 5000 * ms,
	}
}

func (s *Spent) add(took time.Duration) {
	s.Count++
	s.Sum += took
	for i, bound := range SpentBounds() {
		if took <= bound {
			s.Counts[i]++
			return
		}
	}
}

// Spent returns how long the looks of each check took, in the order of Set.
func (r *Runner) Spent() []Spent {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]Spent, len(r.order))
	for i, t := range r.order {
		all[i] = t.spent
		all[i].Name = t.entry.Name
	}
	return all
}
