package checker

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestLookLeftBehind: what ignores its context keeps nobody from the end for long.
func TestLookLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out journal
		until := make(chan struct{})
		r := NewRunner(Options{Log: slog.New(slog.NewTextHandler(&out, nil))})
		r.Set([]Entry{entry("web", well, prompt), entry("nfs", stuck(until), prompt), entry("nfs2", stuck(until), prompt)})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- r.Run(ctx) }()
		after(time.Second)
		cancel()
		end := time.Now()
		if err := <-done; err != nil || time.Since(end) != endLimit {
			t.Errorf("Run returned %v after %s", err, time.Since(end))
		}
		if !strings.Contains(out.String(), `msg="looks left behind" checks=2 names="nfs, nfs2"`) {
			t.Errorf("log %s", out.String())
		}
		before := status(t, r, "nfs")
		close(until)
		synctest.Wait()
		if got := status(t, r, "nfs"); got != before {
			t.Errorf("a look counts that was left behind: %+v, was %+v", got, before)
		}
	})
}

// TestLooksNotLeftBehind: Run waits for looks that take a little longer.
func TestLooksNotLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out journal
		r := NewRunner(Options{Log: slog.New(slog.NewTextHandler(&out, nil))})
		takes := endLimit
		r.Set([]Entry{entry("slow", taking(&takes), prompt)})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- r.Run(ctx) }()
		after(time.Millisecond)
		cancel()
		begun := time.Now()
		if <-done; time.Since(begun) != endLimit-time.Millisecond || strings.Contains(out.String(), "behind") {
			t.Errorf("Run returned after %s, log %s", time.Since(begun), out.String())
		}
	})
}

// TestHostLeftBehind is for a folder that the kernel does not answer about.
func TestHostLeftBehind(t *testing.T) {
	var out journal
	h := NewHost(slog.New(slog.NewTextHandler(&out, nil)))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	h.folders.mu.Lock()
	defer h.folders.mu.Unlock()
	cancel()
	select {
	case <-done:
	case <-time.After(enough):
		t.Fatal("Run has not returned")
	}
	if !strings.Contains(out.String(), "left behind") {
		t.Errorf("log %s", out.String())
	}
}
