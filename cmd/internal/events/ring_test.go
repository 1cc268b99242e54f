package events

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// short writes events as a reader sees them.
func short(list []Event) string {
	var out []string
	for _, e := range list {
		switch e.Kind {
		case NewRun, Gap:
			out = append(out, fmt.Sprintf("%s %s (%s)", e.ID, e.Kind, e.Reason))
		default:
			out = append(out, e.ID.String())
		}
	}
	return strings.Join(out, ", ")
}

// filled is a ring of run b that keeps three events, after so many.
func filled(events int) *ring {
	r := &ring{run: "b", limit: 3}
	for range events {
		r.add(Event{Kind: CheckUp})
	}
	return r
}

func TestAfter(t *testing.T) {
	for _, tt := range []struct {
		events int
		id     ID
		want   string
	}{
		{0, ID{}, ""},
		{2, ID{}, "b-1, b-2"},
		{3, ID{}, "b-1, b-2, b-3"},
		{3, ID{"b", 3}, ""},
		{3, ID{"", 2}, "b-3"},
		{5, ID{"b", 2}, "b-3, b-4, b-5"},
		{5, ID{"b", 1}, "b-2 gap (1 events, from number 2 on, are not kept any more), b-3, b-4, b-5"},
		{9, ID{"b", 0}, "b-6 gap (6 events, from number 1 on, are not kept any more), b-7, b-8, b-9"},
		{9, ID{"b", 6}, "b-7, b-8, b-9"},
		{0, ID{"a", 7}, "b-0 new_run (the daemon was started anew since event a-7: all of the new run follows; what came of the old one behind it is lost, unless it was daemon_stopped)"},
		{1, ID{"b", 7}, "b-0 new_run (there is no event 7 yet, the last one is 1: all of the run follows), b-1"},
		{4, ID{"a", 1}, "b-0 new_run (the daemon was started anew since event a-1: all of the new run follows; what came of the old one behind it is lost, unless it was daemon_stopped), " +
			"b-1 gap (1 events, from number 1 on, are not kept any more), b-2, b-3, b-4"},
	} {
		if got := short(filled(tt.events).after(tt.id, 10, Time{})); got != tt.want {
			t.Errorf("%d events, after %s:\n%s, want\n%s", tt.events, tt.id, got, tt.want)
		}
	}
}

func TestLatest(t *testing.T) {
	for _, tt := range []struct {
		events int
		count  uint64
		want   string
	}{{0, 2, ""}, {2, 2, "b-1, b-2"}, {2, 5, "b-1, b-2"}, {9, 2, "b-8, b-9"}, {9, 50, "b-7, b-8, b-9"}, {9, 0, ""}} {
		r := filled(tt.events)
		if got := short(r.after(r.latest(tt.count), 10, Time{})); got != tt.want {
			t.Errorf("the last %d of %d: %q, want %q", tt.count, tt.events, got, tt.want)
		}
	}
}

// However readers and writers take turns, and whenever the daemon is started anew, a reader
// that goes on behind what it got last sees each event once, in order, or is told that it
// does not.
func TestReaderMissesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := &ring{run: "run0", limit: rapid.IntRange(1, 5).Draw(t, "limit")}
		var at ID
		for step := range rapid.IntRange(1, 40).Draw(t, "steps") {
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0:
				r = &ring{run: fmt.Sprint("run", step+1), limit: r.limit}
			case 1, 2, 3, 4, 5:
				r.add(Event{Kind: CheckDown, Time: Time{time.Unix(int64(step), 0)}})
			default:
				most := rapid.IntRange(1, 4).Draw(t, "most")
				at = readOn(t, at, r.after(at, most, Time{}))
			}
		}
		for list := r.after(at, 2, Time{}); len(list) > 0; list = r.after(at, 2, Time{}) {
			at = readOn(t, at, list)
		}
		if at.Number != r.last || at.Run != r.run && r.last > 0 {
			t.Fatalf("reader is at %s, the log at %s-%d", at, r.run, r.last)
		}
	})
}

// readOn checks that events follow on a place, and returns the one behind them.
func readOn(t *rapid.T, at ID, list []Event) ID {
	for _, e := range list {
		if e.Number != e.ID.Number {
			t.Fatalf("%s has number %d", e.ID, e.Number)
		}
		switch {
		case e.Kind == NewRun && e.Number == 0 && at.Run != e.ID.Run:
		case at.Run != "" && e.ID.Run != at.Run:
			t.Fatalf("%s follows %s without a word", e.ID, at)
		case e.Kind == Gap:
			want := fmt.Sprintf("%d events, from number %d on, are not kept any more", e.Number-at.Number, at.Number+1)
			if e.Number <= at.Number || e.Reason != want {
				t.Fatalf("behind %s: %+v, want reason %q", at, e, want)
			}
		case e.Number != at.Number+1:
			t.Fatalf("%s follows %s", e.ID, at)
		}
		at = e.ID
	}
	return at
}
