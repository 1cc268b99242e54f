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

// page is something that is made once for all who ask for it at about the same time.
type page[T any] struct {
	render func(last T) T // is given the last one, if there is one
	log    *slog.Logger

	mu   sync.Mutex
	last *edition[T] // nil before the first
	good T           // the last one that was made
}

// edition is one making of a page.
type edition[T any] struct {
	begun time.Time
	made  chan struct{} // closed when what follows is set, which does not change then
	what  T
	err   error
}

// get returns the page as it is now, or was within the last second.
func (p *page[T]) get(ctx context.Context) (what T, err error) {
	e := p.latest()
	select {
	case <-e.made:
		return e.what, e.err
	case <-ctx.Done():
		return what, errSlow
	}
}

// latest returns an edition that is fresh or being made, and begins one if there is none.
func (p *page[T]) latest() *edition[T] {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e := p.last; e != nil && (!e.isMade() || time.Since(e.begun) < freshFor) {
		return e
	}
	p.last = &edition[T]{begun: time.Now(), made: make(chan struct{})}
	go p.make(p.last, p.good)
	return p.last
}

// make makes an edition. Its panic would end the daemon, and with it what the VIPs need.
func (p *page[T]) make(e *edition[T], last T) {
	defer close(e.made)
	defer func() {
		if r := recover(); r != nil {
			e.err = errBroken
			p.log.Error("making a page", "error", fmt.Sprint(r), "stack", string(debug.Stack()))
		}
	}()
	e.what = p.render(last)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.good = e.what
}

func (e *edition[T]) isMade() bool {
	select {
	case <-e.made:
		return true
	default:
		return false
	}
}

// settle waits for an edition that is being made, until ctx ends.
func (p *page[T]) settle(ctx context.Context) {
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
