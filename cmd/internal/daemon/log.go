package daemon

import (
	"io"
	"log/slog"
)

// newLog returns a logger in the configured format whose level can change.
func newLog(w io.Writer, format string, level *slog.LevelVar) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
