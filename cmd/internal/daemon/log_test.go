package daemon

import (
	"bytes"
	"context"
	"io"
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
		if !strings.Contains(got.String(), "log lines dropped") {
			t.Error("nothing tells of the lines that were dropped")
		}
	})
}
