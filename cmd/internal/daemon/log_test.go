package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestLogQueueWritesAllLinesInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		q := newLogQueue(&out)
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { q.run(ctx) })
		line := []byte("first\n")
		q.Write(line)
		copy(line, "xxxxx") // the caller reuses its buffer
		q.Write([]byte("second\n"))
		cancel()
		running.Wait()
		if got := out.String(); got != "first\nsecond\n" {
			t.Errorf("%q", got)
		}
	})
}

// A reader of the log that stops keeps nobody waiting, neither in Write nor at
// the end.
func TestLogQueueWaitsForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe() // nobody reads
		q := newLogQueue(w)
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { q.run(ctx) })
		for range logQueueLines + 100 {
			q.Write([]byte("line\n"))
		}
		begin := time.Now()
		cancel()
		running.Wait()
		if took := time.Since(begin); took != logFlushLimit {
			t.Errorf("the end took %s, want %s", took, logFlushLimit)
		}
		var got bytes.Buffer
		go func() { time.Sleep(time.Second); w.Close() }()
		io.Copy(&got, r)
		if !strings.Contains(got.String(), "log lines lost") {
			t.Error("nothing tells of the lines that were dropped")
		}
	})
}

// fullDisk fails until there is room.
type fullDisk struct {
	bytes.Buffer
	full bool
}

func (d *fullDisk) Write(b []byte) (int, error) {
	if d.full {
		return 0, errors.New("no space left on device")
	}
	return d.Buffer.Write(b)
}

func TestLostLinesAreToldInTheLogsFormat(t *testing.T) {
	out := &fullDisk{full: true}
	q := newLogQueue(out)
	log := q.logger("json", new(slog.LevelVar))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	log.Info("one")
	log.Info("two")
	q.next(ctx)
	out.full = false
	for q.next(ctx) {
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], `"two"`) || !strings.Contains(lines[1], `"lines":1`) {
		t.Errorf("got %q, want line two and then that one was lost", lines)
	}
	for _, line := range lines {
		if !json.Valid([]byte(line)) {
			t.Errorf("not JSON: %s", line)
		}
	}
}

// The count is told even if no line comes after those that were lost.
func TestLostLinesAreToldAtTheEnd(t *testing.T) {
	out := &fullDisk{full: true}
	q := newLogQueue(out)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	q.Write([]byte("line\n"))
	q.next(ctx)
	out.full = false
	if q.next(ctx) || !strings.Contains(out.String(), "lines=1") {
		t.Errorf("the log ends with %q", out.String())
	}
}

// A line of the log does nothing to the terminal of who reads it, whoever had a word in it.
func TestLogIsHarmless(t *testing.T) {
	for format, want := range map[string]string{"json": `\u001b]0;\u009b2J\u202e`, "text": `\x1b]0;\u009b2J\u202e`} {
		var out bytes.Buffer
		newLog(&out, format, nil).Warn("x", "error", "\x1b]0;\u009b2J\u202e")
		if got := out.String(); !strings.Contains(got, want) || strings.ContainsAny(got, "\x1b\u009b\u202e") {
			t.Errorf("%s: %q, want %s", format, got, want)
		}
	}
}
