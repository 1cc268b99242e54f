package daemon

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// told checks how often the holder has told of moves since it was last asked: signals
// coalesce.
func (r *rig) told(t *testing.T, when string, want int) {
	t.Helper()
	synctest.Wait()
	if got := len(r.moved); got != want {
		t.Errorf("%s: told of %d moves, want %d", when, got, want)
	}
	for len(r.moved) > 0 {
		<-r.moved
	}
}

func TestHolderTellsOfMoves(t *testing.T) {
	holding(t, func(t *testing.T, r *rig) {
		r.told(t, "at first", 0)
		r.cluster.give(2, time.Minute)
		r.told(t, "it owns", 1)
		r.cluster.give(2, time.Minute)
		time.Sleep(2 * idle)
		r.told(t, "it still does", 0)
		r.cluster.give(3, time.Minute)
		r.told(t, "in another term", 0)
		r.kernel.mu.Lock()
		r.kernel.err = errors.New("no buffer space")
		r.kernel.mu.Unlock()
		r.cluster.give(0, 0)
		r.told(t, "the addresses do not go", 0)
		r.kernel.mu.Lock()
		r.kernel.err = nil
		r.kernel.mu.Unlock()
		time.Sleep(2 * idle)
		r.told(t, "they have gone", 1)
	})
}
