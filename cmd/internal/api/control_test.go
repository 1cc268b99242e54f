package api

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func control(t *testing.T, path string, log *slog.Logger) *Control {
	t.Helper()
	c, err := ListenControl(path, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// serveControl answers at c until the test ends.
func serveControl(t *testing.T, c *Control) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- ServeControl(ctx, c, &fakeBackend{}, quiet) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("ServeControl: %v", err)
		}
	})
}

// answers tells whether a daemon answers at path within a while.
func answers(t *testing.T, path string) bool {
	t.Helper()
	client := NewClient(path)
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if _, err := client.Status(t.Context()); err == nil {
			return true
		} else if !errors.Is(err, ErrNoDaemon) {
			t.Logf("meanwhile: %v", err)
		}
	}
	return false
}

// A socket that somebody has removed, or its folder, is there again, and is the only one.
func TestControlComesBack(t *testing.T) {
	for name, remove := range map[string]func(path string) error{
		"its file":   os.Remove,
		"its folder": func(path string) error { return os.RemoveAll(filepath.Dir(path)) },
		"a dead one in its place": func(path string) error {
			if err := os.Remove(path); err != nil {
				return err
			}
			leaveStale(t, path)
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(filepath.Dir(socketPath(t)), "run", "perch.sock")
			c := control(t, path, quiet)
			c.every = 10 * time.Millisecond
			serveControl(t, c)
			old, err := net.Dial("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			defer old.Close()
			if err := remove(path); err != nil {
				t.Fatal(err)
			}
			if !answers(t, path) {
				t.Fatal("nobody answers any more")
			}
			info, err := os.Lstat(path)
			if err != nil || info.Mode() != os.ModeSocket|socketMode {
				t.Errorf("mode %v (%v)", info.Mode(), err)
			}
			wantOnly(t, filepath.Dir(path), "perch.sock")
			if _, err := old.Write([]byte("GET /v1/alive HTTP/1.0\r\n\r\n")); err != nil {
				t.Errorf("who was connected: %v", err)
			}
			if n, err := old.Read(make([]byte, 12)); n == 0 {
				t.Errorf("who was connected gets no answer: %v", err)
			}
		})
	}
}

// What is not perch's is left alone, and told of once.
func TestControlLeavesOthersAlone(t *testing.T) {
	path := socketPath(t)
	var log bytes.Buffer
	c := control(t, path, slog.New(slog.NewTextHandler(&log, nil)))
	c.look()
	if c.Trouble() != "" || log.Len() > 0 {
		t.Errorf("a whole one: %q, %s", c.Trouble(), log.String())
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.look()
	c.look()
	want := "something else is in its place and cannot be made anew: something else is there (-rw-------)"
	if got := c.Trouble(); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if n := strings.Count(log.String(), "this node cannot be commanded"); n != 1 {
		t.Errorf("logged %d times: %s", n, log.String())
	}
	if got, _ := os.ReadFile(path); string(got) != "mine" {
		t.Errorf("the file holds %q now", got)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	another := listen(t, path)
	c.look()
	if got := c.Trouble(); !strings.Contains(got, ErrSocketInUse.Error()) {
		t.Errorf("with another daemon's: %q", got)
	}
	_ = another.Close()
	c.look()
	if got := c.Trouble(); got != "" {
		t.Errorf("once it is free: %q", got)
	}
	if !strings.Contains(log.String(), "control socket made anew") {
		t.Errorf("the log does not say that it is back: %s", log.String())
	}
	_ = c.Close()
	wantOnly(t, filepath.Dir(path))
}

// A folder in which others could replace the socket is refused later, too.
func TestControlIsNotMadeWhereOthersCouldReplaceIt(t *testing.T) {
	path := socketPath(t)
	c := control(t, path, quiet)
	if err := errors.Join(os.Remove(path), os.Chmod(filepath.Dir(path), 0o777)); err != nil {
		t.Fatal(err)
	}
	c.look()
	if !strings.Contains(c.Trouble(), "others could replace it") {
		t.Errorf("%q", c.Trouble())
	}
	wantOnly(t, filepath.Dir(path))
}

// One that is closed in the middle of a look leaves no file behind.
func TestControlEndsWhileItIsMadeAnew(t *testing.T) {
	path := socketPath(t)
	c := control(t, path, quiet)
	var both sync.WaitGroup
	both.Go(func() {
		_ = os.Remove(path)
		c.look()
	})
	both.Go(func() { _ = c.Close() })
	both.Wait()
	wantOnly(t, filepath.Dir(path))
	c.look()
	wantOnly(t, filepath.Dir(path))
	if conn, err := c.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept = %v, %v", conn, err)
	}
}
