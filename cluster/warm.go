package cluster

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// warmRetry lies between two attempts to connect to a peer that is down.
const warmRetry = 200 * time.Millisecond

// warm keeps one idle connection to each peer ready, so that no TLS handshake,
// some milliseconds, falls into an election.
type warm struct {
	dial func(ctx context.Context, peer string) (net.Conn, error)

	mu   sync.Mutex
	idle map[string]*idleConn
}

// idleConn is a connection that nobody uses yet. A reader watches it: it ends
// when the peer closes it, or when it is taken.
type idleConn struct {
	net.Conn
	watched chan error // the reader's end, once
}

func newWarm(dial func(context.Context, string) (net.Conn, error)) *warm {
	return &warm{dial: dial, idle: make(map[string]*idleConn)}
}

// run keeps a connection to peer ready until ctx ends.
func (w *warm) run(ctx context.Context, peer string) {
	for ctx.Err() == nil {
		conn, err := w.dial(ctx, peer)
		if err != nil {
			pause(ctx, warmRetry)
			continue
		}
		c := &idleConn{Conn: conn, watched: make(chan error, 1)}
		w.put(peer, c)
		stop := context.AfterFunc(ctx, func() { c.SetReadDeadline(time.Unix(1, 0)) })
		_, err = c.Read(make([]byte, 1)) // a peer never speaks first
		stop()
		if w.drop(peer, c) {
			c.Close()
		}
		c.watched <- err
	}
}

func (w *warm) put(peer string, c *idleConn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.idle[peer] = c
}

// drop forgets c and tells whether it was still there, not taken.
func (w *warm) drop(peer string, c *idleConn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.idle[peer] != c {
		return false
	}
	delete(w.idle, peer)
	return true
}

// take returns the ready connection to peer, or nil.
func (w *warm) take(peer string) net.Conn {
	w.mu.Lock()
	c := w.idle[peer]
	delete(w.idle, peer)
	w.mu.Unlock()
	if c == nil {
		return nil
	}
	c.SetReadDeadline(time.Unix(1, 0)) // ends the watching
	if err := <-c.watched; !errors.Is(err, os.ErrDeadlineExceeded) {
		c.Close() // the peer had closed it
		return nil
	}
	c.SetReadDeadline(time.Time{})
	return c.Conn
}
