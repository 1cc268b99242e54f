package checker

import (
	"context"
	"log/slog"
	"os"
	"sync"
	"time"
)

// Host is what the checks of one machine share, so that a thousand of them do not cost a
// thousand times as much.
type Host struct {
	log       *slog.Logger
	http      httpShared
	tlsFiles  tlsFileCache
	links     links
	folders   folders
	processes processes
	bus       *bus
	sessions  Sessions // nil for none
}

// NewHost returns a Host for New.
func NewHost(log *slog.Logger) *Host {
	return &Host{
		log:       log,
		links:     links{open: openLinks},
		folders:   folders{addWatch: addWatch},
		processes: newProcesses(),
		bus:       newBus(systemBusAddress()),
	}
}

// Run keeps what is shared up to date until ctx ends, and returns when all that it has
// started has ended, or endLimit after ctx. It runs once, from before the first look until
// after the last one: it is begun before Runner.Run and ended after it. Nothing is opened
// before a Checker needs it. New may be called at any time. A look that needs what is
// shared waits for it no longer than for anything else, until its context ends, also if
// Run does not run; if it cannot be had, such as for want of a right, that is the reason
// why the look is not well, and Run tries again by itself rather than to return.
func (h *Host) Run(ctx context.Context) error {
	var shared sync.WaitGroup
	shared.Go(func() { h.folders.Run(ctx, h.log) })
	shared.Go(func() { h.processes.Run(ctx, h.log) })
	shared.Go(func() { h.bus.Run(ctx) })
	h.links.Run(ctx, h.log) // in this goroutine: its thread tells which network is meant
	if !haveEnded(&shared) {
		h.log.Warn("what checks share is left behind")
	}
	return nil
}

// onEnd lets reads of a file end with ctx. The function that it returns is for a defer.
func onEnd(ctx context.Context, file *os.File) func() bool {
	return context.AfterFunc(ctx, func() { _ = file.SetReadDeadline(time.Unix(1, 0)) })
}
