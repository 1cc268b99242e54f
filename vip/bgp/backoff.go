package bgp

import "time"

// The pauses before bgpd is tried again.
const (
	firstPause   = 100 * time.Millisecond
	longestPause = 3 * time.Second
)

// backoff is how long to wait after failures in a row. The zero value has seen none.
type backoff time.Duration

// failed returns the pause after one more failure.
func (b *backoff) failed() time.Duration {
	*b = backoff(min(max(2*time.Duration(*b), firstPause), longestPause))
	return time.Duration(*b)
}

// succeeded forgets all failures.
func (b *backoff) succeeded() { *b = 0 }
