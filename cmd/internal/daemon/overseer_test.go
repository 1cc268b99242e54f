package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perch-vip/perch/cluster"
)

// watched is an overseer of a node whose surroundings a test sets.
type watched struct {
	*overseer
	begin time.Time

	mu    sync.Mutex
	s     succession
	leads bool
	fails error // of each hand-over
	moves []string
	turns int // of darkness
}

func watch(t *testing.T, turned chan struct{}) *watched {
	w := &watched{begin: time.Now(), leads: true, s: succession{self: node("lb1", well, 100)}}
	w.overseer = &overseer{
		look: func() (succession, bool) {
			w.mu.Lock()
			defer w.mu.Unlock()
			s := w.s
			s.now, s.dark, s.peers = time.Now(), w.dark.Load(), slices.Clone(s.peers)
			return s, w.leads
		},
		now:   func() time.Duration { return time.Since(w.begin) },
		delay: func() time.Duration { return 30 * time.Second },
		handOver: func(c course) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.moves = append(w.moves, time.Since(w.begin).String()+" "+c.to[0]+" "+c.cause)
			return w.fails
		},
		darkened: func() { w.turns++ },
		log:      slog.New(slog.DiscardHandler),
		turned:   turned,
		poke:     make(chan struct{}, 1),
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = w.run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	return w
}

func node(name string, h health, priority int) peer {
	return peer{name: name, able: true, fitness: fitness{health: h, priority: priority}}
}

// set changes the surroundings.
func (w *watched) set(change func(*watched)) {
	w.mu.Lock()
	change(w)
	w.mu.Unlock()
	w.wake()
	synctest.Wait()
}

func (w *watched) expect(t *testing.T, want ...string) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if diff := cmp.Diff(want, w.moves); diff != "" {
		t.Errorf("hand-overs (-want +got):\n%s", diff)
	}
}

// A sick leader is left at once, and again a second later if that came to nothing.
func TestOverseerLeavesASickNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, nil)
		w.set(func(w *watched) { w.s.peers = []peer{node("lb2", well, 90)} })
		w.expect(t)
		time.Sleep(1500 * time.Millisecond)
		w.set(func(w *watched) { w.s.self.health, w.fails = sick, errors.New("lb2 did not take over") })
		w.wake()
		synctest.Wait()
		w.expect(t, "1.5s lb2 health")
		time.Sleep(1600 * time.Millisecond)
		w.expect(t, "1.5s lb2 health", "2.5s lb2 health")
		w.set(func(w *watched) { w.leads = false })
		time.Sleep(time.Minute)
		w.expect(t, "1.5s lb2 health", "2.5s lb2 health")
	})
}

// A node that comes to lead is asked at once, and not a second later.
func TestOverseerLooksWhenLeadershipTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turned := make(chan struct{}, 1)
		w := watch(t, turned)
		w.set(func(w *watched) { w.leads, w.s.peers, w.s.self.health = false, []peer{node("lb2", well, 90)}, sick })
		time.Sleep(1500 * time.Millisecond)
		w.mu.Lock()
		w.leads = true
		w.mu.Unlock()
		turned <- struct{}{}
		synctest.Wait()
		w.expect(t, "1.5s lb2 health")
	})
}

// One that takes over and gives back at once, since it cannot hold, is tried less and
// less often.
func TestOverseerLosesPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, nil)
		w.set(func(w *watched) { w.s.peers, w.s.self.health = []peer{node("lb2", well, 90)}, sick })
		time.Sleep(30 * time.Second)
		want := []string{"0s lb2 health", "1s lb2 health", "3s lb2 health", "7s lb2 health", "15s lb2 health", "25s lb2 health"}
		w.expect(t, want...)
		w.set(func(w *watched) { w.leads = false })
		time.Sleep(2 * time.Minute)
		w.set(func(w *watched) { w.leads = true })
		time.Sleep(1100 * time.Millisecond)
		w.expect(t, append(want, "2m30s lb2 health", "2m31s lb2 health")...)
	})
}

