package api

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	socketMode = 0o660
	// maxSocketPath is sun_path without its final NUL.
	maxSocketPath = 107
	probeTimeout  = time.Second
)

// ErrSocketInUse is a control socket at which another daemon answers.
var ErrSocketInUse = errors.New("another perch daemon answers")

// ListenUnix listens on a control socket of mode 0660 and makes its directory
// if that is missing. It takes the place of a socket whose daemon is dead, and
// of nothing else: neither of one that another user has put there, nor of one that others
// may use. A directory in which others could replace it is refused. The socket is bound under another name beside path and
// renamed when it is ready, so that nobody meets it half made. Close removes
// it, unless a successor has put its own in that place.
func ListenUnix(path string) (net.Listener, error) {
	s, err := listenUnix(path)
	if err != nil {
		return nil, err // without a socket that is nil and no nil listener
	}
	return s, nil
}

func listenUnix(path string) (*socket, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("socket %s: %w", path, err)
	}
	if len(path) > maxSocketPath {
		return nil, fmt.Errorf("socket %s: the path has %d bytes, at most %d are possible", path, len(path), maxSocketPath)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("socket %s: %w", path, err)
	}
	if err := safeFolder(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("socket %s: %w", path, err)
	}
	unlock, err := lockSocket(path)
	if err != nil {
		return nil, fmt.Errorf("socket %s: %w", path, err)
	}
	defer unlock()
	if err := vacant(path); err != nil {
		return nil, err
	}
	return place(path)
}

// draft is the name under which the socket for path is made: beside it, and of
// the same length because it has the same limit. The lock is the directory's.
func draft(path string) string {
	last := "~"
	if strings.HasSuffix(path, last) {
		last = "_"
	}
	return path[:len(path)-1] + last
}

// vacant returns nil if path is free or holds the socket of a dead daemon.
func vacant(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("socket: %w", err)
	case info.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("socket %s: something else is there (%s)", path, info.Mode())
	}
	conn, err := net.DialTimeout("unix", path, probeTimeout)
	if err == nil {
		_ = conn.Close()
		return fmt.Errorf("%w at %s", ErrSocketInUse, path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if owner := ownerOf(info); owner != os.Geteuid() {
		return fmt.Errorf("socket %s: one of user %s is there, and perch runs as user %s: remove it", path, userName(uint32(owner)), userName(uint32(os.Geteuid())))
	}
	if mode := info.Mode().Perm(); mode&^socketMode != 0 {
		return fmt.Errorf("socket %s: one of mode %04o is there, and perch makes them with %04o at most, so that no others can use them: remove it", path, mode, socketMode)
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return nil
	}
	return fmt.Errorf("socket %s: is its daemon alive? %w", path, cause(err))
}

// place binds the socket and puts it at path.
func place(path string) (*socket, error) {
	name := draft(path)
	if info, err := os.Lstat(name); err == nil && info.Mode().Type() == fs.ModeSocket {
		_ = os.Remove(name) // left by one that was killed just here; if it stays, bind says so
	}
	ln, err := bind(name)
	if err != nil {
		return nil, fmt.Errorf("socket %s: %w", path, err)
	}
	info, err := finish(name, path)
	if err != nil {
		_ = ln.Close()
		_ = os.Remove(name)
		return nil, fmt.Errorf("socket %s: %w", path, err)
	}
	return &socket{UnixListener: ln, path: path, info: info}, nil
}

// bind listens at name. The mode of a socket's file is that of the socket
// before bind, less the umask: it is never wider than socketMode.
func bind(name string) (*net.UnixListener, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("create: %w", err)
	}
	file := os.NewFile(uintptr(fd), name)
	defer file.Close() // net.FileListener works on a duplicate
	if err := unix.Fchmod(fd, socketMode); err != nil {
		return nil, fmt.Errorf("set mode: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: name}); err != nil {
		return nil, fmt.Errorf("bind: %w", err)
	}
	if err := unix.Listen(fd, unix.SOMAXCONN); err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	ln, err := net.FileListener(file)
	if err != nil {
		return nil, err
	}
	return ln.(*net.UnixListener), nil
}

// finish gives the socket at name the mode that the umask may have narrowed,
// moves it to path, and returns what tells its file from another. No error names
// the draft, which nobody has heard of.
func finish(name, path string) (fs.FileInfo, error) {
	if err := os.Chmod(name, socketMode); err != nil {
		return nil, fmt.Errorf("set mode: %w", cause(err))
	}
	info, err := os.Lstat(name)
	if err != nil {
		return nil, fmt.Errorf("look at it: %w", cause(err))
	}
	if err := os.Rename(name, path); err != nil {
		return nil, fmt.Errorf("put it in place: %w", cause(err))
	}
	return info, nil
}

// socket is a listener that removes its file, and no other, when it is closed.
type socket struct {
	*net.UnixListener
	path string
	info fs.FileInfo

	closing sync.Once
}

// Addr names the socket by the path it is reached at.
func (s *socket) Addr() net.Addr { return &net.UnixAddr{Name: s.path, Net: "unix"} }

// Accept names the socket likewise in its error.
func (s *socket) Accept() (net.Conn, error) {
	conn, err := s.UnixListener.Accept()
	if e, ok := errors.AsType[*net.OpError](err); ok {
		e.Addr = s.Addr()
	}
	return conn, err
}

// Close removes the file first: as long as the listener is open no other file
// can have its inode's number.
func (s *socket) Close() error {
	s.closing.Do(s.remove)
	return s.UnixListener.Close()
}

func (s *socket) remove() {
	unlock, err := lockSocket(s.path)
	if err != nil {
		return // a socket that is left behind is refused by the kernel and replaced by the next daemon
	}
	defer unlock()
	if info, err := os.Lstat(s.path); err == nil && os.SameFile(info, s.info) {
		_ = os.Remove(s.path)
	}
}
