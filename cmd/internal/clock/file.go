package clock

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// maxFile bounds what is read of a file that should be small.
const maxFile = 4 << 10

// put makes a file what it is to be, and returns whether it was anything else. A leader that
// could not write it hears of that now: it may be a follower soon.
func (f *follower) put(path string, s Sources) (changed bool, err error) {
	if s.Verdict != Keep {
		if err := writable(filepath.Dir(path)); err != nil {
			return false, err
		}
	}
	switch s.Verdict {
	case Lead:
		return remove(path)
	case Follow:
		return f.write(path, s.Content)
	}
	return false, nil
}

func writable(folder string) error {
	if err := unix.Access(folder, unix.W_OK|unix.X_OK); err != nil {
		return &fs.PathError{Op: "write to", Path: folder, Err: err}
	}
	return nil
}

func remove(path string) (changed bool, err error) {
	err = os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

func (f *follower) write(path, content string) (changed bool, err error) {
	if holds(path, content) {
		return false, nil
	}
	err = f.opts.Replace(path, []byte(content))
	return err == nil, err
}

// holds reports whether a file has just this content, for everybody to read. A file that is
// no regular one has not, and is not waited for.
func holds(path, content string) bool {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&0o444 != 0o444 {
		return false
	}
	is, err := io.ReadAll(io.LimitReader(f, maxFile))
	return err == nil && string(is) == content
}

// bare is an error without the path that is named before it.
func bare(path string, err error) error {
	if failed, ok := errors.AsType[*fs.PathError](err); ok && failed.Path == path {
		return failed.Err
	}
	return err
}
