package checker

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func newFileCheck(t testing.TB, path string, spec File) Checker {
	t.Helper()
	return made(t, testHost(), Spec{Kind: "file", Target: path, File: spec})
}

func TestFileIsThere(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "flag")
	there, absent := newFileCheck(t, path, File{}), newFileCheck(t, path, File{Absent: true})
	wants := func(step, wantThere, wantAbsent string) {
		t.Helper()
		_, a := findingOf(there, enough)
		_, b := findingOf(absent, enough)
		if a != wantThere || b != wantAbsent {
			t.Errorf("%s: %q and %q, want %q and %q", step, a, b, wantThere, wantAbsent)
		}
	}
	wants("nothing", "no such file", "")
	must(t, os.WriteFile(path, nil, 0o600))
	wants("empty file", "", "it is there")
	must(t, os.Remove(path), os.Symlink(dir+"/none", path))
	wants("link to nothing", "no such file", "")
	must(t, os.Remove(path), os.Mkdir(path, 0o700))
	wants("folder", "not a regular file (drwx------)", "it is there")
	must(t, os.Remove(path), unix.Mkfifo(path, 0o600))
	wants("FIFO", "not a regular file (prw-------)", "it is there")
}

func TestFileBelowAFile(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(dir+"/file", nil, 0o600))
	if _, got := findingOf(newFileCheck(t, dir+"/file/below", File{}), enough); got != "no such file" {
		t.Errorf("reason %q", got)
	}
	if _, got := findingOf(newFileCheck(t, dir+"/file/below", File{Absent: true}), enough); got != "" {
		t.Errorf("reason %q", got)
	}
}

func TestFileAge(t *testing.T) {
	path := filepath.Join(t.TempDir(), "beat")
	must(t, os.WriteFile(path, nil, 0o600))
	for _, c := range []struct {
		age, limit time.Duration
		want       string
	}{
		{0, time.Hour, ""},
		{-time.Hour, time.Minute, ""}, // of a clock that was put back
		{3 * time.Hour, 0, ""},
		{3 * time.Hour, 90 * time.Minute, "last written 3h0m0s ago, at most 1h30m0s allowed"},
	} {
		written := time.Now().Add(-c.age)
		must(t, os.Chtimes(path, written, written))
		if _, got := findingOf(newFileCheck(t, path, File{MaxAge: c.limit}), enough); got != c.want {
			t.Errorf("age %s: %q, want %q", c.age, got, c.want)
		}
	}
}

func TestFileOfFractionsOfASecond(t *testing.T) {
	f := &fileCheck{spec: File{MaxAge: 250 * time.Millisecond}}
	err := f.fresh(1234567 * time.Microsecond)
	if err == nil || err.Error() != "last written 1.235s ago, at most 250ms allowed" {
		t.Errorf("reason %v", err)
	}
	if err := f.fresh(250 * time.Millisecond); err != nil {
		t.Errorf("at the limit: %v", err)
	}
}

func TestFileNumber(t *testing.T) {
	path := filepath.Join(t.TempDir(), "number")
	c := newFileCheck(t, path, File{Number: true})
	for _, f := range []struct {
		text   string
		value  int
		reason string
	}{
		{"0", 0, ""},
		{" \t-17 \r\n\n", -17, ""},
		{"+5", 5, ""},
		{"010", 10, ""},
		{"99999999999", math.MaxInt32, ""},
		{"-99999999999999999999999999", math.MinInt32, ""},
		{strings.Repeat(" ", maxNumber-1) + "7", 7, ""},
		{strings.Repeat(" ", maxNumber) + "7", 0, "longer than 64 bytes"},
		{" ", 0, `holds "", wanted a whole number`},
		{"1.5", 0, `holds "1.5", wanted a whole number`},
		{"1 2", 0, `holds "1 2", wanted a whole number`},
		{"0x10", 0, `holds "0x10", wanted a whole number`},
		{"5\x00\x1b", 0, `holds "5\x00\x1b", wanted a whole number`},
	} {
		must(t, os.WriteFile(path, []byte(f.text), 0o600))
		found, reason := findingOf(c, enough)
		if reason != f.reason || found.Value != (Value{f.value, f.reason == ""}) {
			t.Errorf("%q: %v and %q, want %d and %q", f.text, found.Value, reason, f.value, f.reason)
		}
	}
}

