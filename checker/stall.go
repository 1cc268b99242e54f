package checker

import "time"

// A process that stands still, such as one that is stopped, in a virtual machine that is,
// or without a processor, has not looked: an answer may have come and nobody was there to
// take it. A look that is not well after more than a second of that is no bad one.
const (
	// stallBeat is how often at least a Runner wakes while looks are under way.
	stallBeat = 500 * time.Millisecond
	// stallLimit is how late it may be.
	stallLimit = 500 * time.Millisecond
)

// noteStall notices that Run should have been awake long ago. Whatever comes first after
// that notices it, which may be a look that returns.
func (r *Runner) noteStall(now time.Duration) {
	late := now - r.next
	if r.next == 0 || late <= stallLimit || len(r.underway) == 0 {
		return
	}
	if r.stalled <= r.next {
		r.log.Warn("this process stood still, looks under way do not count", "for", late, "looks", len(r.underway))
	}
	r.stalled = now
}
