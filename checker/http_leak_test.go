package checker

import (
	"context"
	"errors"
	"flag"
	"net"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

var looks = flag.Int("looks", 500, "HTTP looks to make in search of what they leave behind")

func TestHTTPLooksLeaveNothing(t *testing.T) {
	ca := newCA(t, time.Now().Add(day))
	before := openFiles(t)
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	t.Run("looks", func(t *testing.T) {
		host := testHost()
		secure := startTLSh2(t, ca)
		many(t, host, Spec{Kind: "http", Target: "http://" + serveRaw(t, "HTTP/1.1 200 OK\r\n\r\nOK")}, *looks)
		many(t, host, Spec{Kind: "http", Target: startH2C(t, site()) + "/ok", HTTP: HTTP{Protocol: "h2"}}, *looks/10)
		many(t, host, Spec{Kind: "http", Target: "https://" + secure + "/ok", TLS: TLS{CAFile: ca.file()}}, *looks/10)
		many(t, host, Spec{Kind: "tls", Target: secure, TLS: TLS{CAFile: ca.file()}}, *looks/10)
		many(t, host, Spec{Kind: "http", Target: "http://127.0.0.1:1"}, *looks/10)
		many(t, host, Spec{Kind: "http", Target: "http://" + serveRaw(t, "garbage\r\n")}, *looks/10)
	})
	if after := openFiles(t); after > before+2 {
		t.Errorf("%d descriptors are open, there were %d", after, before)
	}
}

// many makes so many looks, some at a time, whatever comes of them.
func many(t *testing.T, host *Host, spec Spec, count int) {
	check, err := host.New(spec)
	must(t, err)
	var left atomic.Int64
	left.Store(int64(count))
	done := make(chan struct{})
	const workers = 8
	for range workers {
		go func() {
			for left.Add(-1) >= 0 {
				ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
				_, _ = check.Check(ctx)
				cancel()
			}
			done <- struct{}{}
		}()
	}
	for range workers {
		<-done
	}
}

// A look ends when its context does, wherever it is.
func TestHTTPEndsWithItsContext(t *testing.T) {
	for name, serve := range map[string]func(net.Conn){
		"head": silentAfter("HTTP/1.1 200 OK\r\n"),
		"body": silentAfter("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"),
	} {
		for _, kind := range []Spec{
			{Target: "http://"},
			{Target: "https://"},
			{Target: "http://", HTTP: HTTP{Protocol: "h2"}},
			{Target: "http://", HTTP: HTTP{Redirect: true}},
		} {
			serve := serve
			if kind.HTTP.Protocol == "h2" { // what the others say is an error there
				serve = silentAfter("")
			}
			t.Run(name, func(t *testing.T) {
				left := make(chan struct{})
				asked := make(chan struct{})
				address := hostile(t, func(conn net.Conn) {
					close(asked)
					serve(conn)
					close(left)
				})
				kind.Kind, kind.Target = "http", kind.Target+address
				kind.HTTP.Requests = []Request{{Contains: "OK"}}
				check, err := testHost().New(kind)
				must(t, err)
				ctx, cancel := context.WithCancel(t.Context())
				go func() { <-asked; cancel() }()
				_, err = check.Check(ctx)
				wantError(t, err, "canceled")
				<-left // the connection is closed
			})
		}
	}
}

// What a check costs while it waits for its next look.
func TestHTTPCheckIsSmall(t *testing.T) {
	host := testHost()
	for scheme, most := range map[string]int{"http": 4 << 10, "https": 5 << 10} {
		const count = 1000
		checks := make([]Checker, 0, count)
		before := int(heapInUse())
		for range count {
			check, err := host.New(Spec{Kind: "http", Target: scheme + "://10.0.0.1:8080/health"})
			must(t, err)
			checks = append(checks, check)
		}
		each := (int(heapInUse()) - before) / count
		t.Logf("%s: %d bytes", scheme, each)
		if each > most {
			t.Errorf("%s: %d bytes, want at most %d", scheme, each, most)
		}
		runtime.KeepAlive(checks)
	}
}

// A port that waited for a minute after each look would soon be missed.
func TestHTTPLooksLeaveNoPortWaiting(t *testing.T) {
	ended := make(chan error, 1)
	address := hostile(t, func(conn net.Conn) {
		answer(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		_, err := conn.Read(make([]byte, 1))
		ended <- err
	})
	check, err := testHost().New(Spec{Kind: "http", Target: "http://" + address})
	must(t, err)
	_, err = check.Check(t.Context()) // which goes on
	wantError(t, err, "")
	select {
	case err := <-ended:
		if !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the connection ended with %v, want a reset", err)
		}
	case <-time.After(20 * time.Second):
		t.Error("the connection is open still")
	}
}
