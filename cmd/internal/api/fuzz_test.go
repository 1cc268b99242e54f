package api

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// FuzzServe sends any bytes to the peer API, on a connection as the cluster port hands
// it over: what the backend was asked for was a whole request, and the next client is
// answered.
func FuzzServe(f *testing.F) {
	for _, said := range []string{
		"GET /v1/node HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST /v1/drain HTTP/1.1\r\nHost: a\r\nContent-Length: 14\r\n\r\n{\"node\":\"lb2\"}",
		"POST /v1/transfer HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n{}",
		"POST /v1/undrain HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775807\r\n\r\n{",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET //v1/%00 HTTP/1.1\r\n\r\n", "\x16\x03\x01", "\x00",
	} {
		f.Add([]byte(said))
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		backend := &fakeBackend{report: NodeReport{Node: "lb1"}}
		ctx, cancel := context.WithCancel(t.Context())
		ln, served := newPipeListener(), make(chan error, 1)
		go func() { served <- Serve(ctx, ln, PeerHandler(backend), quiet) }()
		conn, err := ln.dial(ctx)
		if err != nil {
			t.Fatal(err)
		}
		answered := make(chan struct{})
		go func() { defer close(answered); _, _ = io.Copy(io.Discard, conn) }()
		_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
		_, _ = conn.Write(said) // fails where the server has hung up
		_ = conn.Close()
		<-answered
		c := NewPeerClient(func(ctx context.Context, _ string) (net.Conn, error) { return ln.dial(ctx) })
		if n, err := c.Report(t.Context(), "lb1"); err != nil || n.Node != "lb1" {
			t.Errorf("then: %+v, %v", n, err)
		}
		c.CloseIdleConnections()
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

// peerThatSays returns a client of a peer that answers each request so, and hangs up.
func peerThatSays(says string) *PeerClient {
	return NewPeerClient(func(context.Context, string) (net.Conn, error) {
		near, far := net.Pipe()
		go func() {
			defer far.Close()
			if _, err := http.ReadRequest(bufio.NewReader(far)); err == nil {
				_, _ = io.WriteString(far, says)
			}
		}()
		return near, nil
	})
}

// FuzzReport asks a peer that answers any bytes.
func FuzzReport(f *testing.F) {
	for _, says := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{\"node\":\"lb2\"}",
		"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n{",
		"HTTP/1.1 500 No\r\nContent-Length: 19\r\n\r\n{\"errors\":[\"a\",\"b\"]}",
		"HTTP/1.1 302 Found\r\nLocation: http://elsewhere/\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "\xff",
		"HTTP/1.1 200 OK\r\n\r\n{\"vips\":[{},null,{\"since\":\"x\"}]}",
	} {
		f.Add([]byte(says))
	}
	f.Fuzz(func(t *testing.T, says []byte) {
		c := peerThatSays(string(says))
		defer c.CloseIdleConnections()
		_, err := c.Report(t.Context(), "lb2")
		if refused, ok := errors.AsType[*AnswerError](err); ok && (refused.Code == http.StatusOK || len(refused.Lines) == 0) {
			t.Errorf("%q is refused with %+v", says, refused)
		}
	})
}

// An answer that would take far more room in memory than its own size is refused.
func TestAnswersOfManyElementsAreRefused(t *testing.T) {
	for count, fine := range map[int]bool{5000: true, maxPeerElements + 2: false} {
		body := `{"vips":[` + strings.Repeat("{},", count-1) + "{}]}"
		c := peerThatSays("HTTP/1.1 200 OK\r\n\r\n" + body)
		n, err := c.Report(t.Context(), "lb2")
		if (err == nil) != fine || fine && len(n.VIPs) != count {
			t.Errorf("%d VIPs: %d, %v", count, len(n.VIPs), err)
		}
		c.CloseIdleConnections()
	}
}
