package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/perch-vip/perch/cmd/internal/events"
)

// happened is a log of checks that fail.
func happened(checks ...string) *events.Log {
	log := events.New("lb1")
	for _, name := range checks {
		log.Add(events.Event{Kind: events.CheckDown, Subject: name, Reason: "<&>"})
	}
	return log
}

// subjects collects what events are about.
func subjects(into *[]string) func(RawEvent) error {
	return func(e RawEvent) error {
		if e.Line != nil {
			*into = append(*into, e.Subject)
		}
		return nil
	}
}

func TestEventsAreRead(t *testing.T) {
	b := &fakeBackend{events: happened("a", "b", "c")}
	c := client(t, serveUnix(t, b))
	var all, rest []string
	var second RawEvent
	err := c.Events(t.Context(), events.ID{}, NoFollow, func(e RawEvent) error {
		if e.Subject == "b" {
			second = RawEvent{e.Event, slices.Clone(e.Line)}
		}
		return subjects(&all)(e)
	})
	if err != nil || strings.Join(all, " ") != "a b c" {
		t.Errorf("%q, %v", all, err)
	}
	if line := string(second.Line); !strings.HasPrefix(line, `{"id":"`) || !strings.Contains(line, `"reason":"<&>"`) || strings.Contains(line, "\n") {
		t.Errorf("%q", line)
	}
	if err := c.Events(t.Context(), second.ID, NoFollow, subjects(&rest)); err != nil || strings.Join(rest, " ") != "c" {
		t.Errorf("behind %s: %q, %v", second.ID, rest, err)
	}
}

// What comes is read as it comes, until the daemon ends, the last one included.
func TestEventsAreFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &fakeBackend{events: happened("a")}
		ln, stop := servePipe(t, ControlHandler(b))
		c := pipeClient(ln)
		defer c.CloseIdleConnections()
		var seen []string
		err := c.Events(t.Context(), events.ID{}, FollowNew, func(e RawEvent) error {
			if e.Line != nil {
				seen = append(seen, string(e.Kind))
			}
			switch e.Kind {
			case events.CheckDown:
				go func() {
					time.Sleep(time.Hour) // in which the daemon only beats
					b.events.Add(events.Event{Kind: events.CheckUp})
				}()
			case events.CheckUp:
				time.Sleep(time.Hour) // in which the daemon waits for this reader no longer
				return errLate
			}
			return nil
		})
		if !errors.Is(err, errLate) || strings.Join(seen, " ") != "check_down check_up" {
			t.Errorf("%q, %v", seen, err)
		}
		seen = nil
		ended := make(chan error)
		time.AfterFunc(time.Minute, func() {
			b.events.Close(events.Event{Kind: events.DaemonStopped})
			ended <- stop()
		})
		err = c.Events(t.Context(), events.ID{}, FollowNew, func(e RawEvent) error {
			if e.Line != nil {
				seen = append(seen, string(e.Kind))
			}
			return nil
		})
		if err != nil || strings.Join(seen, " ") != "check_down check_up daemon_stopped" {
			t.Errorf("%q, %v", seen, err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

var errLate = errors.New("late")

// A daemon that is stopped, while it is followed, is not taken for one where nothing happens.
func TestEventsOfAFrozenDaemon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handler := ControlHandler(&fakeBackend{}).(routes)
		handler[eventsPath] = route{method: http.MethodGet, stream: func(w http.ResponseWriter, r *http.Request) {
			_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}}
		ln, stop := servePipe(t, handler)
		defer stop()
		c, begin := pipeClient(ln), time.Now()
		defer c.CloseIdleConnections()
		err := c.Events(t.Context(), events.ID{}, FollowNew, subjects(new([]string)))
		want := "the daemon at /run/perch.sock does not answer: is it stopped or overloaded? (nothing came for 45s: context deadline exceeded)"
		if err == nil || err.Error() != want {
			t.Errorf("%v, want\n%s", err, want)
		}
		if took := time.Since(begin); took != eventsTimeout {
			t.Errorf("gave up after %v, want %v", took, eventsTimeout)
		}
	})
}

func TestEventsEndWithWhoReads(t *testing.T) {
	c := client(t, serveUnix(t, &fakeBackend{events: happened("a", "b")}))
	enough := errors.New("enough")
	if err := c.Events(t.Context(), events.ID{}, FollowNew, func(RawEvent) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("%v, want %v", err, enough)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err := c.Events(ctx, events.ID{}, FollowNew, func(e RawEvent) error {
		if e.Subject == "b" {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want %v", err, context.Canceled)
	}
}

func TestEventsBehindNonsense(t *testing.T) {
	c := client(t, serveUnix(t, &fakeBackend{events: happened()}))
	err := c.Events(t.Context(), events.ID{Run: "no run", Number: 1}, NoFollow, subjects(new([]string)))
	if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "RUN-NUMBER") {
		t.Errorf("%v", err)
	}
}

// Too many readers are refused.
func TestManyReadersOfEvents(t *testing.T) {
	b := &fakeBackend{events: happened("a")}
	c := client(t, serveUnix(t, b))
	c.http.Transport.(*http.Transport).MaxConnsPerHost = 0
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	reading := make(chan error)
	for range MaxStreams {
		go func() {
			reading <- c.Events(ctx, events.ID{}, FollowNew, func(RawEvent) error { reading <- nil; return nil })
		}()
		if err := <-reading; err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Events(ctx, events.ID{}, FollowNew, subjects(new([]string))); !errors.Is(err, ErrNotNow) || err.Error() != "16 streams are open, which is the limit" {
		t.Errorf("one more: %v", err)
	}
	cancel()
	for range MaxStreams {
		if err := <-reading; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
}

// Beats are read over, and nonsense is an error.
func TestLinesOfEvents(t *testing.T) {
	for text, want := range map[string]string{
		"":                           "0 0 <nil>",
		"\n\n":                       "0 2 <nil>",
		"\n{\"id\":\"a-1\"}\n\n":     "1 2 <nil>",
		"{\"id\":\"a-1\",\"new\":1}": "1 0 <nil>",
		"{\n":                        "0 0 answer to /v1/events: unexpected end of JSON input",
		"{\"id\":7}\n":               "0 0 answer to /v1/events: json: cannot unmarshal number into Go struct field Event.id of type string",
		strings.Repeat("x", 70<<10):  "0 0 bufio.Scanner: token too long",
	} {
		read, beats := 0, 0
		err := readEvents(io.Reader(strings.NewReader(text)), func(e RawEvent) error {
			if e.Line == nil {
				beats++
			} else {
				read++
			}
			return nil
		})
		if got := fmt.Sprint(read, beats, err); got != want && !strings.HasPrefix(got, want) {
			t.Errorf("%.40q: %s, want %s", text, got, want)
		}
	}
}
