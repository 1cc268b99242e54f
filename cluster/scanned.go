package cluster

import (
	"net"
	"time"

	"github.com/hashicorp/raft"
)

// messageLimit bounds how long a request may take from its first byte to its last.
const messageLimit = 10 * time.Second

// scanning is a raft.StreamLayer whose connections fail on what no node sends.
type scanning struct{ raft.StreamLayer }

// Accept implements net.Listener.
func (s scanning) Accept() (net.Conn, error) {
	conn, err := s.StreamLayer.Accept()
	if err != nil {
		return nil, err
	}
	return &asking{Conn: conn, heard: scanner{requests: true}}, nil
}

// Dial implements raft.StreamLayer.
func (s scanning) Dial(address raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	conn, err := s.StreamLayer.Dial(address, timeout)
	if err != nil {
		return nil, err
	}
	return &answering{Conn: conn}, nil
}

// asking is a connection that requests come over. It may be idle for ever, but not
// within a request.
type asking struct {
	net.Conn
	heard   scanner
	hurried bool // what is under way has to be there in time
}

func (c *asking) Read(p []byte) (int, error) {
	c.hurry()
	n, err := c.Conn.Read(p)
	if bad := c.heard.scan(p[:n]); bad != nil {
		return 0, bad
	}
	return n, err
}

// hurry sets the limit for the rest of a request that has begun, and takes it away at
// its end. It fails only on a connection that is gone.
func (c *asking) hurry() {
	inside := c.heard.inside()
	if inside == c.hurried {
		return
	}
	deadline := time.Time{}
	if inside {
		deadline = time.Now().Add(messageLimit)
	}
	_ = c.SetReadDeadline(deadline)
	c.hurried = inside
}

// answering is a connection that answers come over, for which the library waits so
// long and no longer.
type answering struct {
	net.Conn
	heard scanner
}

func (c *answering) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if bad := c.heard.scan(p[:n]); bad != nil {
		return 0, bad
	}
	return n, err
}
