package daemon

import (
	"time"

	"github.com/perch-vip/perch/cluster"
	"github.com/perch-vip/perch/cluster/state"
)

// arrival is when this node came to its cluster, in this run: what the cluster remembers from
// before is no news.
type arrival struct {
	begun time.Time
	term  uint64 // in which the cluster was, as this node knew at first
	known bool   // that term
}

// note takes note of the term, once this node is in its cluster. Before, when it has not read
// its log yet or waits to be admitted, it knows of none.
func (a *arrival) note(view cluster.View) {
	if !a.known && len(view.Members) > 0 {
		a.term, a.known = view.Term, true
	}
}

// isNew tells whether a move was made since. Wall clocks alone do not tell: they differ.
func (a *arrival) isNew(m *state.Move) bool {
	return m.Term > a.term || m.Time.After(a.begun)
}
