package vrrpnet

import (
	"errors"
	"sync"
)

// ErrStopped is returned when an engine has ended.
var ErrStopped = errors.New("engine has stopped")

// commands are what others want the loop to do.
type commands struct {
	mu      sync.Mutex
	waiting []func()
	poller  *poller // nil while Run is not there
	ended   chan struct{}
}

func newCommands() *commands { return &commands{ended: make(chan struct{})} }

// post has the loop call f.
func (c *commands) post(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = append(c.waiting, f)
	if c.poller != nil {
		c.poller.poke()
	}
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
	case <-done: // the last thing that it did
		return nil
	default:
		return ErrStopped
	}
}

// begin has the loop be poked from now on.
func (c *commands) begin(p *poller) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.poller = p
	p.poke()
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
	c.poller = nil
	close(c.ended)
}
