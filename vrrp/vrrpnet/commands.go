package vrrpnet

import (
	"errors"
	"sync"
	"sync/atomic"
)

// ErrStopped is returned when an engine has ended.
var ErrStopped = errors.New("engine of virtual routers has stopped")

// commands are what others want the loop to do.
type commands struct {
	poller   *poller
	begun    atomic.Bool
	stopping atomic.Bool
	ended    chan struct{}

	mu      sync.Mutex
	waiting []func()
	over    bool // the loop has ended, and with it maybe the poller
}

func newCommands(p *poller) *commands { return &commands{poller: p, ended: make(chan struct{})} }

// post has the loop call f.
func (c *commands) post(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return
	}
	c.waiting = append(c.waiting, f)
	c.poller.poke()
}

// call has the loop call f, and waits until it has done so.
func (c *commands) call(f func()) error {
	done := make(chan struct{})
	c.post(func() { f(); close(done) })
	select {
	case <-done:
		return nil
	case <-c.ended:
	}
	select {
	case <-done: // it was the last thing that the loop did
		return nil
	default:
		return ErrStopped
	}
}

// stop ends the loop.
func (c *commands) stop() {
	c.stopping.Store(true)
	c.post(func() {})
}

// run calls what waits, on the loop.
func (c *commands) run() {
	c.mu.Lock()
	all := c.waiting
	c.waiting = nil
	c.mu.Unlock()
	for _, f := range all {
		f()
	}
}

// end lets those go who wait.
func (c *commands) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.over {
		c.over = true
		close(c.ended)
	}
}
