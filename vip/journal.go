package vip

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// journal keeps log lines until Flush. A line may block for as long as its
// reader likes; none may be written while somebody waits to give an address up.
type journal struct {
	log *slog.Logger

	mu     sync.Mutex
	lines  []slog.Record
	limits map[string]*limiter // by message
}

// Say keeps a line, unless there were too many of the same message lately.
func (j *journal) Say(level slog.Level, message string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.limits == nil {
		j.limits = make(map[string]*limiter)
	}
	limit, known := j.limits[message]
	if !known {
		limit = &limiter{}
		j.limits[message] = limit
	}
	now := time.Now()
	suppressed, ok := limit.Allow(now)
	if !ok {
		return
	}
	line := slog.NewRecord(now, level, message, 0)
	line.Add(args...)
	if suppressed > 0 {
		line.Add("lines_suppressed", suppressed)
	}
	j.lines = append(j.lines, line)
}

// Flush writes the lines. The caller holds no lock of the Manager.
func (j *journal) Flush() {
	j.mu.Lock()
	lines := j.lines
	j.lines = nil
	j.mu.Unlock()
	ctx := context.Background()
	for _, line := range lines {
		if j.log.Enabled(ctx, line.Level) {
			// A line that cannot be written has nowhere to be told of.
			_ = j.log.Handler().Handle(ctx, line)
		}
	}
}
