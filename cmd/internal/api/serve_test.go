package api

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = slog.New(slog.DiscardHandler)

// pipeListener accepts what its dial makes: connections in virtual time.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

func (l *pipeListener) dial(ctx context.Context) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case l.conns <- far:
		return near, nil
	case <-l.closed:
		return nil, errors.New("closed")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// servePipe runs a server until stop is called, which returns what Serve did.
func servePipe(t *testing.T, h http.Handler) (ln *pipeListener, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ln = newPipeListener()
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, ln, h, quiet) }()
	return ln, func() error { cancel(); return <-done }
}

func TestServeWaitsForASlowAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		backend := &fakeBackend{transfer: TransferResult{To: "lb2"}, hang: func(ctx context.Context) {
			select {
			case <-ctx.Done():
				t.Errorf("the request's context ended: %v", context.Cause(ctx))
			case <-time.After(50 * time.Second):
			}
		}}
		ln, stop := servePipe(t, PeerHandler(backend))
		c := NewPeerClient(func(ctx context.Context, _ string) (net.Conn, error) { return ln.dial(ctx) })
		res, err := c.Transfer(t.Context(), "lb1", "lb2")
		if err != nil || res.To != "lb2" {
			t.Errorf("Transfer = %+v, %v", res, err)
		}
		if err := stop(); err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
}

// A client that sends slowly or nothing is let go.
func TestServeDropsSlowClients(t *testing.T) {
	tests := []struct {
		name, send string
		within     time.Duration
	}{
		{"nothing", "", headerTimeout},
		{"half a header", "GET /v1/status HTTP/1.1\r\nHost: a\r\n", headerTimeout},
		{"half a body", "POST /v1/drain HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n{\"node\"", readTimeout},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ln, stop := servePipe(t, ControlHandler(&fakeBackend{}))
				conn, err := ln.dial(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				start := time.Now()
				if _, err := io.WriteString(conn, tt.send); err != nil {
					t.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, conn)
				if took := time.Since(start); took > tt.within+time.Second {
					t.Errorf("let go after %v, want %v", took, tt.within)
				}
				_ = conn.Close()
				if err := stop(); err != nil {
					t.Errorf("Serve: %v", err)
				}
			})
		})
	}
}

func TestServeRefusesALargeHeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		backend := &fakeBackend{}
		ln, stop := servePipe(t, ControlHandler(backend))
		conn, err := ln.dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			_, _ = io.WriteString(conn, "GET /v1/status HTTP/1.1\r\nHost: a\r\nX: "+strings.Repeat("x", 64<<10)+"\r\n\r\n")
		}()
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge || len(backend.calls()) != 0 {
			t.Errorf("a header of 64 KiB is answered with %s", resp.Status)
		}
		_ = conn.Close()
		if err := stop(); err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
}

func TestServeEndsWithItsContext(t *testing.T) {
	tests := []struct {
		name string
		hang func(ctx context.Context)
		want time.Duration
	}{
		{"polite backend", func(ctx context.Context) { <-ctx.Done() }, 0},
		{"stubborn backend", func(context.Context) { time.Sleep(30 * time.Second) }, shutdownGrace},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ln, stop := servePipe(t, PeerHandler(&fakeBackend{hang: tt.hang}))
				c := NewPeerClient(func(ctx context.Context, _ string) (net.Conn, error) { return ln.dial(ctx) })
				defer c.CloseIdleConnections()
				go func() { _, _ = c.Report(t.Context(), "lb1") }()
				synctest.Wait()
				start := time.Now()
				if err := stop(); err != nil {
					t.Errorf("Serve: %v", err)
				}
				if took := time.Since(start); took > tt.want+100*time.Millisecond {
					t.Errorf("Serve ended after %v, want %v", took, tt.want)
				}
				time.Sleep(time.Minute) // the stubborn backend's own end
			})
		})
	}
}

func TestServeReportsAFailedListener(t *testing.T) {
	ln := newPipeListener()
	_ = ln.Close()
	err := Serve(t.Context(), ln, ControlHandler(&fakeBackend{}), quiet)
	if !errors.Is(err, net.ErrClosed) {
		t.Errorf("Serve = %v, want %v", err, net.ErrClosed)
	}
}

// The listener of the peer API is closed by the cluster, which may hear of the end first.
func TestServeOfAListenerThatIsClosedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, end := context.WithCancel(t.Context())
		ln := silentListener{closed: make(chan struct{})}
		served := make(chan error, 1)
		go func() { served <- Run(ctx, &http.Server{}, ln) }()
		synctest.Wait()
		close(ln.closed)
		time.Sleep(time.Millisecond)
		end()
		if err := <-served; err != nil {
			t.Errorf("serve returned %v", err)
		}
	})
}

// Who waits for the end of a context may wake before what was to be called then.
func TestServeOfAListenerThatIsClosedFirstByAMoment(t *testing.T) {
	ctx, end := context.WithCancel(t.Context())
	defer end()
	ln := newPipeListener()
	_ = ln.Close()
	if err := Run(lateContext{ctx}, &http.Server{}, endingListener{ln, end}); err != nil {
		t.Errorf("Serve: %v", err)
	}
}

// endingListener ends a context when it is asked for a connection.
type endingListener struct {
	net.Listener
	end context.CancelFunc
}

func (l endingListener) Accept() (net.Conn, error) {
	l.end()
	return l.Listener.Accept()
}

// lateContext is a context that calls too late what is to be called at its end.
type lateContext struct{ context.Context }

func (lateContext) AfterFunc(func()) (stop func() bool) { return func() bool { return true } }

// Value hides that there is another context in it, which would call in time.
func (lateContext) Value(any) any { return nil }

// silentListener is a listener to which nobody connects.
type silentListener struct{ closed chan struct{} }

func (l silentListener) Accept() (net.Conn, error) {
	<-l.closed
	return nil, net.ErrClosed
}

func (l silentListener) Close() error   { return nil }
func (l silentListener) Addr() net.Addr { return &net.TCPAddr{} }

// net/http closes TLS connections of a protocol it does not know.
func TestServeOverTLSWithAProtocolOfItsOwn(t *testing.T) {
	config := selfSigned(t)
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- Serve(ctx, tls.NewListener(inner, config), PeerHandler(&fakeBackend{report: NodeReport{Node: "lb1"}}), quiet)
	}()
	c := NewPeerClient(func(ctx context.Context, _ string) (net.Conn, error) {
		return (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", inner.Addr().String())
	})
	if n, err := c.Report(t.Context(), "lb1"); err != nil || n.Node != "lb1" {
		t.Errorf("Report = %+v, %v", n, err)
	}
	c.CloseIdleConnections()
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Serve: %v", err)
	}
}

// selfSigned returns a TLS config that trusts its own certificate.
func selfSigned(t *testing.T) *tls.Config {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotAfter:     time.Now().Add(time.Hour),
		DNSNames:     []string{"peer"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: private}},
		RootCAs:      pool,
		ServerName:   "peer",
		NextProtos:   []string{"perch-peer/1"},
	}
}
