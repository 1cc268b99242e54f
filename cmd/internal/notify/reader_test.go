package notify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// reading is the program of a reader that is not really run. It ends by itself after takes,
// after the end of what it reads, or a while after it is asked to.
type reading struct {
	name  string
	takes time.Duration
	heeds time.Duration // after it is asked to end
	eof   chan struct{}
	hall  *hall
}

func (r *reading) Keep(ctx context.Context, grace time.Duration, arguments []string) error {
	r.say("begins with " + strings.Join(arguments, " "))
	select {
	case <-ctx.Done():
		time.Sleep(min(r.heeds, grace))
		r.say("was asked to end")
		return ctx.Err()
	case <-time.After(r.takes):
		r.say("ends")
		return errors.New("exit code 3")
	case <-r.eof:
		r.say("has read all")
		return nil
	}
}

func (r *reading) say(what string) {
	r.hall.mu.Lock()
	defer r.hall.mu.Unlock()
	r.hall.told = append(r.hall.told, fmt.Sprintf("%s %s at %s", r.name, what, time.Since(r.hall.begin)))
}

// read returns an entry with a reader, whose Key is its name.
func (s stage) read(r *reading) Entry {
	r.hall = s.hall
	e := s.entry("fifo", 0, Stop)
	e.Lane, e.Reader = "fifo", &Reader{Key: r.name, Name: r.name, FIFO: "/run/fifo", Program: r}
	return e
}

// runUntil runs a Notifier, and returns what ends it.
func (s stage) runUntil(t *testing.T) (end func()) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = s.Run(ctx)
	}()
	return func() {
		cancel()
		<-ended
	}
}

// A reader that ends is started again, later each time; one that has run well at once.
func TestReaderIsStartedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		end := s.runUntil(t)
		r := &reading{name: "r", takes: time.Second}
		s.Set([]Entry{s.read(r)})
		time.Sleep(19500 * time.Millisecond)
		end()
		var begun []string
		for _, line := range s.told {
			if at, is := strings.CutPrefix(line, "r begins with /run/fifo at "); is {
				begun = append(begun, at)
			}
		}
		if want := []string{"0s", "2s", "5s", "10s", "19s"}; !slices.Equal(begun, want) {
			t.Errorf("begun at %q, want %q", begun, want)
		}
		if lines := s.log.warnings(); len(lines) != 4 || !strings.Contains(lines[0], `reason="exit code 3"`) {
			t.Errorf("warned %q", lines)
		}
	})
}

// A reader that has run for long is started again as at first.
func TestReaderThatHasRunForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		end := s.runUntil(t)
		s.Set([]Entry{s.read(&reading{name: "r", takes: time.Hour})})
		time.Sleep(150 * time.Minute)
		s.want(t, "r begins with /run/fifo at 0s", "r ends at 1h0m0s", "r begins with /run/fifo at 1h0m1s",
			"r ends at 2h0m1s", "r begins with /run/fifo at 2h0m2s")
		end()
	})
}

// A reload that leaves a reader as it is does not touch it; another one begins when that
// has ended.
func TestReaderOfAReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		end := s.runUntil(t)
		s.Set([]Entry{s.read(&reading{name: "old", takes: time.Hour, heeds: readerEnd / 2})})
		time.Sleep(10 * time.Second)
		s.Set([]Entry{s.read(&reading{name: "old", takes: time.Hour})})
		time.Sleep(10 * time.Second)
		s.Set([]Entry{s.read(&reading{name: "new", takes: time.Hour})})
		time.Sleep(10 * time.Second)
		s.Set(nil)
		time.Sleep(10 * time.Second)
		s.want(t, "old begins with /run/fifo at 0s", "old was asked to end at 21.5s", "new begins with /run/fifo at 21.5s",
			"new was asked to end at 31s")
		end()
	})
}

// At the end a reader has read what was told, ends by itself if it can, and has two seconds
// at most.
func TestReaderAtTheEnd(t *testing.T) {
	for name, c := range map[string]struct {
		heeds time.Duration
		eof   bool
		took  time.Duration
		want  []string
	}{
		"end of file": {0, true, 0, []string{"r begins with /run/fifo at 0s", "fifo told stop of VI_1 at 0s", "r has read all at 0s"}},
		"asked":       {0, false, readerEnd, []string{"r begins with /run/fifo at 0s", "fifo told stop of VI_1 at 0s", "r was asked to end at 1s"}},
		"killed":      {time.Hour, false, 2 * readerEnd, []string{"r begins with /run/fifo at 0s", "fifo told stop of VI_1 at 0s", "r was asked to end at 2s"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage()
				end := s.runUntil(t)
				r := &reading{name: "r", takes: time.Hour, heeds: c.heeds, eof: make(chan struct{})}
				e := s.read(r)
				e.Target = &ending{listener: listener{name: "fifo", hall: s.hall}, seen: c.eof, eof: r.eof}
				s.Set([]Entry{e})
				synctest.Wait()
				s.Tell(of(Stop, gw))
				end()
				if took := time.Since(s.hall.begin); took != c.took {
					t.Errorf("ended after %s, want %s", took, c.took)
				}
				s.want(t, c.want...)
			})
		})
	}
}

// A reader that has read all ends well, though another target is still being told.
func TestReaderEndsBeforeASlowTarget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		end := s.runUntil(t)
		r := &reading{name: "r", takes: time.Hour, eof: make(chan struct{})}
		e := s.read(r)
		e.Target = &ending{listener: listener{name: "fifo", hall: s.hall}, seen: true, eof: r.eof}
		s.Set([]Entry{e, s.entry("slow", 2*time.Second, Stop)})
		synctest.Wait()
		s.Tell(of(Stop, gw))
		end()
		s.want(t, "r begins with /run/fifo at 0s", "fifo told stop of VI_1 at 0s", "r has read all at 0s", "slow told stop of VI_1 at 2s")
		if lines := s.log.warnings(); len(lines) > 0 {
			t.Errorf("warned %q", lines)
		}
	})
}

// ending is a FIFO whose reader may see the end of it when it is closed.
type ending struct {
	listener
	seen   bool
	eof    chan struct{}
	closed atomic.Bool
}

func (e *ending) There() bool { return !e.closed.Load() }

func (e *ending) Close() error {
	e.closed.Store(true)
	if e.seen {
		close(e.eof)
	}
	return nil
}

// absent is a FIFO that is not there.
type absent struct{ listener }

func (*absent) There() bool { return false }

// No reader begins before its FIFO is there: it may be that of a stranger.
func TestReaderWaitsForItsFIFO(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		end := s.runUntil(t)
		e := s.read(&reading{name: "r"})
		e.Target = &absent{listener{name: "fifo", hall: s.hall}}
		s.Set([]Entry{e})
		time.Sleep(time.Minute)
		end()
		s.want(t)
	})
}

// lost is the program of a reader that nothing ends.
type lost chan struct{}

func (l lost) Keep(context.Context, time.Duration, []string) error {
	<-l
	return nil
}

// A reader that cannot be killed does not keep perch from ending.
func TestReaderThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		end := s.runUntil(t)
		hangs := make(lost)
		defer close(hangs)
		e := s.read(&reading{})
		e.Reader.Program = hangs
		s.Set([]Entry{e})
		synctest.Wait()
		end()
		if took := time.Since(s.hall.begin); took != 2*readerEnd+hangLimit {
			t.Errorf("ended after %s", took)
		}
	})
}
