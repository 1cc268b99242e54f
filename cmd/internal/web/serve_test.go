package web

import (
	"bufio"
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// pipeListener accepts connections in virtual time.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
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

// site is a server in virtual time.
type site struct {
	t    *testing.T
	ln   *pipeListener
	made *atomic.Int32 // pages

	routes routes
}

// serving runs a server for a test, which has it end.
func serving(t *testing.T, test func(*site)) {
	t.Helper()
	servingAlso(t, routes{}, test)
}

// servingAlso serves more than metrics.
func servingAlso(t *testing.T, also routes, test func(*site)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p, made := countingPage(0)
		s := &site{t, &pipeListener{conns: make(chan net.Conn, 1000), closed: make(chan struct{})}, made, maps.Clone(also)}
		s.routes["/metrics"] = scraped(p)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- serve(ctx, s.ln, s.routes, quiet) }()
		test(s)
		begin := time.Now()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
		if took := time.Since(begin); took > shutdownGrace {
			t.Errorf("ended after %v", took)
		}
	})
}

func (s *site) dial() net.Conn {
	near, far := net.Pipe()
	s.ln.conns <- far
	s.t.Cleanup(func() { _ = near.Close() })
	return near
}

// ask sends a request, be it a bad one, and returns the answer.
func (s *site) ask(request string) (*http.Response, string) {
	s.t.Helper()
	conn := s.dial()
	defer conn.Close()
	go func() { _, _ = io.WriteString(conn, request) }() // who is refused need not be read to the end
	method, _, _ := strings.Cut(request, " ")
	response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		s.t.Fatalf("%.40q: %v", request, err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatalf("%.40q: %v", request, err)
	}
	return response, string(body)
}

func TestAnswers(t *testing.T) {
	const head = " HTTP/1.1\r\nHost: lb1\r\n"
	for _, tt := range []struct {
		request string
		code    int
		body    string
	}{
		{"GET /metrics" + head + "\r\n", 200, "1"},
		{"GET /metrics?name[]=a" + head + "\r\n", 200, "1"},
		{"GET /metrics HTTP/1.0\r\n\r\n", 200, "1"},
		{"HEAD /metrics" + head + "\r\n", 200, ""},
		{"GET /" + head + "\r\n", 404, "no such resource, only /metrics\n"},
		{"GET /metrics/" + head + "\r\n", 404, "no such resource, only /metrics\n"},
		{"GET //metrics" + head + "\r\n", 404, "no such resource, only /metrics\n"},
		{"GET /x/../metrics" + head + "\r\n", 404, "no such resource, only /metrics\n"},
		{"GET /../../etc/passwd" + head + "\r\n", 404, "no such resource, only /metrics\n"},
		{"GET /debug/pprof/" + head + "\r\n", 404, "no such resource, only /metrics\n"},
		{"POST /metrics" + head + "Content-Length: 0\r\n\r\n", 405, "only GET and HEAD are allowed\n"},
		{"DELETE /" + head + "\r\n", 405, "only GET and HEAD are allowed\n"},
		{"OPTIONS *" + head + "\r\n", 405, "only GET and HEAD are allowed\n"},
		{"CONNECT lb2:80" + head + "\r\n", 405, "only GET and HEAD are allowed\n"},
		{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 405, "only GET and HEAD are allowed\n"},
		{"GET /metrics HTTP/1.1\r\n\r\n", 400, "400 Bad Request: missing required Host header"},
		{"GET /metrics" + head + "X: " + strings.Repeat("x", 64<<10) + "\r\n\r\n", 431, "431 Request Header Fields Too Large"},
	} {
		serving(t, func(s *site) {
			response, body := s.ask(tt.request)
			if response.StatusCode != tt.code || body != tt.body {
				t.Errorf("%.40q: %d %q, want %d %q", tt.request, response.StatusCode, body, tt.code, tt.body)
			}
			if made := s.made.Load(); (made == 1) != (tt.code == 200) {
				t.Errorf("%.40q: %d pages were made", tt.request, made)
			}
			if allow := response.Header.Get("Allow"); (allow == "GET, HEAD") != (tt.code == 405) {
				t.Errorf("%.40q: Allow: %q", tt.request, allow)
			}
		})
	}
}

