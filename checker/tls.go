package checker

import (
	"context"
	"net"
)

// handshakeCheck is kind "tls". A server that asks for a client certificate tells whether
// it is content only after a handshake of TLS 1.3, so this is not looked at.
type handshakeCheck struct{ stream *stream }

func newHandshake(h *Host, s Spec) (Checker, error) {
	s.TLS.Enabled = true
	stream, err := newStream(h, s, "")
	if err != nil {
		return nil, err
	}
	return &handshakeCheck{stream: stream}, nil
}

// Check connects and makes the handshake.
func (c *handshakeCheck) Check(ctx context.Context) (Finding, error) {
	patience := patience(ctx)
	warning, err := c.stream.visit(ctx, func(net.Conn) error { return nil })
	return Finding{Warning: warning}, explainWithin(err, patience)
}
