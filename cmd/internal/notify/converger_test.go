package notify

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// world is what a hook acts on, and what the ownership is.
type world struct {
	t       *testing.T
	begin   time.Time
	mu      sync.Mutex
	goal    Goal
	takes   time.Duration
	stays   time.Duration // after it was asked to end
	fails   error
	running int
	did     []string
	told    []Outcome
}

func newWorld(t *testing.T) *world { return &world{t: t, begin: time.Now()} }

func (w *world) set(g Goal) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.goal = g
}

func (w *world) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fails = err
}

func (w *world) is() Goal {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.goal
}

func (w *world) note(what string, arguments []string) {
	w.did = append(w.did, fmt.Sprintf("%s %s at %s", what, strings.Join(arguments, " "), time.Since(w.begin)))
}

// Ask implements Asker.
func (w *world) Ask(ctx context.Context, grace time.Duration, arguments, _ []string) error {
	w.mu.Lock()
	if w.running++; w.running > 1 {
		w.t.Error("two runs at once")
	}
	w.note("begin", arguments)
	takes, fails := w.takes, w.fails
	w.mu.Unlock()
	err := fails
	select {
	case <-ctx.Done():
		time.Sleep(min(w.stays, grace))
		err = ctx.Err()
	case <-time.After(takes):
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running--
	if ctx.Err() != nil {
		w.note("ended", arguments)
	} else if err == nil {
		w.note("did", arguments)
	}
	return err
}

func (w *world) want(want ...string) {
	w.t.Helper()
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Equal(w.did, want) {
		w.t.Errorf("did\n%s\nwant\n%s", strings.Join(w.did, "\n"), strings.Join(want, "\n"))
	}
	w.did = nil
}

func (w *world) hook(key string) Hook {
	return Hook{
		Key: key, Name: "/bin/claim", Node: "lb1", Subject: Subject{About: Cluster, Name: "edge"}, Program: w,
		Slots: NewSlots(), Timeout: time.Minute, Goal: w.is,
	}
}

// converging runs hooks in a bubble, until the test ends them.
func converging(t *testing.T, w *world, hooks ...Hook) (c *Converger, end func() time.Duration) {
	c = NewConverger(slog.New(slog.DiscardHandler))
	c.OnOutcome(func(o Outcome) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.told = append(w.told, o)
	})
	c.Set(hooks)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		_ = c.Run(ctx)
		close(ended)
	}()
	synctest.Wait()
	return c, func() time.Duration {
		begin := time.Now()
		cancel()
		<-ended
		return time.Since(begin)
	}
}

func TestHookFollowsTheOwnership(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.goal, w.takes = Goal{State: Standby, Terms: true}, 100*time.Millisecond
		c, end := converging(t, w, w.hook("a"))
		time.Sleep(10 * time.Second)
		w.want("begin standby 0 at 0s", "did standby 0 at 100ms")
		w.set(owner5)
		c.Wake()
		time.Sleep(10 * time.Second)
		w.want("begin owner 5 at 10s", "did owner 5 at 10.1s")
		if s := c.Status()[0]; s.State != Converged || s.Succeeded != 2 || s.Took != 100*time.Millisecond {
			t.Errorf("%+v", s)
		}
		w.set(standby5)
		if took := end(); took > EndLimit {
			t.Errorf("it ends in %s", took)
		}
		w.want("begin standby 5 at 20s", "did standby 5 at 20.1s")
		if len(w.told) != 3 || w.told[1].Error != "" || w.told[1].Event != "converge owner 5 of edge" {
			t.Errorf("told %+v", w.told)
		}
	})
}

// A run whose term is over is asked to end, and none for another begins before it has: also if
// nobody has told of it.
func TestStaleRunIsAskedToEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.goal, w.takes, w.stays = owner5, time.Hour, 500*time.Millisecond
		_, end := converging(t, w, w.hook("a"))
		time.Sleep(1050 * time.Millisecond)
		w.set(owner7)
		time.Sleep(5 * time.Second)
		w.want("begin owner 5 at 0s", "ended owner 5 at 1.6s", "begin owner 7 at 1.6s")
		w.set(Goal{})
		time.Sleep(5 * time.Second)
		w.want("ended owner 7 at 6.6s")
		end()
		w.want()
	})
}

// Before each run it is looked whether the goal is still the one: also once there is a place.
func TestHookIsNotRunForAStaleTerm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.goal = owner5
		h := w.hook("a")
		h.Slots = make(Slots, 1)
		h.Slots <- struct{}{} // it is taken
		_, end := converging(t, w, h)
		w.set(owner7)
		<-h.Slots // at once, before it looks again by itself
		time.Sleep(10 * time.Second)
		w.want("begin owner 7 at 0s", "did owner 7 at 0s")
		end()
	})
}

func TestHookThatFailsIsRunAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.goal, w.fails = owner5, errHook
		c, end := converging(t, w, w.hook("a"))
		time.Sleep(4 * time.Second)
		w.want("begin owner 5 at 0s", "begin owner 5 at 1s", "begin owner 5 at 3s")
		if s := c.Status()[0]; s.State != Failing || s.Failed != 3 || s.Failures != 3 || s.Error != "exit code 1" {
			t.Errorf("%+v", s)
		}
		w.fail(nil)
		time.Sleep(10 * time.Second)
		w.want("begin owner 5 at 7s", "did owner 5 at 7s")
		if len(w.told) != 2 || w.told[0].Error == "" || w.told[1].Attempts != 4 {
			t.Errorf("told %+v", w.told)
		}
		end()
	})
}

// The end waits for no hook that hangs, longer than it waits for a [[notify]].
func TestEndIsBoundedBesideAHookThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.goal, w.takes, w.stays = owner5, time.Hour, time.Hour
		_, end := converging(t, w, w.hook("a"))
		w.set(standby5)
		if took := end(); took > EndLimit+ConvergeGrace {
			t.Errorf("it ends in %s", took)
		}
		w.want("begin owner 5 at 0s", "ended owner 5 at 1s", "begin standby 5 at 1s", "ended standby 5 at 3s")
	})
}

// At the end what fails is not run for ever.
func TestEndTriesOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.goal, w.fails = standby5, errHook
		_, end := converging(t, w, w.hook("a"))
		time.Sleep(500 * time.Millisecond)
		if took := end(); took > lookWhileRunning {
			t.Errorf("it ends in %s", took)
		}
		w.want("begin standby 5 at 0s", "begin standby 5 at 500ms")
	})
}

// A reload leaves a hook alone that is the same, and has another one wait for the end of that
// in whose place it comes.
func TestReloadOfHooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.goal, w.takes, w.stays = owner5, time.Minute/2, 500*time.Millisecond
		c, end := converging(t, w, w.hook("a"))
		time.Sleep(time.Second)
		c.Set([]Hook{w.hook("a"), w.hook("a")})
		time.Sleep(time.Second)
		w.want("begin owner 5 at 0s")
		c.Set([]Hook{w.hook("b")})
		time.Sleep(time.Second)
		w.want("ended owner 5 at 2.5s", "begin owner 5 at 2.5s")
		c.Set(nil)
		time.Sleep(time.Minute)
		w.want("ended owner 5 at 3.5s")
		end()
	})
}

func TestHookThatTakesTooLongIsRunAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.goal, w.takes = owner5, time.Hour
		_, end := converging(t, w, w.hook("a"))
		time.Sleep(time.Minute + 2*time.Second)
		w.want("begin owner 5 at 0s", "ended owner 5 at 1m0s", "begin owner 5 at 1m1s")
		w.set(Goal{})
		end()
	})
}
