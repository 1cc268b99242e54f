package checker

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// watcher is a Watcher that is told what it notices.
type watcher struct {
	*times
	notices chan struct{} // calls changed
	fails   chan error    // ends Watch
	watches atomic.Int32  // that have begun
	now     atomic.Int32
}

func newWatcher(c Checker) *watcher {
	return &watcher{times: timesOf(c), notices: make(chan struct{}), fails: make(chan error)}
}

func (w *watcher) Watch(ctx context.Context, changed func()) error {
	w.watches.Add(1)
	w.now.Add(1)
	defer w.now.Add(-1)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-w.notices:
			changed()
		case err := <-w.fails:
			if err == errRefused {
				panic(err)
			}
			return err
		}
	}
}

// seldom is prompt with intervals that are no part of the test.
var seldom = func() Schedule { s := prompt; s.Interval, s.FastInterval = time.Hour, time.Hour; return s }()

func TestWatch(t *testing.T) {
	running(t, Options{}, func(t *testing.T, r *Runner) {
		w := newWatcher(well)
		r.Set([]Entry{entry("eth0", w, seldom)})
		after(time.Second)
		w.notices <- struct{}{}
		after(0)
		if seen := w.all(); len(seen) != 2 || seen[1] != time.Second {
			t.Errorf("looks at %s, want one at once", seen)
		}
	})
}

func TestWatchDuringWarmup(t *testing.T) {
	running(t, Options{}, func(t *testing.T, r *Runner) {
		s := seldom
		s.Warmup = time.Hour
		w := newWatcher(well)
		r.Set([]Entry{entry("eth0", w, s)})
		w.notices <- struct{}{}
		after(0)
		if seen := w.all(); len(seen) != 1 {
			t.Errorf("looks at %s, want one at once", seen)
		}
	})
}

func TestWatchBurst(t *testing.T) {
	running(t, Options{}, func(t *testing.T, r *Runner) {
		w := newWatcher(well)
		r.Set([]Entry{entry("eth0", w, seldom)})
		after(time.Minute)
		for range 1000 {
			w.notices <- struct{}{}
			time.Sleep(100 * time.Microsecond)
		}
		last := time.Since(w.made)
		after(time.Minute)
		seen := w.all()
		if len(seen) < 10 || len(seen) > 13 {
			t.Errorf("%d looks in 100 ms of changes", len(seen))
		}
		for i := 2; i < len(seen); i++ {
			if seen[i]-seen[i-1] < lookAgain {
				t.Errorf("looks at %s and %s", seen[i-1], seen[i])
			}
		}
		if seen[len(seen)-1] < last-100*time.Microsecond {
			t.Errorf("the last look comes at %s, the last change at %s", seen[len(seen)-1], last)
		}
	})
}

func TestWatchDuringALook(t *testing.T) {
	for _, takes := range []time.Duration{300 * time.Millisecond, 800 * time.Millisecond} { // the latter is late
		running(t, Options{}, func(t *testing.T, r *Runner) {
			w := newWatcher(stub(func(context.Context) (Finding, error) { time.Sleep(takes); return Finding{}, nil }))
			r.Set([]Entry{entry("eth0", w, seldom)})
			after(100 * time.Millisecond)
			for range 5 {
				w.notices <- struct{}{}
			}
			after(takes - 200*time.Millisecond)
			w.notices <- struct{}{}
			after(time.Minute)
			if seen := w.all(); len(seen) != 2 || seen[1] != takes {
				t.Errorf("looks at %s, want one more, at the end of the first", seen)
			}
		})
	}
}

func TestWatchEnds(t *testing.T) {
	var out journal
	log := slog.New(slog.NewTextHandler(&out, nil))
	running(t, Options{Log: log}, func(t *testing.T, r *Runner) {
		w := newWatcher(well)
		r.Set([]Entry{entry("eth0", w, prompt)})
		after(time.Minute)
		for i, err := range []error{errors.New("no netlink"), errors.New("no netlink"), nil, errRefused} {
			looks := len(w.all())
			w.fails <- err
			after(watchAgain - time.Millisecond)
			if got := int(w.watches.Load()); got != i+1 {
				t.Errorf("%d watches right after the end of %d", got, i+1)
			}
			after(time.Millisecond)
			if got := int(w.watches.Load()); got != i+2 {
				t.Errorf("%d watches, want another one", got)
			}
			after(prompt.Interval)
			if len(w.all()) == looks {
				t.Error("no looks by interval")
			}
		}
		if n := strings.Count(out.String(), "no netlink"); n != 1 {
			t.Errorf("logged %d times: %s", n, out.String())
		}
		for i, passes := range []time.Duration{watchAgain, watchAgain, watchAgain + watchQuiet + time.Second} {
			after(passes)
			w.fails <- errors.New("no netlink")
			after(0)
			if n := strings.Count(out.String(), "no netlink"); n != 2+i/2 {
				t.Errorf("logged %d times, want it again after a while: %s", n, out.String())
			}
		}
		if n := strings.Count(out.String(), "check panicked"); n != 1 {
			t.Errorf("the panic is logged %d times: %s", n, out.String())
		}
	})
}

func TestWatchOfWhatIsGone(t *testing.T) {
	running(t, Options{}, func(t *testing.T, r *Runner) {
		old, fresh := newWatcher(well), newWatcher(well)
		r.Set([]Entry{entry("eth0", old, seldom)})
		after(time.Second)
		r.Set([]Entry{other("eth0", fresh, seldom)})
		after(time.Second)
		if old.now.Load() != 0 || fresh.now.Load() != 1 {
			t.Errorf("%d watches of the old one, %d of the new one", old.now.Load(), fresh.now.Load())
		}
		r.Set(nil)
		after(time.Second)
		if fresh.now.Load() != 0 {
			t.Error("it watches for a check that is gone")
		}
	})
}

// TestNoticeOfWhatIsGone is for a Watch that calls changed when it should have ended.
func TestNoticeOfWhatIsGone(t *testing.T) {
	running(t, Options{}, func(t *testing.T, r *Runner) {
		w := &straggler{times: timesOf(well)}
		r.Set([]Entry{entry("eth0", w, seldom)})
		after(time.Second)
		r.Set(nil)
		after(time.Minute)
		if seen := w.all(); len(seen) != 1 {
			t.Errorf("looks at %s", seen)
		}
	})
}

// straggler is a Watcher that notices something a second after its end.
type straggler struct{ *times }

func (s *straggler) Watch(ctx context.Context, changed func()) error {
	<-ctx.Done()
	time.Sleep(time.Second)
	changed()
	return ctx.Err()
}
