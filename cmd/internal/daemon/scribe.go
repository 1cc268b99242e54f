package daemon

import (
	"context"
	"log/slog"
	"time"

	"github.com/perch-vip/perch/cluster/state"
)

// Attempts of the scribe to write one claim. Right after a hand-over that was
// given up, the library refuses entries for up to two heartbeat timeouts.
const (
	claimAttempts = 10
	claimPause    = 200 * time.Millisecond
)

// claim is a taking of the VIPs, for the history.
type claim struct {
	term   uint64
	outage state.Outage // before it
}

// scribe writes each taking of the VIPs into the cluster's history. It is apart
// from the holder, since it waits for the disks of a majority.
func scribe(ctx context.Context, claims <-chan claim, put func(term uint64, after state.Outage) error, log *slog.Logger) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case c := <-claims:
			write(ctx, c, put, log)
		}
	}
}

func write(ctx context.Context, c claim, put func(uint64, state.Outage) error, log *slog.Logger) {
	var err error
	for range claimAttempts {
		if err = put(c.term, c.outage); err == nil || ctx.Err() != nil {
			return
		}
		pause(ctx, claimPause)
	}
	log.Warn("ownership is not in the history", "term", c.term, "error", err)
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
