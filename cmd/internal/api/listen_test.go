package api

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// socketPath returns a path short enough for a socket, wherever TMPDIR is.
func socketPath(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "perch-api")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "perch.sock")
}

func listen(t *testing.T, path string) net.Listener {
	t.Helper()
	ln, err := ListenUnix(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	return ln
}

// leaveStale leaves a socket behind as a killed daemon does.
func leaveStale(t *testing.T, path string) {
	t.Helper()
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	ln.SetUnlinkOnClose(false)
	_ = ln.Close()
	if err := os.Chmod(path, socketMode); err != nil {
		t.Fatal(err)
	}
}

// wantOnly checks that a directory holds the named entries and nothing else.
func wantOnly(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(names, " ") {
		t.Errorf("%s holds %q, want %q", dir, got, names)
	}
}

func TestListenUnix(t *testing.T) {
	path := filepath.Join(filepath.Dir(socketPath(t)), "run", "perch", "perch.sock")
	ln := listen(t, path)
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != fs.ModeSocket|socketMode {
		t.Errorf("mode %v, want a socket of %#o", info.Mode(), socketMode)
	}
	if got := ln.Addr().String(); got != path {
		t.Errorf("Addr is %s, want %s", got, path)
	}
	if dir, err := os.Stat(filepath.Dir(path)); err != nil || dir.Mode().Perm()&^0o755 != 0 {
		t.Errorf("directory: %v, %v", dir.Mode(), err)
	}
	wantOnly(t, filepath.Dir(path), "perch.sock")
	if err := ln.Close(); err != nil {
		t.Error(err)
	}
	wantOnly(t, filepath.Dir(path))
}

// The process's umask decides nothing: neither wider before the socket is in
// place, nor narrower after.
func TestListenUnixUnderAnyUmask(t *testing.T) {
	for _, umask := range []int{0, 0o022, 0o077, 0o777} {
		path := socketPath(t)
		old := unix.Umask(umask)
		bound, err := bind(path + ".bound")
		unix.Umask(old)
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Lstat(path + ".bound")
		_ = bound.Close()
		if err != nil || info.Mode().Perm()&^socketMode != 0 {
			t.Errorf("umask %#o: bound with mode %v (%v)", umask, info.Mode(), err)
		}
		old = unix.Umask(umask)
		ln, err := ListenUnix(path)
		unix.Umask(old)
		if err != nil {
			t.Fatal(err)
		}
		info, err = os.Lstat(path)
		if err != nil || info.Mode().Perm() != socketMode {
			t.Errorf("umask %#o: mode %v (%v), want %#o", umask, info.Mode(), err, socketMode)
		}
		_ = ln.Close()
	}
}

func TestListenUnixReplacesADeadDaemonsSocket(t *testing.T) {
	path := socketPath(t)
	leaveStale(t, path)
	leaveStale(t, draft(path)) // killed before it was ready
	ln := listen(t, path)
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatalf("the new socket: %v", err)
	}
	_ = conn.Close()
	wantOnly(t, filepath.Dir(path), "perch.sock")
	_ = ln.Close()
}

