package daemon

import (
	"context"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/perch-vip/perch/cmd/internal/printable"
)

// newLog returns a logger in the configured format whose level can change.
func newLog(w io.Writer, format string, level slog.Leveler) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(printable.Writer{Writer: w}, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// Bounds of a logQueue.
const (
	logQueueLines = 4096
	logFlushLimit = time.Second
)

// logQueue is a writer that waits for nobody: whoever reads the log, a pipe or a
// journal, may stop reading, and no release or heartbeat must wait for that. Lines
// that find it full, or cannot be written, are counted, which the log tells when
// it goes on.
type logQueue struct {
	out   io.Writer
	lines chan []byte
	lost  atomic.Uint64
	tell  atomic.Pointer[slog.Logger] // straight to out
}

func newLogQueue(out io.Writer) *logQueue {
	q := &logQueue{out: out, lines: make(chan []byte, logQueueLines)}
	q.tell.Store(newLog(out, "text", nil))
	return q
}

// logger returns a logger through the queue, in whose format the queue itself
// speaks from now on.
func (q *logQueue) logger(format string, level *slog.LevelVar) *slog.Logger {
	q.tell.Store(newLog(q.out, format, nil))
	return newLog(q, format, level)
}

// Write implements io.Writer for one line.
func (q *logQueue) Write(line []byte) (int, error) {
	select {
	case q.lines <- append([]byte(nil), line...):
	default:
		q.lost.Add(1)
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
				q.tellLost()
				return false
			}
		}
	}
	if _, err := q.out.Write(line); err != nil {
		q.lost.Add(1)
		return true
	}
	q.tellLost()
	return true
}

// tellLost writes how many lines were lost, if any.
func (q *logQueue) tellLost() {
	if n := q.lost.Swap(0); n > 0 {
		q.tell.Load().Warn("log lines lost, whoever reads them is too slow or gone", "lines", n)
	}
}
