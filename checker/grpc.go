package checker

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// grpcCheck asks a server that has the service grpc.health.v1.Health whether it serves:
// one request of HTTP/2, whose body is one message, as is that of the answer
// (github.com/grpc/grpc, doc/PROTOCOL-HTTP2.md and doc/health-checking.md).
type grpcCheck struct {
	http    *httpShared
	stream  *stream
	url     *url.URL
	host    string // the authority
	message []byte
}

const (
	grpcMethod     = "/grpc.health.v1.Health/Check"
	maxGRPCService = 64 << 10 // in bytes
)

func newGRPC(h *Host, s Spec) (Checker, error) {
	if len(s.GRPC.Service) > maxGRPCService {
		return nil, fmt.Errorf("service: must have at most %d bytes", maxGRPCService)
	}
	stream, err := newStream(h, s, "")
	if err != nil {
		return nil, err
	}
	where := &url.URL{Scheme: "http", Host: stream.address, Path: grpcMethod}
	if stream.tls != nil {
		stream.tls = stream.tls.speaking("h2")
		where.Scheme = "https"
	}
	// A proxy refuses what is for another host than the server name (RFC 9110, section 15.5.20).
	host := cmp.Or(bracketed(s.TLS.ServerName), stream.address)
	return &grpcCheck{http: &h.http, stream: stream, url: where, host: host, message: healthRequest(s.GRPC.Service)}, nil
}

// Check implements Checker.
func (c *grpcCheck) Check(ctx context.Context) (Finding, error) {
	patience := patience(ctx)
	warning, err := c.stream.visit(ctx, func(conn net.Conn) error { return c.ask(ctx, conn) })
	if err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	return Finding{Warning: warning}, explainGRPC(err, patience)
}

// explainGRPC is explainWithin for what can go wrong with HTTP/2 as well.
func explainGRPC(err error, patience time.Duration) error {
	if err == nil {
		return nil
	}
	err = explainWithin(err, patience)
	text := strings.TrimPrefix(err.Error(), "http2: ")
	if strings.Contains(text, "looked like an HTTP/1.1 header") {
		return because("server does not speak h2")
	}
	if strings.HasPrefix(text, "client conn ") {
		return because("server gave up HTTP/2 before it was asked")
	}
	if broken, ok := strings.CutPrefix(text, "connection error: "); ok {
		return because("server breaks the rules of HTTP/2: %s", broken)
	}
	return because("%s", text)
}

func (c *grpcCheck) ask(ctx context.Context, raw net.Conn) error {
	if secured, ok := raw.(*tls.Conn); ok && secured.ConnectionState().NegotiatedProtocol != "h2" {
		return because("server does not speak h2 over TLS")
	}
	conn := &httpConn{Conn: raw, h2: true}
	defer conn.Close()
	answer, err := c.http.talkHTTP2(c.request(ctx), conn)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	return judgeGRPC(answer)
}

func (c *grpcCheck) request(ctx context.Context) *http.Request {
	request := &http.Request{
		Method: http.MethodPost, URL: c.url, Host: c.host,
		Header: http.Header{
			"Content-Type": {"application/grpc"},
			"Te":           {"trailers"},
			"User-Agent":   {"perch"},
		},
		Body:          io.NopCloser(bytes.NewReader(c.message)),
		ContentLength: int64(len(c.message)),
	}
	return request.WithContext(ctx)
}

// judgeGRPC looks at an answer, with its trailers.
func judgeGRPC(answer *http.Response) error {
	if code := answer.Header.Get("Grpc-Status"); code != "" {
		// There are no more than these headers.
		return grpcStatus(code, answer.Header.Get("Grpc-Message"), nil)
	}
	kind := answer.Header.Get("Content-Type")
	switch {
	case answer.StatusCode != http.StatusOK:
		return because("HTTP status %d, wanted 200", answer.StatusCode)
	case !strings.HasPrefix(kind, "application/grpc"):
		return because("content type %s, wanted application/grpc", quote(kind))
	}
	message, err := readGRPC(answer.Body)
	if err != nil {
		return err
	}
	return grpcStatus(answer.Trailer.Get("Grpc-Status"), answer.Trailer.Get("Grpc-Message"), message)
}
