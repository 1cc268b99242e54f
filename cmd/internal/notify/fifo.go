package notify

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// FIFOBacklog is how many lines wait for room in a FIFO before newer ones take the place of
// older ones.
const FIFOBacklog = 1024

// fifoMode lets only the owner read.
const fifoMode = 0o600

// fifoLook is how long room is waited for between looks whether the FIFO is still the one at
// its path: nobody reads one that was removed.
const fifoLook = time.Second

// FIFO is a target: a named pipe into which lines go as keepalived writes them. It is held
// open for both directions, so that lines wait in it for a reader who comes later.
type FIFO struct {
	path     string
	uid, gid int // of who may read
	log      *slog.Logger

	mu   sync.Mutex // held while a line is written
	file *os.File   // nil until it is open
	full bool       // and said so

	there atomic.Bool // it is open
}

// NewFIFO returns the FIFO at a path, which belongs to a user when it is made.
func NewFIFO(path string, uid, gid int, log *slog.Logger) *FIFO {
	return &FIFO{path: path, uid: uid, gid: gid, log: log}
}

// Open makes the FIFO, if it is not there, and opens it, so that readers may come.
func (f *FIFO) Open() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.open()
}

// There tells whether it is open. It waits for no disk.
func (f *FIFO) There() bool { return f.there.Load() }

// Tell implements Target. It waits for room in the FIFO until ctx ends.
func (f *FIFO) Tell(ctx context.Context, e Event) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for {
		if err := f.open(); err != nil {
			return err
		}
		if err := f.write(ctx, []byte(e.line())); !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
	}
}

// Close implements io.Closer.
func (f *FIFO) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.drop()
}

func (f *FIFO) drop() error {
	if f.file == nil {
		return nil
	}
	f.there.Store(false) // before a reader sees the end of it
	err := f.file.Close()
	f.file = nil
	return err
}

// write writes a line, which a pipe takes as a whole or not at all (pipe(7), PIPE_BUF). It
// waits fifoLook for room, after which the error is os.ErrDeadlineExceeded.
func (f *FIFO) write(ctx context.Context, line []byte) error {
	file := f.file // the end of ctx may outlast the lock
	_ = file.SetWriteDeadline(time.Now().Add(fifoLook))
	defer context.AfterFunc(ctx, func() { _ = file.SetWriteDeadline(time.Unix(1, 0)) })()
	conn, err := file.SyscallConn()
	if err != nil {
		return fmt.Errorf("write to fifo %s: %w", f.path, err)
	}
	var failed error
	err = conn.Write(func(fd uintptr) bool {
		_, failed = unix.Write(int(fd), line)
		f.notice(failed == unix.EAGAIN)
		return failed != unix.EAGAIN
	})
	switch {
	case err != nil && ctx.Err() != nil:
		return fmt.Errorf("write to fifo %s: it is full, nobody reads", f.path)
	case err == nil:
		err = failed
	}
	if err != nil {
		return fmt.Errorf("write to fifo %s: %w", f.path, err)
	}
	return nil
}

// notice says when the FIFO becomes full.
func (f *FIFO) notice(full bool) {
	if full && !f.full {
		f.log.Warn("fifo is full, nobody reads: of what waits the newest is kept", "fifo", f.path)
	}
	f.full = full
}

// open opens the FIFO, unless it is open. One that somebody has removed is made anew.
func (f *FIFO) open() error {
	info, err := os.Lstat(f.path)
	if f.file != nil && err == nil {
		if held, err := f.file.Stat(); err == nil && os.SameFile(info, held) {
			return nil
		}
	}
	_ = f.drop()
	if errors.Is(err, fs.ErrNotExist) {
		if err = f.make(); err == nil {
			info, err = os.Lstat(f.path)
		}
	}
	if err != nil {
		return fmt.Errorf("open fifo: %w", err)
	}
	if err := f.fits(info); err != nil {
		return err
	}
	return f.hold(info)
}

// make makes the FIFO, and gives it to who may read: nothing else that somebody has put in
// its place meanwhile.
func (f *FIFO) make() error {
	if err := unix.Mkfifo(f.path, fifoMode); err != nil {
		return fmt.Errorf("make %s: %w", f.path, err)
	}
	if f.uid == os.Geteuid() {
		return nil
	}
	fd, err := unix.Open(f.path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("look at %s: %w", f.path, err)
	}
	defer func() { _ = unix.Close(fd) }()
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return fmt.Errorf("look at %s: %w", f.path, err)
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFIFO || int(stat.Uid) != os.Geteuid() {
		return fmt.Errorf("%s has become another file", f.path)
	}
	if err := unix.Fchownat(fd, "", f.uid, f.gid, unix.AT_EMPTY_PATH); err != nil {
		return errors.Join(fmt.Errorf("give %s to user %d: %w", f.path, f.uid, err), os.Remove(f.path))
	}
	return nil
}

// fits refuses what is no FIFO, and that of a stranger.
func (f *FIFO) fits(info os.FileInfo) error {
	if info.Mode().Type() != fs.ModeNamedPipe {
		return fmt.Errorf("open fifo: %s is there, and is no fifo", f.path)
	}
	stat, known := info.Sys().(*syscall.Stat_t)
	if owner := int(stat.Uid); known && owner != 0 && owner != os.Geteuid() && owner != f.uid {
		return fmt.Errorf("open fifo: %s belongs to user %d, who is neither root nor the user of the fifo; remove it, and it is made anew", f.path, owner)
	}
	return nil
}

// hold opens what was looked at, and nothing else.
func (f *FIFO) hold(looked os.FileInfo) error {
	fd, err := unix.Open(f.path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open fifo %s: %w", f.path, err)
	}
	file := os.NewFile(uintptr(fd), f.path)
	if held, err := file.Stat(); err != nil || !os.SameFile(looked, held) {
		return errors.Join(fmt.Errorf("open fifo: %s has become another file", f.path), err, file.Close())
	}
	f.file, f.full = file, false
	f.there.Store(true)
	return nil
}
