package checker

import (
	"context"
	"crypto/tls"
	"net"
	"time"
)

// handshakeCheck is kind "tls". A server that asks for a client certificate tells whether
// it is content only after a handshake of TLS 1.3, so this is not looked at.
type handshakeCheck struct {
	dialer  *net.Dialer
	address string
	tls     *tlsClient
}

func newHandshake(h *Host, s Spec) (Checker, error) {
	host, address, err := endpoint(s, "")
	if err != nil {
		return nil, err
	}
	client, err := h.newTLS(s.TLS, host)
	if err != nil {
		return nil, err
	}
	return &handshakeCheck{dialer: dialer(s.Network), address: address, tls: client}, nil
}

// Check connects and makes the handshake.
func (c *handshakeCheck) Check(ctx context.Context) (Finding, error) {
	within := patience(ctx)
	warning, err := c.look(ctx)
	if err == nil {
		return Finding{Warning: warning}, nil
	}
	if ctx.Err() != nil {
		return Finding{}, explainWithin(ctx.Err(), within)
	}
	return Finding{}, explainTLS(err, time.Now())
}

func (c *handshakeCheck) look(ctx context.Context) (warning string, err error) {
	raw, err := dialUntil(ctx, c.dialer, c.address)
	if err != nil {
		return "", err
	}
	conn := tls.Client(raw, c.tls.config())
	defer conn.Close()
	if err := conn.Handshake(); err != nil {
		return "", err
	}
	return c.tls.judge(conn.ConnectionState(), time.Now())
}
