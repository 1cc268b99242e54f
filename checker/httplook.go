package checker

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"time"
)

// httpLook is one look of an httpCheck. It is the transport of its requests.
type httpLook struct {
	check    *httpCheck
	patience time.Duration
	stage    httpStage
	warning  string // about a certificate
}

// httpStage is what a look is waiting for.
type httpStage string

// Stages.
const (
	connecting  httpStage = "connection"
	handshaking httpStage = "TLS handshake"
	asking      httpStage = "answer"
	reading     httpStage = "end of the body"
	judging     httpStage = "verdict on the body"
)

// make makes a request and says what is wrong with the answer.
func (l *httpLook) make(ctx context.Context, r *httpRequest) error {
	answer, err := l.send(r.begin().WithContext(ctx))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if err := r.wanted.judgeHead(answer); err != nil {
		return err
	}
	switch {
	case r.wanted.asksForBody():
		return l.check.shared.withBody(answer, func(body []byte) error {
			l.stage = judging
			return r.wanted.judgeBody(ctx, body)
		})
	case mayHaveBody(answer):
		return readBody(answer, io.Discard, maxDiscard)
	}
	return nil
}

// send returns the head of the answer, of the last one if there are redirects to follow.
func (l *httpLook) send(request *http.Request) (*http.Response, error) {
	if !l.check.redirect {
		return l.RoundTrip(request)
	}
	client := http.Client{Transport: l, CheckRedirect: l.check.checkRedirect}
	return client.Do(request)
}

// RoundTrip makes a request on a connection of its own, which ends with the body of the
// answer.
func (l *httpLook) RoundTrip(request *http.Request) (*http.Response, error) {
	conn, err := l.open(request)
	if err != nil {
		return nil, err
	}
	l.stage = asking
	talk := l.check.shared.talkHTTP1
	if conn.h2 {
		talk = l.check.shared.talkHTTP2
	}
	answer, err := talk(request, conn)
	if err != nil {
		conn.Close()
		return nil, err
	}
	answer.Request = request
	answer.Body = &httpBody{Reader: answer.Body, look: l, conn: conn}
	return answer, nil
}

// httpBody is the body of an answer, with the connection that it comes from.
type httpBody struct {
	io.Reader
	look *httpLook
	conn *httpConn
}

func (b *httpBody) Read(p []byte) (int, error) {
	b.look.stage = reading
	return b.Reader.Read(p)
}

func (b *httpBody) Close() error { return b.conn.Close() }

// open connects to where a request goes to.
func (l *httpLook) open(request *http.Request) (*httpConn, error) {
	if err := request.Context().Err(); err != nil { // while the body of a redirect was read
		return nil, err
	}
	l.stage = connecting
	raw, err := dialUntil(request.Context(), l.check.dialer, l.check.address(request))
	if err != nil {
		return nil, err
	}
	if request.URL.Scheme == "http" {
		return &httpConn{Conn: raw, h2: l.check.protocol == "h2"}, nil
	}
	l.stage = handshaking
	conn, err := l.secure(raw, request)
	if err != nil {
		raw.Close()
		return nil, err
	}
	return conn, nil
}

// secure begins TLS.
func (l *httpLook) secure(raw net.Conn, request *http.Request) (*httpConn, error) {
	conn := tls.Client(raw, l.check.tlsConfig(request))
	if err := conn.Handshake(); err != nil {
		return nil, err
	}
	state := conn.ConnectionState()
	warning, err := l.check.tls.judge(state, time.Now())
	if err != nil {
		return nil, err
	}
	if l.warning == "" {
		l.warning = warning
	}
	h2 := state.NegotiatedProtocol == "h2"
	if l.check.protocol == "h2" && !h2 {
		return nil, errNoHTTP2
	}
	return &httpConn{Conn: conn, h2: h2}, nil
}
