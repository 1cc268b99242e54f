package checker

import (
	"context"
	"log/slog"
)

// Host is what the checks of one machine share, so that a thousand of them do not cost a
// thousand times as much.
type Host struct {
	log      *slog.Logger
	http     httpShared
	tlsFiles tlsFileCache
	links    links
}

// NewHost returns a Host for New.
func NewHost(log *slog.Logger) *Host { return &Host{log: log, links: links{open: openLinks}} }

// Run keeps what is shared up to date until ctx ends, and returns when all that it has
// started has ended. It runs once, from before the first look until after the last one:
// it is begun before Runner.Run and ended after it. Nothing is opened before a Checker
// needs it. New may be called at any time. A look that needs what is shared waits for it
// no longer than for anything else, until its context ends, also if Run does not run; if
// it cannot be had, such as for want of a right, that is the reason why the look is not
// well, and Run tries again by itself rather than to return.
func (h *Host) Run(ctx context.Context) error {
	h.links.Run(ctx, h.log)
	return nil
}
