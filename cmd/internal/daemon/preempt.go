package daemon

import "time"

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
