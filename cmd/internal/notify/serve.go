package notify

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"
)

// ErrLater is of what may go well another time: the Notifier tries it again, unless there is
// newer by then.
var ErrLater = errors.New("may go well later")

// How often and how soon: 70 minutes in all.
const (
	mostAttempts = 12
	firstPause   = 5 * time.Second
	longestPause = 10 * time.Minute
)

// begin has somebody serve each lane in which something waits.
func (n *Notifier) begin(ctx context.Context, ending <-chan struct{}, serving *sync.WaitGroup) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for key, l := range n.lanes {
		if !l.busy {
			l.busy = true
			serving.Go(func() { n.serve(ctx, ending, key) })
		}
	}
}

// serve tells what is in a lane, until nothing waits. What ctx leaves no time for is named.
func (n *Notifier) serve(ctx context.Context, ending <-chan struct{}, key laneKey) {
	for o, some := n.take(key); some; o, some = n.take(key) {
		if o.opens() {
			n.open(o.entry)
			continue
		}
		begin := time.Now()
		err := o.tell(ctx)
		took := time.Since(begin)
		if errors.Is(err, ErrLater) && o.attempts+1 < mostAttempts && !over(ending) && n.knows(o.entry) {
			n.later(ending, key, o, took, err)
			continue
		}
		n.note(key, o, took, err)
		if err != nil {
			n.log.Warn("telling of an event", "target", o.entry.Name, "event", o.event.String(), "error", err)
			continue
		}
		n.log.Info(o.done(), "target", o.entry.Name, "event", o.event.String(), "took", took.Round(time.Millisecond))
	}
}

// knows reports whether the target of an entry is that of one still. Others are not tried again.
func (n *Notifier) knows(e *Entry) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.tallies[e.Key] != nil
}

// take takes the next order of a lane. If there is none, nobody serves it any more.
func (n *Notifier) take(key laneKey) (order, bool) {
	n.mu.Lock()
	o, some := n.lanes[key].take()
	var over []io.Closer
	if !some {
		over = n.retired[key]
		delete(n.lanes, key)
		delete(n.retired, key)
	}
	n.mu.Unlock()
	n.close(over)
	return o, some
}

// later has an order tried again after a pause, in which nothing else of its lane is. Where the
// lane is of one subject alone, newer of it ends the pause.
func (n *Notifier) later(ending <-chan struct{}, key laneKey, o order, took time.Duration, err error) {
	pause, newer, again := n.putBack(key, o, took, err)
	if again {
		n.log.Warn("telling of an event, which is tried again", "target", o.entry.Name, "event", o.event.String(), "in", pause, "error", err)
	} else {
		n.log.Warn("not told, since there is newer", "target", o.entry.Name, "event", o.event.String(), "error", err)
		n.outcome(o.outcome(Dropped, took, err))
	}
	rest(ending, newer, pause)
}

// putBack puts an order back at the head of its lane, unless there is newer on the same.
func (n *Notifier) putBack(key laneKey, o order, took time.Duration, err error) (pause time.Duration, newer <-chan struct{}, again bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	l := n.lanes[key]
	l.failures++
	t := n.tally(o.entry)
	t.fail(err)
	t.Took = took
	if l.overtook {
		t.Void++
	} else {
		t.Retries++
		o.attempts++
		l.putBack(o)
	}
	failures := l.failures
	if key.subject != (Subject{}) { // it is the event that is asked to come later, and not all that are for the target
		newer, failures = l.newer, o.attempts
	}
	return max(pauseAfter(failures), leastPause(err)), newer, !l.overtook
}

// pauseAfter returns how long a lane rests after so many failures.
func pauseAfter(failures int) time.Duration {
	pause := firstPause
	for range failures - 1 {
		pause = min(3*pause, longestPause)
	}
	return pause
}

// rest waits for a pause, or until there is newer or perch is about to end.
func rest(ending, newer <-chan struct{}, pause time.Duration) {
	select {
	case <-ending:
	case <-newer:
	case <-time.After(pause):
	}
}

func over(ending <-chan struct{}) bool {
	select {
	case <-ending:
		return true
	default:
		return false
	}
}