// Where a number stands for a file that is missing, it counts from the first look on, and while
// the file has nothing in it yet.
func TestMissingFileWithANumber(t *testing.T) {
	path := filepath.Join(t.TempDir(), "below", "number")
	c := newFileCheck(t, path, File{Number: true, Missing: new(-7)})
	wants := func(step string, want int) {
		t.Helper()
		if found, reason := findingOf(c, enough); reason != "" || found.Value != (Value{want, true}) {
			t.Errorf("%s: %v and %q, want %d", step, found.Value, reason, want)
		}
	}
	wants("no folder", -7)
	must(t, os.Mkdir(filepath.Dir(path), 0o700))
	wants("no file", -7)
	must(t, os.WriteFile(path, nil, 0o600))
	wants("empty", -7)
	must(t, os.WriteFile(path, []byte("3\n"), 0o600))
	wants("written", 3)
	must(t, os.Remove(path))
	wants("removed", -7)
	must(t, os.WriteFile(path, []byte("much\n"), 0o600))
	wantReason(t, c, enough, `holds "much", wanted a whole number`)
}

// The shell empties a file before it runs what is to write it.
func TestEmptiedFileKeepsItsNumber(t *testing.T) {
	path := filepath.Join(t.TempDir(), "number")
	write := func(text string) { must(t, os.WriteFile(path, []byte(text), 0o600)) }
	const none = `holds "", wanted a whole number`
	c := newFileCheck(t, path, File{Number: true})
	write("")
	wantReason(t, c, enough, none) // it never had one
	write("50\n")
	wantReason(t, c, enough, "")
	write("")
	if found, reason := findingOf(c, enough); reason != "" || found.Value != (Value{50, true}) {
		t.Errorf("%v and %q", found.Value, reason)
	}
	long := time.Now().Add(-emptyLimit)
	must(t, os.Chtimes(path, long, long))
	wantReason(t, c, enough, none)
}

// Nothing that may lie there keeps a look.
func TestFilesThatAreNone(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	must(t, unix.Mkfifo(fifo, 0o600))
	leavesNothing(t, func() {
		for _, path := range []string{fifo, "/dev/zero", "/dev/tty", "/"} {
			if _, got := findingOf(newFileCheck(t, path, File{Number: true}), enough); !strings.HasPrefix(got, "not a regular file (") {
				t.Errorf("%s: %q", path, got)
			}
			// Also if it was another thing when it was looked at.
			if _, err := readNumber(path); path != "/dev/tty" && (err == nil || !strings.HasPrefix(err.Error(), "not a regular file (")) {
				t.Errorf("%s: %v", path, err)
			}
		}
	})
}

func TestWrongFileSpecs(t *testing.T) {
	for _, c := range []struct {
		path string
		spec File
		want string
	}{
		{"", File{}, `file "": must be an absolute path`},
		{"run/flag", File{}, `file "run/flag": must be an absolute path`},
		{"/f", File{Absent: true, Number: true}, `file "/f": one that must be absent has neither an age nor a number`},
		{"/f", File{Absent: true, MaxAge: 1}, `file "/f": one that must be absent has neither an age nor a number`},
		{"/f", File{Missing: new(0)}, `file "/f": one without a number has none while it is missing`},
	} {
		_, err := testHost().New(Spec{Kind: "file", Target: c.path, File: c.spec})
		if err == nil || err.Error() != c.want {
			t.Errorf("%q %v: %v, want %q", c.path, c.spec, err, c.want)
		}
	}
}

// watching is a Host that runs, and a Watcher of it that looks whenever it notices something.
type watching struct {
	t       testing.TB
	checker Checker
	noticed atomic.Int64
}

// watchIt lets a check watch until the test ends.
func watchIt(t testing.TB, h *Host, c Checker) *watching {
	w := &watching{t: t, checker: c}
	ctx, cancel := context.WithCancel(context.Background())
	var both sync.WaitGroup
	both.Go(func() { _ = h.Run(ctx) })
	both.Go(func() {
		if err := c.(Watcher).Watch(ctx, func() { w.noticed.Add(1) }); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); both.Wait() })
	return w
}

// becomes does something that is noticed, after which a look has a reason.
func (w *watching) becomes(want string, do func()) {
	w.t.Helper()
	before := w.noticed.Load()
	do()
	var got string
	until(w.t, "it is noticed", func() bool { return w.noticed.Load() > before })
	until(w.t, "the reason is "+want, func() bool {
		_, got = findingOf(w.checker, enough)
		return got == want
	})
}

