package daemon

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"time"
)

// newLog returns a logger in the configured format whose level can change.
func newLog(w io.Writer, format string, level *slog.LevelVar) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// Bounds of a logQueue.
const (
	logQueueLines = 4096
	logFlushLimit = time.Second
)

// logQueue is a writer that waits for nobody: whoever reads the log, a pipe or a
// journal, may stop reading, and no release or heartbeat must wait for that. When
// it is full, lines are dropped and counted.
type logQueue struct {
	out     io.Writer
	lines   chan []byte
	dropped atomic.Uint64
}

func newLogQueue(out io.Writer) *logQueue {
	return &logQueue{out: out, lines: make(chan []byte, logQueueLines)}
}

// Write implements io.Writer for one line.
func (q *logQueue) Write(line []byte) (int, error) {
	select {
	case q.lines <- append([]byte(nil), line...):
	default:
		q.dropped.Add(1)
	}
	return len(line), nil
}

// run writes the lines until ctx ends, and then what is left. A writer that hangs
// then is left behind after a second; the process is about to end.
func (q *logQueue) run(ctx context.Context) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for q.next(ctx) {
		}
	}()
	<-ctx.Done()
	limit := time.NewTimer(logFlushLimit)
	defer limit.Stop()
	select {
	case <-done:
	case <-limit.C:
	}
}

// next writes one line. It returns false when ctx has ended and nothing is left.
func (q *logQueue) next(ctx context.Context) bool {
	var line []byte
	select {
	case line = <-q.lines:
	default:
		select {
		case line = <-q.lines:
		case <-ctx.Done():
			select {
			case line = <-q.lines:
			default:
				return false
			}
		}
	}
	if n := q.dropped.Swap(0); n > 0 {
		fmt.Fprintf(q.out, "level=WARN msg=\"log lines dropped, whoever reads them is too slow\" lines=%d\n", n)
	}
	q.out.Write(line) // an error has nowhere to go
	return true
}
