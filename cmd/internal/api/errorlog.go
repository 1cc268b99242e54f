package api

import (
	"context"
	"log"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// errorEvery is how often a server says what went wrong with its connections. Out of file
// descriptors net/http does so as often as it tries to accept one.
const errorEvery = 10 * time.Second

// ErrorLog returns a log for an http.Server that passes on one line at a time, with how many
// it has left out.
func ErrorLog(to *slog.Logger, level slog.Level) *log.Logger {
	return log.New(&sparse{log: to, level: level}, "", 0)
}

type sparse struct {
	log   *slog.Logger
	level slog.Level

	mu         sync.Mutex // guards what follows
	said       bool
	last       time.Time
	suppressed int
}

// Write implements io.Writer for one line.
func (s *sparse) Write(line []byte) (int, error) {
	suppressed, ok := s.may(time.Now())
	if ok {
		s.log.Log(context.Background(), s.level, "serving a connection", "error", strings.TrimSpace(string(line)), "suppressed", suppressed)
	}
	return len(line), nil
}

// may tells whether a line may be written now, and how many were not since the last one.
func (s *sparse) may(now time.Time) (suppressed int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.said && now.Sub(s.last) < errorEvery {
		s.suppressed++
		return 0, false
	}
	suppressed, s.suppressed = s.suppressed, 0
	s.said, s.last = true, now
	return suppressed, true
}
