package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strconv"
	"time"

	"github.com/mdlayher/sdnotify"
	"golang.org/x/sys/unix"
)

// systemd tells the service manager how the daemon is. Without one (no
// NOTIFY_SOCKET) it does nothing.
type systemd struct {
	notifier *sdnotify.Notifier
	log      *slog.Logger
}

func newSystemd(log *slog.Logger) (*systemd, error) {
	notifier, err := sdnotify.New()
	if errors.Is(err, fs.ErrNotExist) {
		return &systemd{log: log}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open NOTIFY_SOCKET: %w", err)
	}
	return &systemd{notifier: notifier, log: log}, nil
}

func (s *systemd) tell(state ...string) {
	if s.notifier == nil {
		return
	}
	if err := s.notifier.Notify(state...); err != nil {
		s.log.Warn("telling systemd", "error", err)
	}
}

func (s *systemd) ready()             { s.tell(sdnotify.Ready) }
func (s *systemd) stopping()          { s.tell(sdnotify.Stopping) }
func (s *systemd) status(line string) { s.tell("STATUS=" + line) }

// reloading tells of a reload that begins; ready ends it.
func (s *systemd) reloading() {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		return
	}
	s.tell("RELOADING=1", fmt.Sprintf("MONOTONIC_USEC=%d", ts.Nano()/1000))
}

// watchdog feeds systemd's watchdog as long as alive says so, which waits for nobody, until
// ctx ends.
func (s *systemd) watchdog(ctx context.Context, alive func() bool) {
	usec, _ := strconv.ParseInt(os.Getenv("WATCHDOG_USEC"), 10, 64)
	if s.notifier == nil || usec <= 0 {
		return
	}
	for ctx.Err() == nil {
		if alive() {
			s.tell("WATCHDOG=1")
		}
		pause(ctx, min(time.Second, time.Duration(usec)*time.Microsecond/3))
	}
}

// keepStatus keeps the status line, until ctx ends. It may wait for whom line asks.
func (s *systemd) keepStatus(ctx context.Context, line func() string) {
	last := ""
	for s.notifier != nil && ctx.Err() == nil {
		if now := line(); now != last {
			s.status(now)
			last = now
		}
		pause(ctx, time.Second)
	}
}
