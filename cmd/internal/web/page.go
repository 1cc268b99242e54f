package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"
)

// freshFor is for how long a page is shown to whoever asks, from when it was begun.
const freshFor = time.Second

// Why there is no page.
var (
	errSlow   = errors.New("what is to be told has not been found out yet")
	errBroken = errors.New("the answer could not be made, the log says why")
)

// page is a text that is made once for all who ask for it at about the same time.
type page struct {
	render func([]byte) []byte
	log    *slog.Logger

	mu   sync.Mutex
	last *edition // nil before the first
	size int      // of the last one that was made
}

// edition is one making of a page.
type edition struct {
	begun time.Time
	made  chan struct{} // closed when what follows is set, which does not change then
	text  []byte
	err   error
}

// get returns the page as it is now, or was within the last second.
func (p *page) get(ctx context.Context) ([]byte, error) {
	e := p.latest()
	select {
	case <-e.made:
		return e.text, e.err
	case <-ctx.Done():
		return nil, errSlow
	}
}

// latest returns an edition that is fresh or being made, and begins one if there is none.
func (p *page) latest() *edition {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e := p.last; e != nil && (!e.isMade() || time.Since(e.begun) < freshFor) {
		return e
	}
	p.last = &edition{begun: time.Now(), made: make(chan struct{})}
	go p.make(p.last, p.size+p.size/8)
	return p.last
}

// make makes an edition. Its panic would end the daemon, and with it what the VIPs need.
func (p *page) make(e *edition, size int) {
	defer close(e.made)
	defer func() {
		if r := recover(); r != nil {
			e.err = errBroken
			p.log.Error("page", "error", fmt.Sprint(r), "stack", string(debug.Stack()))
		}
	}()
	e.text = p.render(make([]byte, 0, size))
	p.mu.Lock()
	defer p.mu.Unlock()
	p.size = len(e.text)
}

func (e *edition) isMade() bool {
	select {
	case <-e.made:
		return true
	default:
		return false
	}
}

// settle waits for an edition that is being made, until ctx ends.
func (p *page) settle(ctx context.Context) {
	p.mu.Lock()
	e := p.last
	p.mu.Unlock()
	if e == nil {
		return
	}
	select {
	case <-e.made:
	case <-ctx.Done():
	}
}
