package notify

import (
	"context"
	"errors"
	"time"
)

// settleLimit is how long after an event the kernel may take to be as it says, before
// somebody is told all the same.
const settleLimit = time.Second

// Pauses between looks at the kernel.
const (
	firstLook = time.Millisecond
	lastLook  = 50 * time.Millisecond
)

// errEnded is of what there was no time for at the end of perch.
var errEnded = errors.New("perch has ended before")

// tell tells the target of the event, when the kernel is as that says.
func (o order) tell(ctx context.Context) error {
	if ctx.Err() != nil {
		return errEnded
	}
	o.event.settle(ctx)
	return o.entry.Target.Tell(ctx, o.event)
}

// settle waits until the kernel is as the event says.
func (e Event) settle(ctx context.Context) {
	if e.Settled == nil {
		return
	}
	ctx, cancel := context.WithDeadline(ctx, e.At.Add(settleLimit))
	defer cancel()
	for look := firstLook; ctx.Err() == nil && !e.Settled(); look = min(2*look, lastLook) {
		select {
		case <-ctx.Done():
		case <-time.After(look):
		}
	}
}
