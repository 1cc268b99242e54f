package daemon

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/perch-vip/perch/cmd/internal/clock"
)

// skewLimit is how far wall clocks may differ before there is a warning, without a [clock].
const skewLimit = time.Second

// mostSkew is more than any clock is off: differences of two such fit into a time.Duration.
const mostSkew = 100 * 365 * 24 * time.Hour

// skew is how far a node's wall clock is ahead of this one's, give or take doubt.
type skew struct {
	known bool
	ahead time.Duration
	doubt time.Duration
}

// skewOf compares what a node's clock said with this one's, between whose sent and the answer
// passed took. The node has looked at its clock at some moment between both.
func skewOf(said, sent time.Time, took time.Duration) skew {
	if said.IsZero() {
		return skew{}
	}
	middle := sent.Round(0).Add(took / 2) // without the monotonic clock, which is this node's alone
	return skew{known: true, ahead: min(max(said.Sub(middle), -mostSkew), mostSkew), doubt: took / 2}
}

// otherClocks warns of wall clocks that differ from that in the middle by more than limit, and
// by more than the way of the answers may account for.
func otherClocks(voices []voice, limit time.Duration) (warnings []string) {
	known := slices.DeleteFunc(slices.Clone(voices), func(v voice) bool { return !v.skew.known })
	if len(known) < 2 {
		return nil
	}
	sorted := slices.SortedStableFunc(slices.Values(known), func(a, b voice) int { return cmp.Compare(a.skew.ahead, b.skew.ahead) })
	middle := sorted[(len(sorted)-1)/2]
	for _, v := range known {
		off := v.skew.ahead - middle.skew.ahead
		if off.Abs()-v.skew.doubt-middle.skew.doubt <= limit {
			continue
		}
		how := clock.Reading{Offset: off}
		warnings = append(warnings, fmt.Sprintf("the wall clock of %s is %s %s's: logs and certificates go by it, no lease does; see `chronyc tracking` on %s",
			v.name, how, middle.name, v.name))
	}
	return warnings
}
