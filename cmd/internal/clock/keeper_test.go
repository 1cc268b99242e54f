package clock

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var (
	one   = netip.MustParseAddr("198.18.0.1")
	three = netip.MustParseAddr("198.18.0.3")
)

// bench is a Keeper of lb2, whose chronyc and leader are played.
type bench struct {
	t        *testing.T
	keeper   *Keeper
	settings Settings
	end      func()

	mu      sync.Mutex
	view    View
	run     func(context.Context) error
	ran     []string
	reading Reading
	err     error
	asked   []netip.Addr
}

func replace(path string, content []byte) error {
	_ = os.Remove(path) // with its mode
	return os.WriteFile(path, content, 0o644)
}

// start runs a Keeper for the rest of the test, which is in a bubble.
func start(t *testing.T) *bench {
	b := &bench{t: t, view: View{Self: "lb2", Leader: "lb1", Address: one}}
	b.settings = Settings{
		Cluster: "edge", Dir: t.TempDir(), Socket: "/run/chronyd.sock", Chronyc: "/usr/bin/chronyc",
		Interval: 30 * time.Second, MaxOffset: 100 * time.Millisecond,
	}
	b.run = func(context.Context) error { return nil }
	b.keeper = New(Options{
		View:    func() View { b.mu.Lock(); defer b.mu.Unlock(); return b.view },
		Replace: replace,
		Run: func(ctx context.Context, argv []string) error {
			b.mu.Lock()
			b.ran = append(b.ran, strings.Join(argv, " "))
			run := b.run
			b.mu.Unlock()
			return run(ctx)
		},
		Ask: func(_ context.Context, a netip.Addr) (Reading, error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.asked = append(b.asked, a)
			return b.reading, b.err
		},
		Log: slog.New(slog.DiscardHandler),
	})
	b.keeper.Set(&b.settings)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = b.keeper.Run(ctx)
	}()
	b.end = func() {
		cancel()
		<-ended
	}
	t.Cleanup(b.end)
	synctest.Wait()
	return b
}

// do changes what is played, and lets time pass.
func (b *bench) do(change func(), pass time.Duration) {
	b.mu.Lock()
	change()
	b.mu.Unlock()
	time.Sleep(pass)
	synctest.Wait()
}

func (b *bench) pass(d time.Duration) { b.do(func() {}, d) }

func (b *bench) leads(node string, address netip.Addr) {
	b.do(func() { b.view.Leader, b.view.Address = node, address }, lookEvery)
}

// follows wants the file to name a server, or not to be there where it is "".
func (b *bench) follows(server string) {
	b.t.Helper()
	text, err := os.ReadFile(b.settings.File())
	if server == "" {
		if !errors.Is(err, os.ErrNotExist) {
			b.t.Errorf("there is a file: %q (%v)", text, err)
		}
		return
	}
	if err != nil || !strings.Contains(string(text), "server "+server+" iburst") {
		b.t.Errorf("the file says %q (%v), want %s", text, err, server)
	}
}

// reloaded wants chronyd to have been told so often in all.
func (b *bench) reloaded(times int) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	const want = "/usr/bin/chronyc -h /run/chronyd.sock reload sources"
	if len(b.ran) != times || slices.ContainsFunc(b.ran, func(s string) bool { return s != want }) {
		b.t.Errorf("ran %q, want %d times %q", b.ran, times, want)
	}
}

// troubled wants the status to say what is wrong, or nothing where it is "".
func (b *bench) troubled(want string) {
	b.t.Helper()
	s, ok := b.keeper.Status()
	if !ok || want == "" && s.Trouble != "" || !strings.Contains(s.Trouble, want) {
		b.t.Errorf("trouble is %q, want %q", s.Trouble, want)
	}
}

func TestKeeperFollowsTheLeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		b.follows("198.18.0.1")
		b.reloaded(1)
		b.pass(time.Minute)
		b.reloaded(1) // nothing has changed

		b.leads("lb3", three)
		b.follows("198.18.0.3")
		b.reloaded(2)

		b.leads("", netip.Addr{}) // an election
		b.follows("198.18.0.3")
		b.reloaded(2)

		b.leads("lb2", netip.Addr{})
		b.follows("")
		b.reloaded(3)
		b.troubled("")
	})
}

func TestKeeperMendsTheFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		for i, spoil := range []func(string) error{
			os.Remove,
			func(path string) error { return os.WriteFile(path, []byte("server 192.0.2.1\n"), 0o644) },
			func(path string) error { return os.Chmod(path, 0o600) }, // chronyd cannot read it
		} {
			if err := spoil(b.settings.File()); err != nil {
				t.Fatal(err)
			}
			b.pass(lookEvery)
			b.follows("198.18.0.1")
			b.reloaded(2 + i)
		}
		b.leads("lb2", netip.Addr{})
		if err := os.WriteFile(b.settings.File(), []byte("server 198.18.0.2\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		b.pass(lookEvery)
		b.follows("")
	})
}

// What a predecessor left may not have been read.
func TestKeeperReloadsAtTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		b.leads("lb2", netip.Addr{})
		settings := b.settings
		b.keeper.Set(nil)
		synctest.Wait()
		b.reloaded(2) // there is no file to take away
		b.keeper.Set(&settings)
		synctest.Wait()
		b.reloaded(3)
		b.pass(time.Minute)
		b.reloaded(3)
	})
}

func TestKeeperTriesChronycAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		b.do(func() { b.run = func(context.Context) error { return errors.New("exit status 1") } }, 0)
		b.leads("lb3", three)
		b.troubled("/usr/bin/chronyc reload sources fails: exit status 1")
		b.reloaded(2)
		b.pass(reloadAgain)
		b.reloaded(3)
		b.do(func() { b.run = func(context.Context) error { return nil } }, reloadAgain)
		b.reloaded(4)
		b.troubled("")
		b.pass(time.Minute)
		b.reloaded(4)
	})
}

// A chronyc that hangs is ended, and keeps neither the status nor the end waiting.
func TestKeeperChronycHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		b.do(func() { b.run = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() } }, 0)
		b.leads("lb3", three)
		b.follows("198.18.0.3")
		b.pass(reloadLimit)
		b.troubled("deadline exceeded")
		b.do(func() { b.asked = nil }, time.Minute)
		b.mu.Lock()
		defer b.mu.Unlock()
		if len(b.asked) < 2 {
			t.Errorf("the leader was asked %d times in a minute", len(b.asked))
		}
	})
}

// One that cannot even be ended is left behind.
func TestKeeperEndsBesideWhatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		released := make(chan struct{})
		k := New(Options{
			View:    func() View { return View{Self: "lb2", Leader: "lb1", Address: one} },
			Replace: replace,
			Run:     func(context.Context, []string) error { <-released; return nil },
			Ask:     func(context.Context, netip.Addr) (Reading, error) { return Reading{}, nil },
			Log:     slog.New(slog.DiscardHandler),
		})
		k.Set(&Settings{Cluster: "edge", Dir: t.TempDir(), Interval: time.Second})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); _ = k.Run(ctx) }()
		synctest.Wait()
		begin := time.Now()
		cancel()
		<-ended
		if took := time.Since(begin); took != endLimit {
			t.Errorf("the end took %v", took)
		}
		close(released)
	})
}

func TestKeeperFolderIsNotThere(t *testing.T) {
	for name, leader := range map[string]string{"of a follower": "lb1", "of the leader": "lb2"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := start(t)
				b.leads(leader, one)
				if err := os.RemoveAll(b.settings.Dir); err != nil {
					t.Fatal(err)
				}
				b.pass(lookEvery)
				b.troubled("no such file or directory")
				if err := os.Mkdir(b.settings.Dir, 0o755); err != nil {
					t.Fatal(err)
				}
				b.pass(lookEvery)
				b.troubled("")
			})
		})
	}
}

// Other settings take the old file away, and none take away the last.
func TestKeeperSettings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		old, fresh := b.settings, b.settings
		fresh.Dir = t.TempDir()
		b.keeper.Set(&fresh)
		synctest.Wait()
		b.follows("")
		b.settings = fresh
		b.follows("198.18.0.1")
		b.reloaded(3) // once for the folder before, once for that now

		fresh.MaxOffset = time.Second
		b.keeper.Set(new(fresh))
		synctest.Wait()
		if s, _ := b.keeper.Status(); s.MaxOffset != time.Second {
			t.Errorf("the status is by %v", s.MaxOffset)
		}

		b.keeper.Set(nil)
		synctest.Wait()
		b.follows("")
		if _, ok := b.keeper.Status(); ok {
			t.Error("it is on")
		}
		if left, err := filepath.Glob(filepath.Join(old.Dir, "*")); len(left) > 0 || err != nil {
			t.Errorf("left: %q (%v)", left, err)
		}
	})
}

// A file stays at the end: whoever takes time from the leader goes on.
func TestKeeperLeavesTheFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		b.end()
		b.follows("198.18.0.1")
		b.reloaded(1)
	})
}

func TestKeeperAsksTheLeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		want := func(addresses ...netip.Addr) {
			t.Helper()
			b.mu.Lock()
			defer b.mu.Unlock()
			if !slices.Equal(b.asked, addresses) {
				t.Errorf("asked %v, want %v", b.asked, addresses)
			}
		}
		want(one)
		b.pass(29 * time.Second)
		want(one)
		b.do(func() { b.reading = Reading{Offset: time.Second} }, time.Second)
		want(one, one)
		if s, _ := b.keeper.Status(); s.Asked != "lb1" || s.Reading.Offset != time.Second || s.Follows() != "lb1" || s.At.Sub(s.Since) != 30*time.Second {
			t.Errorf("%+v", s)
		}
		b.do(func() { b.err = errSilent }, 0)
		b.leads("lb3", three) // is asked at once
		want(one, one, three)
		if s, _ := b.keeper.Status(); s.Asked != "lb3" || s.Silent == "" || s.At != s.Since {
			t.Errorf("%+v", s)
		}
		b.leads("lb2", netip.Addr{})
		b.pass(time.Minute)
		want(one, one, three)
		if s, _ := b.keeper.Status(); s.Asked != "" || s.Follows() != "" {
			t.Errorf("the leader has %+v", s)
		}
	})
}