func TestHeaderOfMetrics(t *testing.T) {
	serving(t, func(s *site) {
		for _, method := range []string{"GET", "HEAD"} {
			response, _ := s.ask(method + " /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
			if got := response.Header.Get("Content-Type"); got != exposition || response.ContentLength != 1 {
				t.Errorf("%s: %q, length %d", method, got, response.ContentLength)
			}
		}
	})
}

// A body is neither waited for nor read.
func TestBodyIsIgnored(t *testing.T) {
	for name, head := range map[string]string{
		"none of it comes": "Content-Length: 10\r\n\r\n",
		"huge":             "Content-Length: 1000000000000\r\n\r\nxxx",
		"chunks":           "Transfer-Encoding: chunked\r\n\r\n",
		"asks first":       "Content-Length: 10\r\nExpect: 100-continue\r\n\r\n",
	} {
		serving(t, func(s *site) {
			begin := time.Now()
			response, body := s.ask("GET /metrics HTTP/1.1\r\nHost: a\r\n" + head)
			if response.StatusCode != 200 || body != "1" || !response.Close || time.Since(begin) > 0 {
				t.Errorf("%s: %d %q after %v, closed %t", name, response.StatusCode, body, time.Since(begin), response.Close)
			}
		})
	}
}

// hangsUp waits for the server to close a connection, and returns how long that took.
func hangsUp(t *testing.T, conn net.Conn) time.Duration {
	t.Helper()
	begin := time.Now()
	if _, err := io.Copy(io.Discard, conn); err != nil && !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
	return time.Since(begin)
}

func TestSlowClientsAreLetGo(t *testing.T) {
	for name, tt := range map[string]struct {
		send   string
		within time.Duration
	}{
		"nothing":      {"", headerTimeout},
		"half a head":  {"GET /metrics HTTP/1.1\r\nHost: a\r\n", headerTimeout},
		"no second":    {"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", readTimeout},
		"half a third": {"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /", headerTimeout},
	} {
		serving(t, func(s *site) {
			conn := s.dial()
			go func() { _, _ = io.WriteString(conn, tt.send) }()
			if took := hangsUp(t, conn); took > tt.within+time.Second {
				t.Errorf("%s: let go after %v, want %v", name, took, tt.within)
			}
		})
	}
}

// A header that comes a byte at a time does not keep a connection.
func TestSlowloris(t *testing.T) {
	serving(t, func(s *site) {
		conn := s.dial()
		var client sync.WaitGroup
		defer client.Wait()
		client.Go(func() {
			for _, err := io.WriteString(conn, "GET / HTTP/1.1\r\n"); err == nil; _, err = io.WriteString(conn, "A: b\r\n") {
				time.Sleep(100 * time.Millisecond)
			}
		})
		if took := hangsUp(t, conn); took > headerTimeout+time.Second {
			t.Errorf("let go after %v", took)
		}
	})
}

// Who asks and does not read the answer is let go.
func TestClientThatDoesNotRead(t *testing.T) {
	serving(t, func(s *site) {
		conn := s.dial()
		if _, err := io.WriteString(conn, "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(writeTimeout + time.Second)
		if n, err := conn.Read(make([]byte, 1)); n > 0 || err == nil {
			t.Errorf("%d bytes, %v, want a closed connection", n, err)
		}
	})
}

// Clients that are slow do not hold up the end: each test sees to that.
func TestEndWithSlowClients(t *testing.T) {
	serving(t, func(s *site) {
		for _, send := range []string{"", "GET /met", "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"} {
			if _, err := io.WriteString(s.dial(), send); err != nil {
				t.Error(err)
			}
		}
		synctest.Wait()
	})
}

// Of many connections a bounded number is served at once, and those that say nothing keep
// others out for moments only.
func TestManyConnections(t *testing.T) {
	serving(t, func(s *site) {
		for range 5 * maxConnections {
			s.dial()
		}
		synctest.Wait()
		if waiting := len(s.ln.conns); waiting != 4*maxConnections {
			t.Errorf("%d connections wait, want %d", waiting, 4*maxConnections)
		}
		begin := time.Now()
		if response, _ := s.ask("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"); response.StatusCode != 200 {
			t.Errorf("answer %s", response.Status)
		}
		if took := time.Since(begin); took > 5*(headerTimeout+time.Second) {
			t.Errorf("answered after %v", took)
		}
	})
}

func TestListenerThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ln := &pipeListener{closed: make(chan struct{})}
		_ = ln.Close()
		if err := serve(t.Context(), ln, routes{}, quiet); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%v, want %v", err, net.ErrClosed)
		}
	})
}
