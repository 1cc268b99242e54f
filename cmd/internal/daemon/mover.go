package daemon

import (
	"context"
	"log/slog"
	"time"
)

// moveRetry lies between two attempts to hand over from a node that may not own.
const moveRetry = time.Second

// mover hands leadership over whenever the holder finds that this node leads
// but may not own the VIPs.
func mover(ctx context.Context, wanted <-chan struct{}, handOver func() error, log *slog.Logger) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-wanted:
		}
		if err := handOver(); err != nil {
			log.Warn("no VIP is held: this node leads but may not own, and cannot hand over", "error", err)
			pause(ctx, moveRetry)
		}
	}
}
