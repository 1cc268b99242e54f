package api

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// The lock beside a socket is held for some system calls, never for long.
const (
	lockWait  = 3 * time.Second
	lockRetry = 10 * time.Millisecond
)

var errLocked = errors.New("another perch is starting or stopping there")

// lockSocket keeps two daemons from replacing a socket in path's directory at a
// time. The lock is a file of this user's own, removed by unlock: a lock on the
// directory itself could be held by anybody who can read it.
func lockSocket(path string) (unlock func(), err error) {
	name := filepath.Join(filepath.Dir(path), ".perch-lock")
	for end := time.Now().Add(lockWait); ; time.Sleep(lockRetry) {
		file, err := tryLock(name)
		if err == nil {
			return func() {
				_ = os.Remove(name)
				_ = file.Close()
			}, nil
		}
		if !errors.Is(err, errLocked) {
			return nil, err
		}
		if time.Now().After(end) {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
}

func tryLock(name string) (*os.File, error) {
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err := lockFile(file, name); err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

// lockFile locks file, and makes sure that it is still the one called name and
// not one that its former holder has removed.
func lockFile(file *os.File, name string) error {
	err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return errLocked
	}
	if err != nil {
		return fmt.Errorf("lock %s: %w", name, err)
	}
	ours, err := file.Stat()
	if err != nil {
		return err
	}
	there, err := os.Lstat(name)
	if err != nil || !os.SameFile(ours, there) {
		return errLocked
	}
	return nil
}
