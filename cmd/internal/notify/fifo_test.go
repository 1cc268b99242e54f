package notify

import (
	"bytes"
	"context"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// patience bounds what a test waits for.
const patience = 30 * time.Second

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newFIFO(t *testing.T, path string) (*FIFO, *logBuffer) {
	t.Helper()
	log := &logBuffer{}
	f := NewFIFO(path, os.Geteuid(), os.Getegid(), slog.New(slog.NewTextHandler(log, nil)))
	t.Cleanup(func() { must(t, f.Close()) })
	return f, log
}

// reads returns what is in a FIFO.
func reads(t *testing.T, path string) string {
	t.Helper()
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK, 0)
	must(t, err)
	defer func() { must(t, unix.Close(fd)) }()
	b := make([]byte, 1<<20)
	n, err := unix.Read(fd, b)
	must(t, err)
	return string(b[:n])
}

// Lines wait for a reader who comes later.
func TestFIFO(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events")
	f, _ := newFIFO(t, path)
	if f.There() {
		t.Error("it is there before it is open")
	}
	must(t, f.Open())
	if !f.There() {
		t.Error("it is not there")
	}
	info, err := os.Lstat(path)
	must(t, err)
	if info.Mode() != fs.ModeNamedPipe|fifoMode {
		t.Errorf("mode %s", info.Mode())
	}
	must(t, f.Tell(t.Context(), Event{Kind: Backup, Subject: gw, Priority: 100}))
	must(t, f.Tell(t.Context(), Event{Kind: Master, Subject: gw, Priority: 100}))
	if got, want := reads(t, path), "INSTANCE \"VI_1\" BACKUP 100\nINSTANCE \"VI_1\" MASTER 100\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// A full one is told of once, keeps nobody for ever, and takes lines again when it is read.
func TestFIFOThatIsFull(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events")
	f, log := newFIFO(t, path)
	must(t, f.Open())
	_, err := f.file.Write(bytes.Repeat([]byte("x"), 1<<16))
	must(t, err)
	for range 2 {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		err := f.Tell(ctx, of(Master, gw))
		cancel()
		if err == nil || err.Error() != "write to fifo "+path+": it is full, nobody reads" {
			t.Errorf("%v", err)
		}
	}
	if lines := log.warnings(); len(lines) != 1 {
		t.Errorf("warned %q", lines)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	told := make(chan error)
	go func() { told <- f.Tell(ctx, of(Master, gw)) }()
	reads(t, path)
	must(t, <-told)
	if got := reads(t, path); got != "INSTANCE \"VI_1\" MASTER 0\n" {
		t.Errorf("%q", got)
	}
}

// One that somebody has removed or replaced is made anew, or opened.
func TestFIFOThatIsRemoved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events")
	f, _ := newFIFO(t, path)
	must(t, f.Open())
	must(t, os.Remove(path))
	must(t, f.Tell(t.Context(), of(Master, gw)))
	if got := reads(t, path); got != "INSTANCE \"VI_1\" MASTER 0\n" {
		t.Errorf("%q", got)
	}
	must(t, os.Remove(path))
	must(t, unix.Mkfifo(path, 0o622))
	must(t, f.Tell(t.Context(), of(Backup, gw)))
	if got := reads(t, path); got != "INSTANCE \"VI_1\" BACKUP 0\n" {
		t.Errorf("%q", got)
	}
}

// One that is removed while it is full, and nobody reads what was in it, does not keep what is
// told from the next one.
func TestFullFIFOThatIsRemoved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events")
	f, log := newFIFO(t, path)
	must(t, f.Open())
	_, err := f.file.Write(bytes.Repeat([]byte("x"), 1<<16))
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	told := make(chan error)
	go func() { told <- f.Tell(ctx, of(Master, gw)) }()
	until(t, "it waits for room", func() bool { return len(log.warnings()) == 1 })
	must(t, os.Remove(path))
	must(t, <-told)
	if got := reads(t, path); got != "INSTANCE \"VI_1\" MASTER 0\n" {
		t.Errorf("%q", got)
	}
}

func TestFIFOIsNothingElse(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	must(t, os.WriteFile(path("file"), []byte("kept"), 0o600))
	must(t, unix.Mkfifo(path("real"), 0o600))
	must(t, os.Symlink(path("real"), path("link")))
	must(t, os.Symlink(path("none"), path("dangling")))
	for name, want := range map[string]string{
		"file":       "is there, and is no fifo",
		"link":       "is there, and is no fifo",
		"dangling":   "is there, and is no fifo",
		".":          "is there, and is no fifo",
		"none/below": "no such file or directory",
	} {
		f, _ := newFIFO(t, path(name))
		if err := f.Tell(t.Context(), of(Master, gw)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	if text, err := os.ReadFile(path("file")); err != nil || string(text) != "kept" {
		t.Errorf("the file has %q, %v", text, err)
	}
	if _, err := os.Lstat(path("none")); !os.IsNotExist(err) {
		t.Errorf("behind the dangling link: %v", err)
	}
}

func TestFIFOOfAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("this test needs root")
		}
		t.Skip("this test needs root")
	}
	const nobody, daemon = 65534, 1
	path := filepath.Join(t.TempDir(), "events")
	f := NewFIFO(path, nobody, nobody, slog.New(slog.DiscardHandler))
	must(t, f.Open())
	defer func() { must(t, f.Close()) }()
	info, err := os.Lstat(path)
	must(t, err)
	if stat := info.Sys().(*syscall.Stat_t); stat.Uid != nobody || stat.Gid != nobody || info.Mode().Perm() != fifoMode {
		t.Errorf("it belongs to %d:%d, mode %s", stat.Uid, stat.Gid, info.Mode())
	}
	must(t, os.Chown(path, daemon, daemon))
	stranger, _ := newFIFO(t, path)
	if err := stranger.Open(); err == nil || !strings.Contains(err.Error(), "belongs to user 1, who is neither root nor the user of the fifo; remove it, and it is made anew") {
		t.Error(err)
	}
}

// Lines that wait in a FIFO outlast a reload by which another entry writes into it.
func TestFIFOOfAnotherEntry(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events")
	before, log := newFIFO(t, path)
	after, _ := newFIFO(t, path)
	n := New(slog.New(slog.NewTextHandler(log, nil)))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- n.Run(ctx) }()
	n.Set([]Entry{{Key: "before", On: []Kind{Backup}, Lane: path, Target: before}})
	n.Tell(Event{Kind: Backup, Subject: gw, Priority: 100})
	n.Set([]Entry{{Key: "after", Lane: path, Target: after}})
	until(t, "only the other one is open", func() bool { return !before.There() && after.There() })
	if got, want := reads(t, path), "INSTANCE \"VI_1\" BACKUP 100\n"; got != want {
		t.Errorf("there is %q, want %q", got, want)
	}
	cancel()
	must(t, <-ended)
	if after.There() {
		t.Error("it is open after the end")
	}
}

// until waits for something.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for begin := time.Now(); !done(); time.Sleep(time.Millisecond) {
		if time.Since(begin) > patience {
			t.Fatalf("it never was that %s", what)
		}
	}
}
