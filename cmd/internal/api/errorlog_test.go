package api

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// exhausted is a listener of a process without file descriptors.
type exhausted struct {
	closed chan struct{}
	once   sync.Once
	tries  int
}

func (l *exhausted) Accept() (net.Conn, error) {
	select {
	case <-l.closed:
		return nil, net.ErrClosed
	default:
	}
	l.tries++
	return nil, &net.OpError{Op: "accept", Net: "unix", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
}

func (l *exhausted) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *exhausted) Addr() net.Addr { return &net.UnixAddr{Name: "sock", Net: "unix"} }

func TestExhaustionIsLoggedNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text lockedBuilder
		ln := &exhausted{closed: make(chan struct{})}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- Serve(ctx, ln, http.NotFoundHandler(), slog.New(slog.NewTextHandler(&text, nil))) }()
		time.Sleep(time.Minute)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		lines := strings.Count(text.String(), "too many open files")
		if lines < 5 || lines > 7 || ln.tries <= lines {
			t.Errorf("%d lines of %d tries in a minute, want about 6:\n%s", lines, ln.tries, text.String())
		}
		if !regexp.MustCompile("suppressed=[1-9]").MatchString(text.String()) {
			t.Errorf("the log does not say how many lines are left out:\n%s", text.String())
		}
	})
}

type lockedBuilder struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lockedBuilder) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuilder) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
