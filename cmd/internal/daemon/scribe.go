package daemon

import (
	"context"
	"log/slog"
	"time"
)

// Attempts of the scribe to write one claim. Right after a hand-over that was
// given up, the library refuses entries for up to two heartbeat timeouts.
const (
	claimAttempts = 10
	claimPause    = 200 * time.Millisecond
)

// scribe writes each taking of the VIPs into the cluster's history. It is apart
// from the holder, since it waits for the disks of a majority.
func scribe(ctx context.Context, claims <-chan uint64, claim func(term uint64) error, log *slog.Logger) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case term := <-claims:
			write(ctx, term, claim, log)
		}
	}
}

func write(ctx context.Context, term uint64, claim func(uint64) error, log *slog.Logger) {
	var err error
	for range claimAttempts {
		if err = claim(term); err == nil || ctx.Err() != nil {
			return
		}
		pause(ctx, claimPause)
	}
	log.Warn("ownership is not in the history", "term", term, "error", err)
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
