package daemon

import (
	"context"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// notifySocket is a service manager that collects what it is told.
func notifySocket(t *testing.T) *net.UnixConn {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	return conn
}

// told returns the next thing that the service manager is told.
func told(t *testing.T, conn *net.UnixConn) string {
	t.Helper()
	conn.SetReadDeadline(time.Now().Add(time.Minute))
	buf := make([]byte, 4096)
	n, err := conn.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return string(buf[:n])
}

func TestSystemdIsToldOfEachStep(t *testing.T) {
	conn := notifySocket(t)
	s, err := newSystemd(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	steps := []struct {
		do   func()
		want string
	}{
		{s.ready, "READY=1"},
		{s.reloading, "RELOADING=1\nMONOTONIC_USEC="},
		{s.stopping, "STOPPING=1"},
		{func() { s.status("standby") }, "STATUS=standby"},
	}
	for _, step := range steps {
		step.do()
		if got := told(t, conn); !strings.HasPrefix(got, step.want) {
			t.Errorf("told %q, want %q", got, step.want)
		}
	}
}

// The watchdog is fed while the parts live, and starves with one of them.
func TestWatchdogStarvesWithAPart(t *testing.T) {
	conn := notifySocket(t)
	t.Setenv("WATCHDOG_USEC", "30000")
	s, err := newSystemd(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var alive atomic.Bool
	alive.Store(true)
	var running sync.WaitGroup
	running.Go(func() { s.watchdog(ctx, alive.Load) })
	defer running.Wait()
	defer cancel()
	for range 2 {
		if got := told(t, conn); got != "WATCHDOG=1" {
			t.Fatalf("told %q", got)
		}
	}
	alive.Store(false)
	s.status("starving")
	for got := ""; got != "STATUS=starving"; got = told(t, conn) { // what was under way
	}
	conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	if n, _ := conn.Read(make([]byte, 100)); n > 0 {
		t.Error("the watchdog is fed although a part is dead")
	}
}

func TestStatusLineIsToldWhenItChanges(t *testing.T) {
	conn := notifySocket(t)
	s, err := newSystemd(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var line atomic.Value
	line.Store("standby")
	var running sync.WaitGroup
	running.Go(func() { s.keepStatus(ctx, func() string { return line.Load().(string) }) })
	defer running.Wait()
	defer cancel()
	for _, want := range []string{"standby", "owner"} {
		line.Store(want)
		if got := told(t, conn); got != "STATUS="+want {
			t.Errorf("told %q, want that it is %q", got, want)
		}
	}
}

func TestWithoutSystemdNothingIsTold(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	s, err := newSystemd(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	s.ready()
	s.watchdog(t.Context(), nil)
	s.keepStatus(t.Context(), nil)
}
