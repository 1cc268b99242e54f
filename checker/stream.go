package checker

import (
	"context"
	"crypto/tls"
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// stream is where TCP connections go to, with TLS or without.
type stream struct {
	dialer  *net.Dialer
	address string
	tls     *tlsClient // nil without
}

// newStream returns the stream to a spec's target, whose port is fallback if it has none.
func newStream(h *Host, s Spec, fallback string) (*stream, error) {
	host, address, err := endpoint(s, fallback)
	if err != nil {
		return nil, err
	}
	made := &stream{dialer: dialer(s.Network), address: address}
	if s.TLS.Enabled {
		made.tls, err = h.newTLS(s.TLS, host)
	}
	return made, err
}

// visit connects, has talk talk, and hangs up. The connection ends with ctx, whatever
// talk does. The warning is about the certificate.
func (s *stream) visit(ctx context.Context, talk func(net.Conn) error) (warning string, err error) {
	raw, err := s.dialer.DialContext(ctx, "tcp", s.address)
	if err != nil {
		return "", err
	}
	defer hangUp(raw)
	defer context.AfterFunc(ctx, func() { raw.Close() })()
	if s.tls == nil {
		return "", talk(raw)
	}
	conn, warning, err := secure(ctx, raw, s.tls)
	if err != nil {
		return "", err
	}
	if err := talk(conn); err != nil {
		return "", err
	}
	farewell(conn)
	return warning, nil
}

// secure begins TLS on a connection and judges the other side's certificate.
func secure(ctx context.Context, raw net.Conn, client *tlsClient) (conn *tls.Conn, warning string, err error) {
	conn = tls.Client(raw, client.config())
	now := time.Now()
	if err := conn.HandshakeContext(ctx); err != nil {
		if text := tlsReason(err, now); text != "" {
			return nil, "", because("%s", text)
		}
		return nil, "", err
	}
	warning, err = client.judge(conn.ConnectionState(), now)
	return conn, warning, err
}

// farewell ends TLS. That the other side has gone before is no failure.
func farewell(conn *tls.Conn) { conn.CloseWrite() }

// hangUp closes a connection. What came and was not read would make it a reset.
func hangUp(raw net.Conn) {
	drain(raw)
	raw.Close()
}

// drain reads what has come, without waiting for more.
func drain(raw net.Conn) {
	conn, ok := raw.(syscall.Conn)
	if !ok {
		return
	}
	if socket, err := conn.SyscallConn(); err == nil {
		socket.Control(func(fd uintptr) { drainSocket(int(fd)) })
	}
}

func drainSocket(fd int) {
	var scrap [4096]byte
	for range maxAnswer / len(scrap) {
		if n, _, err := unix.Recvfrom(fd, scrap[:], unix.MSG_DONTWAIT); err != nil || n == 0 {
			return
		}
	}
}
