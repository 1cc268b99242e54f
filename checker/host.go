package checker

import (
	"context"
	"log/slog"
)

// Host is what the checks of one machine share, so that a thousand of them do not cost a
// thousand times as much.
type Host struct {
	log *slog.Logger

	http     httpShared
	tlsFiles tlsFileCache
}

// NewHost returns a Host for New.
func NewHost(log *slog.Logger) *Host { return &Host{log: log} }

// Run keeps what is shared up to date until ctx ends.
func (h *Host) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}
