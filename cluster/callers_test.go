package cluster

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// foundedBy has lb1 found a cluster with lb2 and lb3, of which those in there answer, and returns
// how many rounds it asked, and when it was done.
func foundedBy(t *testing.T, there map[string]bool, then func(x *talking)) (rounds int, after time.Duration) {
	t.Helper()
	x := newTalking()
	x.store = newMemory()
	x.birth = "one"
	list := members(x.cfg.bootstrap())
	x.ask = func(_ context.Context, peer string, _ question) (answer, error) {
		if peer == "lb2" {
			rounds++
		}
		if !there[peer] {
			return answer{}, errNoRoute
		}
		return answer{Birth: peer, List: list}, nil
	}
	began := time.Now()
	go then(x)
	if founder, err := x.found(t.Context()); err != nil || !founder {
		t.Errorf("found: %v, %v", founder, err)
	}
	return rounds, time.Since(began)
}

// A node that comes up asks the others, and they ask it at once.
func TestFoundingWaitsForNoPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		there := map[string]bool{"lb2": true}
		rounds, after := foundedBy(t, there, func(x *talking) {
			time.Sleep(10 * ms)
			x.hear(t.Context(), "lb2", question{}) // which has answered
			synctest.Wait()
			there["lb3"] = true
			x.hear(t.Context(), "lb3", question{})
		})
		if after != 10*ms || rounds != 3 {
			t.Errorf("founded after %s and %d rounds, want 10ms, and two rounds that agree behind the one that failed", after, rounds)
		}
	})
}

// A question that comes while others are still asked is not forgotten.
func TestFoundingHearsWhoAsksMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTalking()
		x.callers.begin()
		x.hear(t.Context(), "lb3", question{})
		began := time.Now()
		x.callers.await(t.Context(), map[string]error{"lb3": errNoRoute}, foundingPause)
		if took := time.Since(began); took != 0 {
			t.Errorf("waited %s for a node that has asked", took)
		}
		x.callers.begin() // that was before this round
		x.callers.await(t.Context(), map[string]error{"lb3": errNoRoute}, foundingPause)
		if took := time.Since(began); took != foundingPause {
			t.Errorf("waited %s for a node that has not asked since, want %s", took, foundingPause)
		}
	})
}

// Nothing is kept of who asks a node that waits for nobody, or of too many.
func TestCallersAreFew(t *testing.T) {
	c := callers{came: make(chan struct{}, 1)}
	c.note("lb2")
	if c.been != nil {
		t.Errorf("%v were noted while nobody waits", c.been)
	}
	c.begin()
	for i := range 2 * maxServers {
		c.note(string(rune('a' + i)))
	}
	if len(c.been) != maxServers {
		t.Errorf("%d were noted, want at most %d", len(c.been), maxServers)
	}
	c.end()
	if c.been != nil {
		t.Error("callers are kept after the end")
	}
}
