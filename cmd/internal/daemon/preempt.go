package daemon

import (
	"context"
	"log/slog"
	"time"
)

// preemption decides when the VIPs go back to a better node: when the same one has
// been able to take over for long enough, and not again at once after it did not.
// Times are of any monotonic clock.
type preemption struct {
	node  string        // the better one
	since time.Duration // it has been able to take over
}

// step takes note of the better node at a time, "" being none, and returns the node
// to hand over to, or "".
func (p *preemption) step(now time.Duration, better string, delay time.Duration) (to string) {
	if better != p.node {
		p.node, p.since = better, now
	}
	if better == "" || now-p.since < delay {
		return ""
	}
	p.since = now // if it does not take over it waits anew
	return better
}

// preemptEvery is how often a better node is looked for. A moment in which it is out
// of touch begins its wait anew.
const preemptEvery = 2 * time.Second

// preempting is what the preempter needs of the daemon.
type preempting struct {
	now      func() time.Duration
	enabled  func() (bool, time.Duration) // by the config, and the delay
	better   func() string                // "" unless this node holds the VIPs
	handOver func(to string) error
}

// preempter hands over to a better node until ctx ends.
func preempter(ctx context.Context, d preempting, log *slog.Logger) error {
	var p preemption
	for ctx.Err() == nil {
		pause(ctx, preemptEvery)
		enabled, delay := d.enabled()
		better := ""
		if enabled {
			better = d.better()
		}
		to := p.step(d.now(), better, delay)
		if to == "" {
			continue
		}
		if err := d.handOver(to); err != nil {
			log.Warn("handing over to a node of higher priority", "to", to, "error", err)
		}
	}
	return nil
}