func TestListenUnixRefuses(t *testing.T) {
	t.Run("a live daemon", func(t *testing.T) {
		path := socketPath(t)
		listen(t, path)
		_, err := ListenUnix(path)
		if want := "another perch daemon answers at " + path; !errors.Is(err, ErrSocketInUse) || err.Error() != want {
			t.Errorf("ListenUnix = %v, want %s", err, want)
		}
		wantOnly(t, filepath.Dir(path), "perch.sock")
	})
	t.Run("a file", func(t *testing.T) {
		path := socketPath(t)
		if err := os.WriteFile(path, []byte("mine"), 0o644); err != nil {
			t.Fatal(err)
		}
		wantError(t, path, "socket "+path+": something else is there (-rw-r--r--)")
		if got, _ := os.ReadFile(path); string(got) != "mine" {
			t.Errorf("the file holds %q now", got)
		}
	})
	t.Run("a link to a socket", func(t *testing.T) {
		path := socketPath(t)
		leaveStale(t, path+".other")
		if err := os.Symlink(path+".other", path); err != nil {
			t.Fatal(err)
		}
		wantError(t, path, "socket "+path+": something else is there (Lrwxrwxrwx)")
	})
	t.Run("a directory that is a file", func(t *testing.T) {
		path := socketPath(t)
		wantError(t, "/dev/null/perch.sock", "socket /dev/null/perch.sock: mkdir /dev/null: not a directory")
		wantOnly(t, filepath.Dir(path))
	})
	t.Run("a long path", func(t *testing.T) {
		path := "/tmp/" + strings.Repeat("x", 103)
		wantError(t, path, "socket "+path+": the path has 108 bytes, at most 107 are possible")
	})
	t.Run("a file under the name of a draft", func(t *testing.T) {
		path := socketPath(t)
		if err := os.WriteFile(draft(path), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		wantError(t, path, "socket "+path+": bind: address already in use")
		wantOnly(t, filepath.Dir(path), filepath.Base(draft(path)))
	})
	t.Run("one that another perch is about to place", func(t *testing.T) {
		path := socketPath(t)
		unlock, err := lockSocket(path)
		if err != nil {
			t.Fatal(err)
		}
		defer unlock()
		wantError(t, path, "socket "+path+": "+filepath.Dir(path)+"/.perch-lock: another perch is starting or stopping there")
	})
}

// What `perch check` lets pass can be listened on, and what stands in the way is
// told of the path that the operator chose.
func TestListenUnixOnTheLongestAndTheShortestName(t *testing.T) {
	dir := filepath.Dir(socketPath(t))
	for _, path := range []string{
		filepath.Join(dir, "s"),
		filepath.Join(dir, "~"),
		filepath.Join(dir, strings.Repeat("d", maxSocketPath-len(dir)-len("//s")), "s"),
		filepath.Join(dir, strings.Repeat("s", maxSocketPath-len(dir)-len("/"))),
	} {
		listen(t, path)
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.Close()
	}
}

func TestNoErrorNamesTheDraft(t *testing.T) {
	path := socketPath(t)
	name := draft(path)
	wantCause := func(want string) {
		t.Helper()
		if _, err := finish(name, path); err == nil || err.Error() != want {
			t.Errorf("finish: %v, want %s", err, want)
		}
	}
	wantCause("set mode: no such file or directory")
	leaveStale(t, name)
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	wantCause("put it in place: file exists")
	path = socketPath(t)
	ln := listen(t, path)
	_ = ln.Close()
	if _, err := ln.Accept(); err == nil || err.Error() != "accept unix "+path+": use of closed network connection" {
		t.Errorf("Accept: %v", err)
	}
}

func wantError(t *testing.T, path, want string) {
	t.Helper()
	ln, err := ListenUnix(path)
	if err == nil {
		_ = ln.Close()
		t.Fatalf("ListenUnix(%s) succeeded, want %s", path, want)
	}
	if err.Error() != want {
		t.Errorf("ListenUnix:\n got %v\nwant %s", err, want)
	}
}

func TestCloseLeavesASuccessorsSocket(t *testing.T) {
	path := socketPath(t)
	first := listen(t, path)
	if err := os.Remove(path); err != nil { // by hand, while the first daemon lives
		t.Fatal(err)
	}
	listen(t, path)
	for range 2 { // also when it is closed again
		_ = first.Close()
		if conn, err := net.Dial("unix", path); err != nil {
			t.Errorf("the successor's socket: %v", err)
		} else {
			_ = conn.Close()
		}
	}
}

// Once the listener is closed its inode's number may be another file's.
func TestCloseAgainRemovesNothing(t *testing.T) {
	path := socketPath(t)
	ln := listen(t, path)
	if err := os.Link(path, path+".kept"); err != nil {
		t.Fatal(err)
	}
	_ = ln.Close()
	if err := os.Rename(path+".kept", path); err != nil {
		t.Fatal(err)
	}
	_ = ln.Close()
	wantOnly(t, filepath.Dir(path), "perch.sock")
}

func TestCloseWithoutItsDirectory(t *testing.T) {
	path := socketPath(t)
	ln := listen(t, path)
	if err := os.RemoveAll(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	if err := ln.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// Of many daemons that find the same stale socket, one gets it.
func TestOneOfManyTakesOver(t *testing.T) {
	for range 20 {
		path := socketPath(t)
		leaveStale(t, path)
		var wg sync.WaitGroup
		won := make(chan net.Listener, 8)
		for range cap(won) {
			wg.Go(func() {
				ln, err := ListenUnix(path)
				if err == nil {
					won <- ln
				} else if !errors.Is(err, ErrSocketInUse) {
					t.Errorf("a loser's error is %v", err)
				}
			})
		}
		wg.Wait()
		if len(won) != 1 {
			t.Fatalf("%d daemons have the socket", len(won))
		}
		_ = (<-won).Close()
		wantOnly(t, filepath.Dir(path))
	}
}

// A directory of another user's is no reason to hang or to panic.
func TestListenUnixWithoutRights(t *testing.T) {
	path := socketPath(t)
	err := asNobody(t, func() error {
		ln, err := ListenUnix(path)
		if err == nil {
			_ = ln.Close()
		}
		return err
	})
	if !errors.Is(err, fs.ErrPermission) {
		t.Errorf("ListenUnix = %v, want %v", err, syscall.EACCES)
	}
}

// A lock on a file that its former holder has removed is worth nothing.
func TestLockOfARemovedFile(t *testing.T) {
	name := socketPath(t) + ".lock"
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, when := range []string{"gone", "another's"} {
		_ = os.Remove(name)
		if when == "another's" {
			if err := os.WriteFile(name, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := lockFile(file, name); !errors.Is(err, errLocked) {
			t.Errorf("the file is %s: lockFile = %v, want %v", when, err, errLocked)
		}
	}
}
