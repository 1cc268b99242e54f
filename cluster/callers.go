package cluster

import (
	"context"
	"sync"
	"time"
)

// callers are the nodes that have asked this one who it is, of late. Whoever asks is there: a
// node that waits for it asks it at once, not at the next time that it asks all.
type callers struct {
	came chan struct{} // a signal

	mu   sync.Mutex
	been map[string]bool // nil while nobody waits for them
}

// begin forgets who has been there: a round of questions begins.
func (c *callers) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.been = make(map[string]bool)
}

// end says that nobody waits any more.
func (c *callers) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.been = nil
}

// note remembers that the named node has asked.
func (c *callers) note(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.been == nil || len(c.been) >= maxServers {
		return
	}
	c.been[name] = true
	signal(c.came)
}

// await waits until one of those that gave no answer has asked itself since the round began,
// for pause at most. Of those that answered nothing is waited for: two nodes that wait for a
// third do not have each other ask for ever.
func (c *callers) await(ctx context.Context, silent map[string]error, pause time.Duration) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	for !c.hasCome(silent) {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			return
		case <-c.came:
		}
	}
}

func (c *callers) hasCome(silent map[string]error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name := range silent {
		if c.been[name] {
			return true
		}
	}
	return false
}
