package checker

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
)

// talkHTTP2 is talkHTTP1 for HTTP/2, over TLS or not.
func (s *httpShared) talkHTTP2(request *http.Request, conn *httpConn) (*http.Response, error) {
	s.once.Do(func() { s.http2 = newHTTP2() })
	noted := &http2Conn{Conn: conn.Conn}
	ctx := context.WithValue(request.Context(), connKey{}, noted)
	// That TLS is there already is no matter to the transport.
	client, err := s.http2.NewClientConn(ctx, "http", "unused:80")
	if err != nil {
		return nil, noted.why(err)
	}
	conn.done = func() { client.Close() }
	answer, err := client.RoundTrip(request)
	if err != nil {
		return nil, noted.why(err)
	}
	return answer, nil
}

// isLost tells whether an error is about a connection that is no more, but not why.
func isLost(err error) bool { return strings.Contains(err.Error(), "http2: client conn") }

// connKey is for the connection that a transport is to use.
type connKey struct{}

// newHTTP2 returns a transport for connections that are there.
func newHTTP2() *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	protocols.SetHTTP2(true)
	return &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return ctx.Value(connKey{}).(*http2Conn), nil
		},
		Protocols:              protocols,
		DisableCompression:     true,
		DisableKeepAlives:      true,
		MaxResponseHeaderBytes: maxHead,
		HTTP2:                  &http.HTTP2Config{MaxReceiveBufferPerConnection: 64 << 10, MaxReceiveBufferPerStream: 64 << 10},
	}
}

// http2Conn is a connection that remembers why nothing comes from it any more: whoever
// uses it may forget.
type http2Conn struct {
	net.Conn
	begun  bool
	end    atomic.Pointer[error]
	broken atomic.Bool // nothing can be written any more
}

// Read is used by one goroutine.
func (c *http2Conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if !c.begun && bytes.HasPrefix(p[:n], []byte("HTTP/")) {
		n, err = 0, errNoHTTP2
	}
	c.begun = true
	if err != nil {
		c.end.CompareAndSwap(nil, &err)
	}
	return n, err
}

func (c *http2Conn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if err != nil {
		c.broken.Store(true)
	}
	return n, err
}

// Close hears first what the other side has said before it broke the connection, which may
// be why: a TLS alert.
func (c *http2Conn) Close() error {
	if _, secured := c.Conn.(*tls.Conn); secured && c.broken.Load() {
		_, err := io.Copy(io.Discard, c.Conn)
		err = cmp.Or(err, io.EOF)
		c.end.CompareAndSwap(nil, &err)
	}
	return c.Conn.Close()
}

// why returns why a request went wrong: if it did as the connection was lost, that.
func (c *http2Conn) why(err error) error {
	_ = c.Close()
	end := c.end.Load()
	if end != nil && (isLost(err) || c.broken.Load() && !errors.Is(*end, net.ErrClosed)) {
		return *end
	}
	return err
}

// errNoHTTP2 tells of a server that was asked in HTTP/2 and answered otherwise.
var errNoHTTP2 = because("server does not speak h2")
