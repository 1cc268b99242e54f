package daemon

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// supervising runs a supervisor of one part.
func supervising(t *testing.T, beat func() uint64, ending func() bool) *supervisor {
	t.Helper()
	s := newSupervisor([]vitalPart{{"holder", beat}}, ending)
	s.turns.dir = t.TempDir() // the threads of this process may wait for a busy machine
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.run(ctx)
	}()
	t.Cleanup(func() { cancel(); <-done })
	return s
}

func goesOn() bool { return false }

// said returns who was silent, or "".
func (s *supervisor) said() string {
	synctest.Wait()
	select {
	case part := <-s.silent:
		return part
	default:
		return ""
	}
}

func TestSupervisorHearsOfSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var beats pace
		beats.begin()
		s := supervising(t, beats.beat, goesOn)
		for range 100 {
			time.Sleep(silenceLimit / 2)
			beats.turn()
		}
		if most := s.longest(); most[0].Part != "holder" || most[0].For < silenceLimit/2-2*beatEvery || most[0].For > silenceLimit/2 {
			t.Errorf("the longest silence is %v", most)
		}
		if part := s.said(); part != "" || !s.well.Load() {
			t.Fatalf("%q counts as silent, and it is not", part)
		}
		time.Sleep(silenceLimit + 2*beatEvery)
		if part := s.said(); part != "holder" || s.well.Load() {
			t.Errorf("silent is %q, want the holder, and the watchdog not fed", part)
		}
	})
}

func TestSupervisorLetsRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := supervising(t, func() uint64 { return 4 }, goesOn)
		time.Sleep(time.Hour)
		if part := s.said(); part != "" {
			t.Errorf("%q counts as silent, and it rests", part)
		}
	})
}

// Who waits in the kernel for a lock, such as that of interfaces while somebody deletes a bridge
// on a busy machine, is left alone for long, and not for ever.
func TestSupervisorLeavesThoseInTheKernelAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := supervising(t, func() uint64 { return 7 }, goesOn)
		thread := filepath.Join(s.turns.dir, "1")
		if err := errors.Join(
			os.Mkdir(thread, 0o700),
			os.WriteFile(filepath.Join(thread, "schedstat"), []byte("5 6 7\n"), 0o600),
			os.WriteFile(filepath.Join(thread, "stat"), []byte("1 (perch) D 1\n"), 0o600),
		); err != nil {
			t.Fatal(err)
		}
		time.Sleep(9 * time.Second)
		if part := s.said(); part != "" {
			t.Errorf("%q counts as silent after 9 s of waiting in the kernel", part)
		}
		time.Sleep(11 * time.Second)
		if part := s.said(); part != "holder" {
			t.Errorf("after 20 s silent is %q, want the holder", part)
		}
	})
}

// An end that does not come to its end is silence, too.
func TestSupervisorBoundsTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ending atomic.Bool
		s := supervising(t, func() uint64 { return 0 }, ending.Load)
		time.Sleep(time.Hour)
		ending.Store(true)
		time.Sleep(endLimit - time.Second)
		if part := s.said(); part != "" {
			t.Errorf("%q is silent before the end must have come", part)
		}
		time.Sleep(2 * time.Second)
		if part := s.said(); part != "the end" {
			t.Errorf("silent is %q, want the end", part)
		}
	})
}

func TestGoroutinesAreLogged(t *testing.T) {
	var text strings.Builder
	logGoroutines(slog.New(slog.NewTextHandler(&text, nil)))
	if got := text.String(); !strings.Contains(got, "TestGoroutinesAreLogged") || !strings.Contains(got, "msg=goroutine") {
		t.Errorf("logged: %s", got)
	}
}

func TestWhatHangsIsLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		if within(time.Second, func() { <-gate }) {
			t.Error("what hangs was waited for")
		}
		close(gate)
		if !within(time.Second, func() {}) {
			t.Error("what does not hang was not waited for")
		}
	})
}
