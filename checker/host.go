package checker

import (
	"context"
	"log/slog"
	"sync"
)

// Host is what the checks of one machine share, so that a thousand of them do not cost a
// thousand times as much.
type Host struct {
	log   *slog.Logger
	links links
	bus   *bus
}

// NewHost returns a Host for New.
func NewHost(log *slog.Logger) *Host {
	return &Host{log: log, links: links{open: openLinks}, bus: newBus(systemBusAddress())}
}

// Run keeps what is shared up to date until ctx ends.
func (h *Host) Run(ctx context.Context) error {
	var shared sync.WaitGroup
	shared.Go(func() { h.bus.Run(ctx) })
	h.links.Run(ctx, h.log) // in this goroutine: its thread tells which network is meant
	shared.Wait()
	return nil
}
