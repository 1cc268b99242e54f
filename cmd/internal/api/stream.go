package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Limits of streams, which stay open beyond all limits of other requests.
const (
	MaxStreams     = 16               // of a server; further ones are refused
	heartbeatEvery = 15 * time.Second // without an event
	streamWrite    = 5 * time.Second  // for what is written at once
)

// Feed is what a stream consists of.
type Feed struct {
	Type  string // Content-Type
	Hello []byte // what it begins with
	Beat  []byte // what says that it is there still, while there is nothing else
	// Next waits for what comes next, and returns it. It returns the error of ctx when
	// that ends before: ctx is short, and Next is called again. Any other error ends the
	// stream. What there is when the server ends is asked for with a ctx that has ended.
	Next func(ctx context.Context) ([]byte, error)
}

// Streams are answers that go on, of which a bounded number is open.
type Streams struct{ open chan struct{} }

// NewStreams returns the streams of a server.
func NewStreams() Streams { return Streams{make(chan struct{}, MaxStreams)} }

// Count returns how many are open.
func (s Streams) Count() int { return len(s.open) }

// ErrStreams says that no further stream is opened.
var ErrStreams = NotNow(fmt.Errorf("%d streams are open, which is the limit", MaxStreams))

// Serve answers with a stream, until the client goes, does not read, the server ends or
// begins to listen elsewhere (the request's context says so), or there is no more. It
// returns ErrStreams, and has not answered, if there are too many.
func (s Streams) Serve(w http.ResponseWriter, r *http.Request, f Feed) error {
	select {
	case s.open <- struct{}{}:
		defer func() { <-s.open }()
	default:
		w.Header().Set("Retry-After", "5")
		w.Header().Set("Connection", "close") // others wait for its place
		return ErrStreams
	}
	head := w.Header()
	head.Set("Content-Type", f.Type)
	head.Set("Cache-Control", "no-store, no-transform") // nor does a proxy compress it, which would hold it back
	head.Set("X-Accel-Buffering", "no")                 // nginx would
	head.Set("X-Content-Type-Options", "nosniff")
	if r.Method == http.MethodHead {
		return nil
	}
	out := &stream{http.NewResponseController(w), w}
	if out.open(f.Hello) == nil {
		_ = out.follow(r.Context(), f) // a client that went away is not worth a line in the log
	}
	_ = out.limit() // for the end of the answer, or a client would take it for cut off
	return nil
}

// stream is one answer that goes on.
type stream struct {
	control *http.ResponseController
	w       http.ResponseWriter
}

// open lifts the limit of reading, at which net/http, which goes on reading to see whether
// the client is there, would take it for gone. That of writing is set anew each time.
func (s *stream) open(hello []byte) error {
	if err := s.control.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	return s.write(hello)
}

// follow writes what there is until it ends.
func (s *stream) follow(ctx context.Context, f Feed) error {
	for {
		wait, cancel := context.WithTimeout(ctx, heartbeatEvery)
		b, err := f.Next(wait)
		cancel()
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, context.DeadlineExceeded):
			b = f.Beat
		default:
			return err
		}
		if err := s.write(b); err != nil {
			return err
		}
	}
}

// write sends what there is, which must not take long.
func (s *stream) write(b []byte) error {
	if err := s.limit(); err != nil {
		return err
	}
	if _, err := s.w.Write(b); err != nil {
		return err
	}
	return s.control.Flush()
}

// limit bounds what is written next.
func (s *stream) limit() error { return s.control.SetWriteDeadline(time.Now().Add(streamWrite)) }
