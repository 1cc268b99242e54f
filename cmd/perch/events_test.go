package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/events"
)

func TestRenderEvent(t *testing.T) {
	at := events.Time{Time: time.Date(2026, 1, 2, 3, 4, 5, 6_000_000, time.UTC)}
	v := view{now: time.Date(2026, 1, 2, 0, 0, 0, 0, time.FixedZone("", 3600)), paint: noColour}
	for want, e := range map[string]events.Event{
		"2026-01-02 04:04:05.006      7  leader_lost         edge  lb1 →, term 3\n": {
			Number: 7, Kind: events.LeaderLost, Subject: "edge", From: "lb1", Term: 3,
		},
		"2026-01-02 04:04:05.006  12345  ownership_moved     edge  lb1 → lb2, term 4  lost contact with lb1\n": {
			Number: 12345, Kind: events.OwnershipMoved, Subject: "edge", From: "lb1", To: "lb2", Term: 4, Reason: "lost contact with lb1",
		},
		"2026-01-02 04:04:05.006      8  check_down          web  failed: ?[31m?\n": {
			Number: 8, Kind: events.CheckDown, Subject: "web", Error: "failed: \x1b[31m\n",
		},
		"2026-01-02 04:04:05.006      9  of_a_later_version  → x\n": {Number: 9, Kind: "of_a_later_version", To: "x"},
		"2026-01-02 04:04:05.006     10  daemon_stopping\n":         {Number: 10, Kind: events.DaemonStopping},
	} {
		e.Time = at
		if got := renderEvent(&e, v); got != want {
			t.Errorf("%q, want\n%q", got, want)
		}
	}
	v.paint = ansiColour
	red := renderEvent(&events.Event{Kind: events.LeaderLost}, v)
	if !strings.Contains(red, "\x1b[31;1mleader_lost") || strings.Contains(renderEvent(&events.Event{Kind: events.GroupState}, v), "\x1b") {
		t.Errorf("%q", red)
	}
}

// run is one run of a daemon, which has nothing but events.
type daemonRun struct {
	fakeDaemon
	log *events.Log
}

func (r *daemonRun) Events() *events.Log { return r.log }

// startRun starts a daemon, and returns what ends it.
func startRun(t *testing.T, socket string, log *events.Log) (stop func()) {
	t.Helper()
	ln, err := api.ListenUnix(socket)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- api.Serve(ctx, ln, api.ControlHandler(&daemonRun{log: log}), slog.New(slog.DiscardHandler))
	}()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// lines is what a command has printed so far.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// await waits until there are so many.
func (l *lines) await(t *testing.T, n int) []string {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		list := slices.Collect(strings.Lines(l.String()))
		if len(list) >= n {
			return list
		}
		if time.Now().After(end) {
			t.Fatalf("%d lines, want %d: %q", len(list), n, list)
		}
	}
}

// Who follows sees each event once, also those of the next run, and is told of that.
func TestEventsAreFollowedThroughARestart(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "perch.sock")
	first, second := events.New("lb1"), events.New("lb1")
	first.Add(events.Event{Kind: events.CheckDown, Subject: "a"})
	stop := startRun(t, socket, first)
	ctx, cancel := context.WithCancel(t.Context())
	var out, errOut lines
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, []string{"events", "--follow", "-o", "json", "--socket", socket}, &out, &errOut)
	}()
	out.await(t, 1)
	first.Add(events.Event{Kind: events.CheckUp, Subject: "a"})
	out.await(t, 2)
	first.Close(events.Event{Kind: events.DaemonStopped})
	stop()
	second.Add(events.Event{Kind: events.DaemonStarted})
	stop = startRun(t, socket, second)
	defer stop()
	out.await(t, 5)
	second.Add(events.Event{Kind: events.CheckDown, Subject: "b"})
	got := out.await(t, 6)
	for i, want := range []string{"check_down", "check_up", "daemon_stopped", "new_run", "daemon_started", "check_down"} {
		if !strings.Contains(got[i], `"kind":"`+want+`"`) {
			t.Errorf("line %d is %s, want %s", i, got[i], want)
		}
	}
	cancel()
	if c := <-code; c != exitOK || len(out.await(t, 6)) != 6 {
		t.Errorf("exit code %d; printed:\n%s", c, &out)
	}
	if said := errOut.String(); !strings.Contains(said, "the daemon has ended: it is waited for") {
		t.Errorf("said %q", said)
	}
}

// At first the daemon must be there, and the event be one.
func TestEventsThatCannotBeFollowed(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "perch.sock")
	var errOut lines
	if code := run(t.Context(), []string{"events", "-f", "--socket", socket}, io.Discard, &errOut); code != exitError || !strings.Contains(errOut.String(), "no daemon answers") {
		t.Errorf("exit code %d, %q", code, &errOut)
	}
	if code := run(t.Context(), []string{"events", "--since", "x", "--socket", socket}, io.Discard, &errOut); code != exitUsage || !strings.Contains(errOut.String(), "RUN-NUMBER") {
		t.Errorf("exit code %d, %q", code, &errOut)
	}
}

// Who closes the pipe ends the command, also while nothing happens.
func TestEventsIntoAClosedPipe(t *testing.T) {
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	r := &eventReader{out: out, errOut: io.Discard, output: formatJSON}
	if err := r.show(api.RawEvent{}); err != nil {
		t.Errorf("open: %v", err)
	}
	_ = in.Close()
	if err := r.show(api.RawEvent{}); !errors.Is(err, errNobodyReads) {
		t.Errorf("nothing happens: %v", err)
	}
	if err := r.show(api.RawEvent{Line: []byte("{}")}); !errors.Is(err, errNobodyReads) {
		t.Errorf("an event: %v", err)
	}
}
