package daemon

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/perch-vip/perch/cluster"
	"github.com/perch-vip/perch/cluster/state"
)

// overseeEvery is how often the policy of health and priority is asked while nothing
// changes: hold-downs and delays come to their ends. It is asked more often while this
// node is to be left and none can take over, as when their answers are a little late.
const (
	overseeEvery = time.Second
	seekEvery    = 50 * time.Millisecond
)

// A node does not hand over again at once: who takes over and finds that it cannot hold
// gives back, and one that does not take over has cost an outage for nothing.
const (
	longestRetry = 10 * time.Second
	calm         = time.Minute // after which it is as at first
)

// overseer has the VIPs served where they are served best, while this node leads: it
// hands over from a node that is sick, and to a better one. It is the only one that does
// by itself.
type overseer struct {
	look     func() (s succession, leads bool)
	now      func() time.Duration
	delay    func() time.Duration // of preemption
	handOver func(course) error
	darkened func() // dark is another
	log      *slog.Logger
	turned   <-chan struct{} // whether this node leads may be another
	poke     chan struct{}

	dark    atomic.Bool // hold nothing: there is no healthy node
	stuck   bool        // this node is to be left, and no other may take over
	waiting preemption
	retry   time.Duration // from the last hand-over to notYet
	notYet  time.Duration // before this no hand-over is tried again
	said    string        // why the last one came to nothing
}

// wake has the policy asked at once.
func (o *overseer) wake() { offer(o.poke, struct{}{}) }

// run follows the policy until ctx ends.
func (o *overseer) run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-o.poke:
		case <-o.turned:
		case <-timer.C:
		}
		timer.Reset(o.step())
	}
}

// step asks the policy, does what it says, and returns after which time it is to be asked
// again.
func (o *overseer) step() time.Duration {
	var c course
	if s, leads := o.look(); leads {
		c = s.course()
	}
	if o.dark.Swap(c.dark) != c.dark {
		o.darkened()
	}
	o.tell(c)
	switch {
	case c.action == stay && c.reason != "": // it is sick
		return seekEvery
	case !o.due(c):
		return o.until(c)
	}
	err := o.handOver(c)
	o.complain(c, err)
	if errors.Is(err, cluster.ErrNoSuccessor) { // nothing was released for it
		o.notYet = o.now() + seekEvery
		return seekEvery
	}
	o.putOff(o.now())
	return overseeEvery
}

// until returns after which time a course that is not due may be.
func (o *overseer) until(c course) time.Duration {
	if left := o.notYet - o.now(); c.action == leave && left > 0 {
		return min(left, overseeEvery)
	}
	return overseeEvery
}

// complain logs why a hand-over came to nothing, unless that was said of the last one.
func (o *overseer) complain(c course, err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text != "" && text != o.said {
		o.log.Warn("handing over", "reason", c.reason, "error", err)
	}
	o.said = text
}

// tell logs once that this node is to be left and cannot be.
func (o *overseer) tell(c course) {
	stuck := c.action == stay && c.reason != ""
	if stuck && !o.stuck {
		o.log.Warn("no healthy node may take over", "reason", c.reason, "held", !c.dark)
	}
	o.stuck = stuck
}

// putOff puts off the next hand-over, for longer each time.
func (o *overseer) putOff(now time.Duration) {
	if now-o.notYet > calm {
		o.retry = 0
	}
	o.retry = min(max(2*o.retry, moveRetry), longestRetry)
	o.notYet = now + o.retry
}

// due tells whether a course is to be followed now. Preemption waits until the same node
// has been better for long enough.
func (o *overseer) due(c course) bool {
	better := ""
	if c.cause == state.CausePreempt {
		better = c.to[0]
	}
	ready := o.waiting.step(o.now(), better, o.delay())
	return c.action == leave && ready == better && o.now() >= o.notYet
}
