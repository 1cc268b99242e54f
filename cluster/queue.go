package cluster

import (
	"net"
	"sync"
)

// queue is a net.Listener whose connections are put in by the cluster port.
type queue struct {
	addr  net.Addr
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func newQueue(addr net.Addr) *queue {
	return &queue{addr: addr, conns: make(chan net.Conn), done: make(chan struct{})}
}

// put hands over conn, or closes it when nobody listens any more, or when it is gone.
func (q *queue) put(conn net.Conn, gone <-chan struct{}) {
	select {
	case q.conns <- conn:
	case <-gone:
		conn.Close()
	case <-q.done:
		conn.Close()
	}
}

// Accept implements net.Listener.
func (q *queue) Accept() (net.Conn, error) {
	select {
	case conn := <-q.conns:
		return conn, nil
	case <-q.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (q *queue) Close() error {
	q.once.Do(func() { close(q.done) })
	return nil
}

// Addr implements net.Listener.
func (q *queue) Addr() net.Addr { return q.addr }
