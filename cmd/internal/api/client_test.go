package api

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/perch-vip/perch/cmd/internal/events"
)

// serveUnix serves the control API of a backend on a fresh socket.
func serveUnix(t *testing.T, b Backend) (path string) {
	t.Helper()
	path = socketPath(t)
	ln := listen(t, path)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, ln, ControlHandler(b), quiet) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return path
}

func client(t *testing.T, path string) *Client {
	c := NewClient(path)
	t.Cleanup(c.CloseIdleConnections)
	return c
}

func TestClientAndServer(t *testing.T) {
	since := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	backend := &fakeBackend{
		status: Status{
			Node: "lb1", Version: "v1",
			Cluster:  &Cluster{Name: "edge", State: StateOK, Nodes: []Node{{Name: "lb1", Role: RoleLeader}}},
			VIPs:     []VIP{{Address: "198.18.0.100/24", Owner: "lb1", Held: true, Since: since}},
			VRRP:     []VirtualRouter{},
			Checks:   []Check{},
			Services: []Service{},
			Warnings: []string{"<two> nodes & no witness"},
		},
		history:  []Move{{Time: since, Term: 7, To: "lb1", Reason: "first leader"}},
		transfer: TransferResult{From: "lb1", To: "lb2", Took: 2600 * time.Microsecond},
		reload:   ReloadResult{Added: []string{"198.18.0.101/24 eth0"}, Removed: []string{}, Services: []string{}, Warnings: []string{}},
		join:     JoinResult{Node: "lb4", Joined: true},
		server:   ServerReport{ServerName: ServerName{"web", "10.0.0.11:80"}, Node: "lb2", Found: Server{Drained: true, Connections: Connections{Active: 3}}},
	}
	c := client(t, serveUnix(t, backend))
	ctx := t.Context()
	status, err := c.Status(ctx)
	wantSame(t, "Status", status, backend.status, err)
	history, err := c.History(ctx)
	wantSame(t, "History", history, backend.history, err)
	transfer, err := c.Transfer(ctx, "lb2")
	wantSame(t, "Transfer", transfer, backend.transfer, err)
	reload, err := c.Reload(ctx)
	wantSame(t, "Reload", reload, backend.reload, err)
	join, err := c.Join(ctx, "lb1:7400")
	wantSame(t, "Join", join, backend.join, err)
	report, err := c.ReportServer(ctx, backend.server.ServerName)
	wantSame(t, "ReportServer", report, backend.server, err)
	name, err := c.OrderServer(ctx, ServerOrder{ServerName: ServerName{"web", "10.0.0.11:80"}, Order: OrderWeight, Weight: new(uint32(7))})
	wantSame(t, "OrderServer", name, backend.server.ServerName, err)
	err = errors.Join(c.SetDrain(ctx, "lb2", Drained), c.SetDrain(ctx, "lb2", Undrained), c.Remove(ctx, "lb3"))
	want := []string{"status", "history", "transfer lb2", "reload", "join lb1:7400", "report 10.0.0.11:80 of web", "weight 10.0.0.11:80 of web to 7", "drained lb2", "undrained lb2", "remove lb3"}
	wantSame(t, "calls", backend.calls(), want, err)
}

func wantSame(t *testing.T, what string, got, want any, err error) {
	t.Helper()
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %+v, %v\nwant %+v", what, got, err, want)
	}
}

func TestClientReturnsEveryMistake(t *testing.T) {
	mistakes := Invalid(errors.Join(errors.New("perch.toml:3:1: a"), errors.New("perch.toml:9:1: b")))
	c := client(t, serveUnix(t, &fakeBackend{err: mistakes}))
	_, err := c.Reload(t.Context())
	if err == nil || err.Error() != "perch.toml:3:1: a\nperch.toml:9:1: b" || !errors.Is(err, ErrInvalid) {
		t.Errorf("Reload = %v", err)
	}
}

func TestManyClientsAtOnce(t *testing.T) {
	backend := &fakeBackend{status: Status{Node: "lb1"}}
	path := serveUnix(t, backend)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			c := client(t, path)
			for j := range 10 {
				node := fmt.Sprintf("lb%d-%d", i, j)
				if err := c.SetDrain(t.Context(), node, Drained); err != nil {
					t.Error(err)
				}
				if s, err := c.Status(t.Context()); err != nil || s.Node != "lb1" {
					t.Errorf("Status = %+v, %v", s, err)
				}
			}
		})
	}
	wg.Wait()
	calls := backend.calls()
	slices.Sort(calls)
	if len(slices.Compact(calls)) != 201 { // "status" and 200 drains
		t.Errorf("the backend was asked for %d different things, want 201", len(calls))
	}
}

func TestClientWithoutADaemon(t *testing.T) {
	missing, stale := socketPath(t), socketPath(t)
	leaveStale(t, stale)
	for path, cause := range map[string]string{missing: "no such file or directory", stale: "connection refused"} {
		_, err := client(t, path).Status(t.Context())
		want := "no daemon answers at " + path + ": is perch serve running on this node? (" + cause + ")"
		if err == nil || err.Error() != want || !errors.Is(err, ErrNoDaemon) {
			t.Errorf("Status:\n got %v\nwant %s", err, want)
		}
	}
}

