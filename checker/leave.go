package checker

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// endLimit is how long what ends with a context may take for it. The kernel keeps whoever
// asks it about a file on a file system that is gone, and would keep this process, too.
const endLimit = 2 * time.Second

// haveEnded waits for all, but no longer than endLimit, and tells whether they have ended.
func haveEnded(all *sync.WaitGroup) bool {
	ended := make(chan struct{})
	go func() {
		all.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return true
	case <-time.After(endLimit):
		return false
	}
}

// leave waits for what Run has started, and logs what it leaves behind.
func (r *Runner) leave(started *sync.WaitGroup) {
	if haveEnded(started) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	names := slices.Sorted(maps.Keys(r.underway))
	r.log.Warn("looks left behind", "checks", len(names), "names", brief(strings.Join(names, ", ")))
}