// A node of higher priority takes over after it was better for long enough.
func TestOverseerPreempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, nil)
		w.set(func(w *watched) { w.s.peers = []peer{node("lb2", well, 110)} })
		time.Sleep(time.Minute + 500*time.Millisecond)
		w.expect(t) // it is not configured to
		w.set(func(w *watched) { w.s.preempt, w.s.holding = true, true })
		time.Sleep(20 * time.Second)
		w.set(func(w *watched) { w.s.peers[0].health = sick })
		w.set(func(w *watched) { w.s.peers[0].health = well })
		time.Sleep(29 * time.Second)
		w.expect(t)
		time.Sleep(2 * time.Second)
		w.expect(t, "1m50.5s lb2 preempt")
	})
}

// Two that are equally good keep each other waiting for nothing: whose report is the
// latest changes all the time.
func TestOverseerPreemptsForOneOfEquals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, nil)
		w.set(func(w *watched) {
			w.s.preempt, w.s.holding, w.s.peers = true, true, []peer{node("lb2", well, 110), node("lb3", well, 110)}
		})
		for i := range 31 {
			w.set(func(w *watched) {
				w.s.peers[i%2].age, w.s.peers[(i+1)%2].age = tellEvery/2, 0
			})
			time.Sleep(tellEvery / 2)
		}
		w.expect(t, "30s lb2 preempt")
	})
}

// Where nobody is healthy nothing is held, if that is wanted, until somebody is.
func TestOverseerReleases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, nil)
		w.set(func(w *watched) {
			w.s.peers, w.s.release, w.s.self.health = []peer{node("lb2", sick, 90)}, true, sick
		})
		if !w.dark.Load() || w.turns != 1 {
			t.Errorf("dark %v, told %d times", w.dark.Load(), w.turns)
		}
		time.Sleep(5 * time.Second)
		if w.turns != 1 {
			t.Errorf("told %d times", w.turns)
		}
		w.set(func(w *watched) { w.s.self.health = well })
		if w.dark.Load() || w.turns != 2 {
			t.Errorf("dark %v, told %d times", w.dark.Load(), w.turns)
		}
		w.expect(t)
		w.set(func(w *watched) { w.s.self.health = sick })
		w.set(func(w *watched) { w.leads = false }) // what it is for another's leadership does not count
		if w.dark.Load() || w.turns != 4 {
			t.Errorf("dark %v, told %d times", w.dark.Load(), w.turns)
		}
	})
}

// A sick node that holds nothing does not take the VIPs while it hands over, whatever
// comes of that.
func TestOverseerHandsOverInTheDark(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, nil)
		w.set(func(w *watched) {
			w.s.peers, w.s.release, w.s.self.health = []peer{node("lb2", sick, 90)}, true, sick
		})
		w.set(func(w *watched) { w.s.peers[0].health, w.fails = well, errors.New("lb2 did not take over") })
		w.expect(t, "0s lb2 health")
		time.Sleep(10 * time.Second)
		w.set(func(w *watched) { w.s.peers[0].health = unsure }) // its daemon was started again
		if !w.dark.Load() || w.turns != 1 {
			t.Errorf("dark %v, told %d times", w.dark.Load(), w.turns)
		}
	})
}

// A peer whose answer was a little late is found again long before the next second.
func TestOverseerSeeksWhileItIsSick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, nil)
		w.set(func(w *watched) {
			w.s.peers, w.s.self.health = []peer{node("lb2", well, 90)}, sick
			w.s.peers[0].able = false
		})
		w.expect(t)
		time.Sleep(30 * time.Millisecond)
		w.mu.Lock()
		w.s.peers[0].able = true
		w.mu.Unlock()
		time.Sleep(100 * time.Millisecond)
		w.expect(t, "50ms lb2 health")
	})
}

// A hand-over that released nothing, since nobody answered in time, is tried again soon.
func TestOverseerTriesAgainWhereNobodyAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, nil)
		w.set(func(w *watched) {
			w.s.peers, w.s.self.health = []peer{node("lb2", well, 90)}, sick
			w.fails = fmt.Errorf("%w: lb2 does not answer", cluster.ErrNoSuccessor)
		})
		time.Sleep(120 * time.Millisecond)
		w.expect(t, "0s lb2 health", "50ms lb2 health", "100ms lb2 health")
	})
}