// watchFile watches a file, and waits until its folder is watched.
func watchFile(t testing.TB, path string, spec File) *watching {
	h := testHost()
	c, err := h.New(Spec{Kind: "file", Target: path, File: spec})
	must(t, err)
	w := watchIt(t, h, c)
	until(t, "it is watched", func() bool { return folderWatched(c.(*fileCheck)) })
	return w
}

// folderWatched looks, which begins to watch, and tells whether it does.
func folderWatched(f *fileCheck) bool {
	_, _ = oneLook(f, enough)
	f.folders.mu.Lock()
	defer f.folders.mu.Unlock()
	return f.place.watch != 0
}

func TestFileChangesAreNoticed(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "number")
	write := func(path, text string) func() {
		return func() { must(t, os.WriteFile(path, []byte(text), 0o600)) }
	}
	w := watchFile(t, path, File{Number: true})
	w.becomes("", write(path, "1"))
	w.becomes(`holds "x", wanted a whole number`, write(path, "x"))
	w.becomes("", func() { write(path+".new", "2")(); must(t, os.Rename(path+".new", path)) })
	w.becomes("no such file", func() { must(t, os.Rename(path, path+".old")) })
	w.becomes("", write(path, "3"))
	w.becomes("no such file", func() { must(t, os.Remove(path)) })
}

// A file that comes to be has no number yet.
func TestFileWithNumberIsNotLookedAtTooEarly(t *testing.T) {
	for spec, want := range map[File]bool{{Number: true}: false, {}: true, {Absent: true}: true, {MaxAge: 1}: true} {
		if got := (&fileCheck{spec: spec}).events()&unix.IN_CREATE != 0; got != want {
			t.Errorf("%v: %v", spec, got)
		}
	}
}

func TestFileFlagsAreNoticed(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "maintenance")
	must(t, os.WriteFile(dir+"/other", nil, 0o600))
	w := watchFile(t, path, File{Absent: true})
	w.becomes("it is there", func() { must(t, os.Link(dir+"/other", path)) })
	w.becomes("", func() { must(t, os.Remove(path)) })
	w.becomes("it is there", func() { must(t, os.Symlink("other", path)) })
}

func TestFileFolderThatComesLater(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "later")
	path := filepath.Join(folder, "flag")
	h := testHost()
	c, err := h.New(Spec{Kind: "file", Target: path})
	must(t, err)
	w := watchIt(t, h, c)
	for range 2 {
		must(t, os.Mkdir(folder, 0o700))
		until(t, "a look finds the folder", func() bool { findingOf(c, enough); return folderWatched(c.(*fileCheck)) })
		w.becomes("", func() { must(t, os.WriteFile(path, nil, 0o600)) })
		w.becomes("no such file", func() { must(t, os.RemoveAll(folder)) })
		findingOf(c, enough)
		if folderWatched(c.(*fileCheck)) {
			t.Error("a folder that is gone is watched")
		}
	}
}

