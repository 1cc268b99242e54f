package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/perch-vip/perch/cmd/internal/events"
)

// Follow is whether a reader of events waits for further ones.
type Follow string

// Values of Follow.
const (
	NoFollow  Follow = ""
	FollowNew Follow = "new"
)

const eventsPath = "/v1/events"

// maxEvent bounds a line of an answer: an event has a few KiB at most.
const maxEvent = 64 << 10

// errNoMore ends a stream that is not followed.
var errNoMore = errors.New("no more events")

// eventLines answers with events, one JSON object a line. Between them there are empty
// lines, which say that the daemon is there still.
func eventLines(b Backend) http.HandlerFunc {
	streams := NewStreams()
	return func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		id, err := idOf(query.Get("after"))
		if err == nil {
			next := linesOfEvents(b.Events(), id, Follow(query.Get("follow")))
			err = streams.Serve(w, r, Feed{Type: "application/x-ndjson", Beat: []byte("\n"), Next: next})
		}
		if err != nil {
			write(w, codeOf(err), errorAnswer{Errors: linesOf(err)})
		}
	}
}

// idOf reads an ID; "" is before all events.
func idOf(text string) (events.ID, error) {
	if text == "" {
		return events.ID{}, nil
	}
	id, err := events.ParseID(text)
	if err != nil {
		return id, Invalid(err)
	}
	return id, nil
}

// linesOfEvents returns what reads on from an event at each call.
func linesOfEvents(log *events.Log, id events.ID, follow Follow) func(context.Context) ([]byte, error) {
	return func(ctx context.Context) ([]byte, error) {
		list := log.After(id)
		if len(list) == 0 && follow == NoFollow {
			return nil, errNoMore
		}
		if len(list) == 0 {
			var err error
			if list, err = log.Next(ctx, id); err != nil {
				return nil, err
			}
		}
		var lines []byte
		for i := range list {
			line, err := encode(&list[i])
			if err != nil {
				return nil, err
			}
			lines, id = append(lines, line...), list[i].ID
		}
		return lines, nil
	}
}

// RawEvent is an event, and how the daemon wrote it, without an end of the line.
type RawEvent struct {
	events.Event
	Line []byte // good until the next one is read
}

// Events reads the events behind one, and calls each with them, and with a zero one now and
// then, until there are no more, the daemon ends, or each returns an error. Following, it waits for further ones, and
// returns nil when the daemon ends.
func (c *Client) Events(ctx context.Context, id events.ID, follow Follow, each func(RawEvent) error) error {
	if err := c.alive(ctx); err != nil {
		return err
	}
	query := url.Values{"after": {id.String()}, "follow": {string(follow)}}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silent := time.AfterFunc(eventsTimeout, func() { cancel(errSilent) })
	defer silent.Stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+socketHost+eventsPath+"?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return c.explainEvents(ctx, withoutURL(err))
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		answer, err := readAnswer(resp.Body, maxAnswer, maxElements)
		if err != nil {
			return c.explainEvents(ctx, err)
		}
		return c.explain(refusal(resp.StatusCode, answer))
	}
	return c.explainEvents(ctx, readEvents(resp.Body, func(e RawEvent) error {
		silent.Stop() // what is done with the event may take its time
		defer silent.Reset(eventsTimeout)
		return each(e)
	}))
}

// eventsTimeout is for how long the daemon may say nothing: it beats more often.
const eventsTimeout = 3 * heartbeatEvery

// errSilent is a daemon that does not even beat.
var errSilent = fmt.Errorf("nothing came for %v: %w", eventsTimeout, context.DeadlineExceeded)

// explainEvents is explain for a stream, whose context may have ended by itself.
func (c *Client) explainEvents(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); errors.Is(cause, errSilent) {
		err = cause
	}
	return c.explain(err)
}

// readEvents calls each with all events, and with a zero one where the daemon beats.
func readEvents(r io.Reader, each func(RawEvent) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxEvent)
	for lines.Scan() {
		var e RawEvent
		if len(lines.Bytes()) > 0 {
			e.Line = lines.Bytes()
			if err := json.Unmarshal(e.Line, &e.Event); err != nil {
				return fmt.Errorf("answer to %s: %w", eventsPath, err)
			}
		}
		if err := each(e); err != nil {
			return err
		}
	}
	return lines.Err()
}
