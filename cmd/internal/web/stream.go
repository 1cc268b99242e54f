package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Limits of streams, which stay open beyond all limits of other requests.
const (
	maxStreams     = 16               // of maxConnections; further ones are refused
	heartbeatEvery = 15 * time.Second // without an event
	streamWrite    = 5 * time.Second  // for what is written at once
	comeAgain      = 2 * time.Second  // told to clients, for when a stream breaks
)

// feed waits for what comes next in a stream, and returns it, which is written at once
// and not changed meanwhile. It returns the error of ctx when that ends before: ctx is
// short, and feed is called again. Any other error ends the stream.
type feed func(ctx context.Context) ([]message, error)

// streams are those that are open.
type streams chan struct{}

func newStreams() streams { return make(streams, maxStreams) }

// serve answers with a stream, until the client goes, does not read, the server ends or
// begins to listen elsewhere (the request's context says so), or there is no more.
func (s streams) serve(w http.ResponseWriter, r *http.Request, next feed) {
	head := w.Header()
	head.Set("Cache-Control", "no-store")
	head.Set("X-Content-Type-Options", "nosniff")
	select {
	case s <- struct{}{}:
		defer func() { <-s }()
	default:
		head.Set("Retry-After", "5")
		http.Error(w, fmt.Sprintf("%d streams are open, which is the limit", cap(s)), http.StatusServiceUnavailable)
		return
	}
	head.Set("Content-Type", "text/event-stream; charset=utf-8")
	if r.Method == http.MethodHead {
		return
	}
	out := &stream{http.NewResponseController(w), w}
	if out.open() != nil {
		return
	}
	_ = out.follow(r.Context(), next) // a client that went away is not worth a line in the log
}

// stream is one answer that goes on.
type stream struct {
	control *http.ResponseController
	w       http.ResponseWriter
}

// open lifts the limit of reading, at which net/http, which goes on reading to see whether
// the client is there, would take it for gone. That of writing is set anew each time.
func (s *stream) open() error {
	if err := s.control.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	return s.write(appendRetry(nil, comeAgain))
}

// follow writes what there is until it ends.
func (s *stream) follow(ctx context.Context, next feed) error {
	var b []byte
	for {
		wait, cancel := context.WithTimeout(ctx, heartbeatEvery)
		messages, err := next(wait)
		cancel()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, context.DeadlineExceeded):
			b = append(b[:0], heartbeat...)
		case err != nil:
			return err
		default:
			b = b[:0]
			for i := range messages {
				b = appendMessage(b, messages[i])
			}
		}
		if err := s.write(b); err != nil {
			return err
		}
	}
}

// write sends what there is, which must not take long.
func (s *stream) write(b []byte) error {
	if err := s.control.SetWriteDeadline(time.Now().Add(streamWrite)); err != nil {
		return err
	}
	if _, err := s.w.Write(b); err != nil {
		return err
	}
	return s.control.Flush()
}