func TestClientWithoutRights(t *testing.T) {
	path := serveUnix(t, &fakeBackend{})
	if err := os.Chmod(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	c := client(t, path)
	err := asNobody(t, func() error {
		// http.Transport dials on a thread of root's: this is what it would meet.
		_, err := net.Dial("unix", path)
		return c.explain(err)
	})
	want := "no access to " + path + ": it is for user root and group root: use sudo, or join that group (permission denied)"
	if err == nil || err.Error() != want || !errors.Is(err, fs.ErrPermission) || errors.Is(err, ErrNoDaemon) {
		t.Errorf("explained as\n     %v\nwant %s", err, want)
	}
	hidden := filepath.Join(t.TempDir(), "none", "perch.sock")
	if got := whoMay(hidden); got != "use sudo" {
		t.Errorf("whoMay(a hidden path) = %q", got)
	}
}

// pipeClient is a Client whose socket is a pipe in virtual time.
func pipeClient(ln *pipeListener) *Client {
	return &Client{path: "/run/perch.sock", caller: newCaller(maxAnswer, maxElements, func(ctx context.Context, _ string) (net.Conn, error) {
		return ln.dial(ctx)
	})}
}

// A command may be newer than the daemon: after an upgrade until the restart.
func TestClientOfADaemonOfAnotherVersion(t *testing.T) {
	for name, call := range map[string]func(*Client, context.Context) error{
		"status": func(c *Client, ctx context.Context) error { _, err := c.Status(ctx); return err },
		"reload": func(c *Client, ctx context.Context) error { _, err := c.Reload(ctx); return err },
		"events": func(c *Client, ctx context.Context) error {
			return c.Events(ctx, events.ID{}, NoFollow, func(RawEvent) error { return nil })
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			ln, stop := servePipe(t, routes{})
			c := pipeClient(ln)
			err := call(c, t.Context())
			const want = "the daemon at /run/perch.sock is of another version of perch, which does not know this: "
			if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: %v", name, err)
			}
			if err := stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

// Whatever is asked of a daemon that is stopped, the answer comes soon.
func TestClientOfAFrozenDaemon(t *testing.T) {
	for name, call := range map[string]func(*Client, context.Context) error{
		"status":   func(c *Client, ctx context.Context) error { _, err := c.Status(ctx); return err },
		"transfer": func(c *Client, ctx context.Context) error { _, err := c.Transfer(ctx, ""); return err },
		"drain":    func(c *Client, ctx context.Context) error { return c.SetDrain(ctx, "lb1", Drained) },
	} {
		synctest.Test(t, func(t *testing.T) {
			ln := newPipeListener()
			go func() { // a stopped daemon's kernel accepts and takes what fits
				conn, _ := ln.Accept()
				_, _ = conn.Read(make([]byte, 1024))
			}()
			start := time.Now()
			err := call(pipeClient(ln), t.Context())
			want := "the daemon at /run/perch.sock does not answer: is it stopped or overloaded? (context deadline exceeded)"
			if err == nil || err.Error() != want {
				t.Errorf("%s:\n got %v\nwant %s", name, err, want)
			}
			if took := time.Since(start); took != aliveTimeout {
				t.Errorf("%s: gave up after %v, want %v", name, took, aliveTimeout)
			}
		})
	}
}

// What takes its time is waited for.
func TestClientOfASlowCommand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const slow = actTimeout - time.Second
		backend := &fakeBackend{hang: func(context.Context) { time.Sleep(slow) }, transfer: TransferResult{To: "lb2"}}
		ln, stop := servePipe(t, ControlHandler(backend))
		defer stop()
		c := pipeClient(ln)
		defer c.CloseIdleConnections()
		if res, err := c.Transfer(t.Context(), ""); err != nil || res.To != "lb2" {
			t.Errorf("Transfer = %+v, %v", res, err)
		}
	})
}

// A daemon that has never heard of the question lives.
func TestClientOfAnOlderDaemon(t *testing.T) {
	handler := ControlHandler(&fakeBackend{status: Status{Node: "lb1"}}).(routes)
	delete(handler, alivePath)
	synctest.Test(t, func(t *testing.T) {
		ln, stop := servePipe(t, handler)
		defer stop()
		c := pipeClient(ln)
		defer c.CloseIdleConnections()
		if s, err := c.Status(t.Context()); err != nil || s.Node != "lb1" {
			t.Errorf("Status = %+v, %v", s, err)
		}
	})
}

func TestClientOfADaemonThatDies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ln := newPipeListener()
		go func() {
			for range 2 { // the second time if the client tries again
				conn, err := ln.Accept()
				if err != nil {
					return
				}
				_, _ = conn.Read(make([]byte, 1024))
				_ = conn.Close()
			}
		}()
		_, err := pipeClient(ln).Transfer(t.Context(), "")
		want := "the daemon at /run/perch.sock went away before it answered (EOF)"
		if err == nil || err.Error() != want {
			t.Errorf("Transfer:\n got %v\nwant %s", err, want)
		}
		_ = ln.Close()
	})
}

func TestClientOfSomethingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ln := newPipeListener()
		go func() {
			conn, _ := ln.Accept()
			go func() { _, _ = conn.Read(make([]byte, 1024)) }()
			_, _ = conn.Write([]byte("220 smtp.example ESMTP\r\n"))
			_ = conn.Close()
		}()
		_, err := pipeClient(ln).Status(t.Context())
		if err == nil || !strings.HasPrefix(err.Error(), "daemon at /run/perch.sock: ") {
			t.Errorf("Status = %v", err)
		}
	})
}

func TestClientIsInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ln, stop := servePipe(t, ControlHandler(&fakeBackend{hang: func(ctx context.Context) { <-ctx.Done() }}))
		defer stop()
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err := pipeClient(ln).Status(ctx); err != context.Canceled {
			t.Errorf("Status = %v, want %v", err, context.Canceled)
		}
	})
}
