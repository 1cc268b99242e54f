package config

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// ErrNotRegular is a folder, FIFO, socket or device where a file is wanted.
var ErrNotRegular = errors.New("not a regular file")

// mostWait bounds how long a file is waited for that the kernel calls regular and that has no
// end for all that: /proc/kmsg. Nothing can wait for those on a disk.
const mostWait = 2 * time.Second

// OpenFile opens a regular file for reading, and does not wait for anything
// else: a FIFO has no end, and may have no beginning. The error is an
// *fs.PathError; of what is no regular file it is ErrNotRegular. The file is for
// being read at once: see mostWait.
func OpenFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if errors.Is(err, syscall.ENXIO) { // a socket
		return nil, notRegular(path)
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = notRegular(path)
	}
	if err == nil {
		err = f.SetReadDeadline(time.Now().Add(mostWait))
	}
	if errors.Is(err, os.ErrNoDeadline) {
		err = nil
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

func notRegular(path string) error {
	return &fs.PathError{Op: "open", Path: path, Err: ErrNotRegular}
}
