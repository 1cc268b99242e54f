package daemon

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
)

// lineBuffer keeps the lines of a log.
type lineBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lineBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lineBuffer) lines() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := strings.TrimSpace(l.b.String())
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// captured returns a log, and what it has said so far at info and above.
func captured() (*slog.Logger, func() []string) {
	l := &lineBuffer{}
	return slog.New(slog.NewTextHandler(l, nil)), l.lines
}