// watches returns how many watches the kernel has for a Host.
func watches(t testing.TB, f *folders) int {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	conn, err := f.inotify.SyscallConn()
	must(t, err)
	var text []byte
	must(t, conn.Control(func(fd uintptr) { text, err = os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", fd)) }), err)
	return strings.Count(string(text), "inotify wd:")
}

func TestFileFolderThatIsReplaced(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "folder")
	must(t, os.Mkdir(folder, 0o700))
	w := watchFile(t, filepath.Join(folder, "flag"), File{})
	w.becomes("no such file", func() { must(t, os.Rename(folder, folder+".old"), os.Mkdir(folder, 0o700)) })
	w.becomes("", func() { must(t, os.WriteFile(folder+"/flag", nil, 0o600)) })
	if n := watches(t, w.checker.(*fileCheck).folders); n != 1 {
		t.Errorf("%d watches, want 1", n)
	}
}

func TestFilesInOneFolder(t *testing.T) {
	dir := t.TempDir()
	h := testHost()
	made := func(name string) Checker {
		c, err := h.New(Spec{Kind: "file", Target: filepath.Join(dir, name)})
		must(t, err)
		return c
	}
	a, b := made("a"), made("b")
	w := watchIt(t, h, a)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	var toldB atomic.Int64
	go func() { done <- b.(Watcher).Watch(ctx, func() { toldB.Add(1) }) }()
	until(t, "both are watched", func() bool { return folderWatched(a.(*fileCheck)) && folderWatched(b.(*fileCheck)) })
	// As Run begins all are told once, which may come late.
	until(t, "one file is not told of the other", func() bool {
		before := toldB.Load()
		w.becomes("", func() { must(t, os.WriteFile(dir+"/a", nil, 0o600)) })
		return toldB.Load() == before
	})
	cancel()
	must(t, <-done)
	if n := watches(t, &h.folders); n != 1 {
		t.Errorf("%d watches after one of two is left, want 1", n)
	}
	w.becomes("no such file", func() { must(t, os.Remove(dir+"/a")) })
	if folderWatched(b.(*fileCheck)) {
		t.Error("still watched")
	}
}

func TestFilesLeaveNothing(t *testing.T) {
	leavesNothing(t, func() {
		t.Run("watch", func(t *testing.T) { watchFile(t, filepath.Join(t.TempDir(), "x"), File{}) })
	})
}

func inotifyBytes(watch int32, mask uint32, name string, padded int) []byte {
	b := binary.NativeEndian.AppendUint32(nil, uint32(watch))
	b = binary.NativeEndian.AppendUint32(b, mask)
	b = binary.NativeEndian.AppendUint32(b, 0)
	b = binary.NativeEndian.AppendUint32(b, uint32(padded))
	return append(b, (name + strings.Repeat("\x00", padded))[:padded]...)
}

func TestParseInotify(t *testing.T) {
	b := slices.Concat(
		inotifyBytes(1, unix.IN_CREATE, "flag", 16),
		inotifyBytes(-1, unix.IN_Q_OVERFLOW, "", 0),
		inotifyBytes(2, unix.IN_IGNORED, "", 0),
	)
	want := []inotifyEvent{{1, unix.IN_CREATE, "flag"}, {-1, unix.IN_Q_OVERFLOW, ""}, {2, unix.IN_IGNORED, ""}}
	if got := parseInotify(b); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	for cut := range b {
		if got := parseInotify(b[:cut]); len(got) > 2 || !slices.Equal(got, want[:len(got)]) {
			t.Errorf("first %d bytes: %v", cut, got)
		}
	}
}

func TestWhomInotifyEventsConcern(t *testing.T) {
	p := &watchedPlace{path: "/run/flag", events: contentEvents, watch: 3}
	for _, c := range []struct {
		event inotifyEvent
		want  bool
	}{
		{inotifyEvent{3, unix.IN_CLOSE_WRITE, "flag"}, true},
		{inotifyEvent{3, unix.IN_CREATE, "flag"}, false},
		{inotifyEvent{3, unix.IN_CLOSE_WRITE, "flags"}, false},
		{inotifyEvent{4, unix.IN_CLOSE_WRITE, "flag"}, false},
		{inotifyEvent{3, unix.IN_DELETE_SELF, ""}, true},
		{inotifyEvent{4, unix.IN_DELETE_SELF, ""}, false},
		{inotifyEvent{3, unix.IN_IGNORED, ""}, true},
		{inotifyEvent{-1, unix.IN_Q_OVERFLOW, ""}, true},
	} {
		if got := c.event.concerns(p); got != c.want {
			t.Errorf("%v: %v", c.event, got)
		}
	}
}

// A folder on a file system that hangs keeps nobody else waiting.
func TestFileBesideAFolderThatHangs(t *testing.T) {
	dead, well := t.TempDir(), t.TempDir()
	h := testHost()
	hangs, over := make(chan struct{}), make(chan struct{})
	h.folders.addWatch = func(inotify *os.File, folder string, events uint32) (int32, error) {
		if folder == dead {
			close(hangs)
			<-over
		}
		return addWatch(inotify, folder, events)
	}
	a := made(t, h, Spec{Kind: "file", Target: well + "/a"})
	w := watchIt(t, h, a)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	b := made(t, h, Spec{Kind: "file", Target: dead + "/b"})
	until(t, "it is watched", func() bool { return folderWatched(a.(*fileCheck)) })
	go func() { done <- b.(Watcher).Watch(ctx, func() {}) }()
	<-hangs
	w.becomes("", func() { must(t, os.WriteFile(well+"/a", nil, 0o600)) })
	w.becomes("no such file", func() { must(t, os.Remove(well+"/a")) })
	close(over)
	cancel()
	must(t, <-done)
}
