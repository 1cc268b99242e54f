package cluster

import (
	"context"
	"errors"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// warmConns is how many connections are kept ready for each peer: a new leader
	// sends a heartbeat and log entries at once, beside the vote it has just asked for.
	warmConns = 3
	// warmPause lies before a connection is replaced: whoever takes one is in an
	// election, and a handshake takes processor time from it. It also lies between
	// two attempts to reach a peer that is down, or turns this node away.
	warmPause = 500 * time.Millisecond
)

// warm keeps idle connections to each peer ready, so that no TLS handshake, some
// milliseconds, falls into an election.
type warm struct {
	dial   func(ctx context.Context, peer string) (net.Conn, error)
	missed atomic.Uint64 // how often a connection was wanted and none was ready

	mu   sync.Mutex
	idle map[string][]*idleConn
	came map[string]chan struct{} // closed when the peer has come to this node
}

// idleConn is a connection that nobody uses yet. A reader watches it: it ends
// when the peer closes it, or when it is taken.
type idleConn struct {
	net.Conn
	watched chan error // the reader's end, once
}

func newWarm(dial func(context.Context, string) (net.Conn, error)) *warm {
	return &warm{dial: dial, idle: make(map[string][]*idleConn), came: make(map[string]chan struct{})}
}

// arrived has those try at once who wait to reach a peer anew: it has connected to this
// node, and so it is there. It may be that it has just been started again, and that the next
// election is soon.
func (w *warm) arrived(peer string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if came := w.came[peer]; came != nil {
		close(came)
		delete(w.came, peer)
	}
}

// arrival returns what is closed when peer comes to this node next.
func (w *warm) arrival(peer string) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.came[peer] == nil {
		w.came[peer] = make(chan struct{})
	}
	return w.came[peer]
}

// rosterEvery is how often it is looked which peers there are.
const rosterEvery = 5 * time.Second

// follow keeps connections to all peers that names returns at the time, until ctx ends.
func (w *warm) follow(ctx context.Context, names func() []string) {
	var running sync.WaitGroup
	defer running.Wait()
	stops := make(map[string]context.CancelFunc)
	for ctx.Err() == nil {
		now := names()
		for peer, stop := range stops {
			if !slices.Contains(now, peer) {
				stop()
				delete(stops, peer)
			}
		}
		for _, peer := range now {
			if stops[peer] != nil {
				continue
			}
			peering, stop := context.WithCancel(ctx)
			stops[peer] = stop
			for range warmConns {
				running.Go(func() { w.run(peering, peer) })
			}
		}
		pause(ctx, rosterEvery)
	}
	for _, stop := range stops {
		stop()
	}
}

// run keeps one connection to peer ready until ctx ends.
func (w *warm) run(ctx context.Context, peer string) {
	var h haste
	for ctx.Err() == nil {
		arrival := w.arrival(peer)
		conn, err := w.dial(ctx, peer)
		if err != nil {
			h.pause(ctx, arrival)
			continue
		}
		c := &idleConn{Conn: conn, watched: make(chan error, 1)}
		w.put(peer, c)
		stop := context.AfterFunc(ctx, func() { c.SetReadDeadline(time.Unix(1, 0)) })
		_, err = c.Read(make([]byte, 1)) // a peer never speaks first
		stop()
		c.watched <- err
		if w.drop(peer, c) { // not taken: the peer has closed it, or ctx has ended
			c.Close()
			h.pause(ctx, w.arrival(peer))
			continue
		}
		pause(ctx, warmPause)
	}
}

// haste lets every other pause end early, no more: of two nodes that close each other's
// connections each is an arrival to the other.
type haste struct{ spent bool }

// pause lasts warmPause, or until early if the one before has lasted.
func (h *haste) pause(ctx context.Context, early <-chan struct{}) {
	if h.spent {
		early = nil
	}
	h.spent = false
	ctx, cancel := context.WithTimeout(ctx, warmPause)
	defer cancel()
	select {
	case <-ctx.Done():
	case <-early:
		h.spent = true
	}
}

func (w *warm) put(peer string, c *idleConn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.idle[peer] = append(w.idle[peer], c)
}

// drop forgets c and tells whether it was still there, not taken.
func (w *warm) drop(peer string, c *idleConn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := slices.Index(w.idle[peer], c)
	if i < 0 {
		return false
	}
	w.idle[peer] = slices.Delete(w.idle[peer], i, i+1)
	return true
}

// take returns a ready connection to peer, or nil.
func (w *warm) take(peer string) net.Conn {
	for {
		c := w.pop(peer)
		if c == nil {
			w.missed.Add(1)
			return nil
		}
		if conn := c.release(); conn != nil {
			return conn
		}
	}
}

func (w *warm) pop(peer string) *idleConn {
	w.mu.Lock()
	defer w.mu.Unlock()
	idle := w.idle[peer]
	if len(idle) == 0 {
		return nil
	}
	w.idle[peer] = idle[:len(idle)-1]
	return idle[len(idle)-1]
}

// release ends the watching of c and returns the connection, or nil when the peer
// had closed it.
func (c *idleConn) release() net.Conn {
	c.SetReadDeadline(time.Unix(1, 0))
	if err := <-c.watched; !errors.Is(err, os.ErrDeadlineExceeded) {
		c.Close()
		return nil
	}
	c.SetReadDeadline(time.Time{})
	return c.Conn
}
