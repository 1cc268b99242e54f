package checker

import (
	"context"
	"net"
	"time"
)

// tcpCheck connects, and may send something and look at what comes. Where it talks, its
// connections end in order, so that the server does not log a reset.
type tcpCheck struct {
	stream *stream
	tcp    TCP
}

func newTCP(h *Host, s Spec) (Checker, error) {
	if err := s.TCP.Expect.valid(); err != nil {
		return nil, err
	}
	stream, err := newStream(h, s, "")
	if err != nil {
		return nil, err
	}
	return &tcpCheck{stream: stream, tcp: s.TCP}, nil
}

// Check implements Checker.
func (c *tcpCheck) Check(ctx context.Context) (Finding, error) {
	patience := patience(ctx)
	warning, err := c.stream.visit(ctx, func(conn net.Conn) error {
		if c.isSilent() {
			resetAtClose(conn)
			return nil
		}
		return c.talk(conn, patience)
	})
	return Finding{Warning: warning}, explainWithin(err, patience)
}

// isSilent tells whether nothing is said on a connection that is there.
func (c *tcpCheck) isSilent() bool {
	return c.stream.tls == nil && len(c.tcp.Send) == 0 && c.tcp.Expect.none()
}

func (c *tcpCheck) talk(conn net.Conn, patience time.Duration) error {
	if err := send(conn, c.tcp.Send); err != nil || c.tcp.Expect.none() {
		return err
	}
	return c.tcp.Expect.await(conn, patience)
}

// send writes data, if there is any.
func send(conn net.Conn, data []byte) error {
	if len(data) == 0 {
		return nil
	}
	_, err := conn.Write(data)
	return err
}
