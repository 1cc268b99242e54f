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
	folders   folders
	processes processes
}

// NewHost returns a Host for New.
func NewHost(log *slog.Logger) *Host { return &Host{log: log, processes: newProcesses()} }

// Run keeps what is shared up to date until ctx ends.
func (h *Host) Run(ctx context.Context) error {
	var parts sync.WaitGroup
	parts.Go(func() { h.folders.Run(ctx, h.log) })
	parts.Go(func() { h.processes.Run(ctx, h.log) })
	<-ctx.Done()
	parts.Wait()
	return nil
}

// onEnd lets reads of a file end with ctx. The function that it returns is for a defer.
func onEnd(ctx context.Context, file *os.File) func() bool {
	return context.AfterFunc(ctx, func() { _ = file.SetReadDeadline(time.Unix(1, 0)) })
}
