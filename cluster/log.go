package cluster

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/hashicorp/go-hclog"
)

// repeatInterval is how often the library may log one and the same message. It
// logs each failed heartbeat, dozens a second while a peer is down.
const repeatInterval = 10 * time.Second

// raftLogger returns an hclog logger that writes to log.
func raftLogger(log *slog.Logger) hclog.Logger {
	// The intercept logger formats for its own output too: give it none.
	logger := hclog.NewInterceptLogger(&hclog.LoggerOptions{Level: hclog.Off, Output: io.Discard})
	logger.RegisterSink(&raftSink{log: log.With("part", "raft"), logged: repeats[string]{interval: repeatInterval}})
	return logger
}

// raftSink is an hclog sink. The library's levels are lowered by one: what it
// calls an error (a peer does not answer) is a warning to an operator here.
type raftSink struct {
	log    *slog.Logger
	logged repeats[string] // by level, message and peer
}

// Accept implements hclog.SinkAdapter.
func (s *raftSink) Accept(_ string, level hclog.Level, msg string, args ...any) {
	if !s.log.Enabled(context.Background(), slogLevel(level)) {
		return
	}
	suppressed, ok := s.logged.report(key(level, msg, args), time.Now())
	if !ok {
		return
	}
	if suppressed > 0 {
		args = append(args, "suppressed", suppressed)
	}
	s.log.Log(context.Background(), slogLevel(level), msg, plain(args)...)
}

// key tells messages apart; state changes carry their term and are never held back.
func key(level hclog.Level, msg string, args []any) string {
	id := fmt.Sprint(int(level), msg)
	for i := 0; i+1 < len(args); i += 2 {
		switch args[i] {
		case "peer", "term", "id", "to":
			id += fmt.Sprint(" ", args[i+1])
		}
	}
	return id
}

// plain turns the library's formatting wrappers into text, and renames a key
// that slog has for itself.
func plain(args []any) []any {
	out := make([]any, len(args))
	for i, arg := range args {
		if i%2 == 0 && arg == slog.TimeKey {
			arg = "silence"
		}
		if f, ok := arg.(hclog.Format); ok && len(f) > 0 {
			format, _ := f[0].(string)
			arg = fmt.Sprintf(format, f[1:]...)
		}
		out[i] = arg
	}
	return out
}

func slogLevel(level hclog.Level) slog.Level {
	switch {
	case level >= hclog.Warn:
		return slog.LevelWarn
	case level == hclog.Info:
		return slog.LevelInfo
	default:
		return slog.LevelDebug
	}
}
