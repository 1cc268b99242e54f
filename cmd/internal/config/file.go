package config

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// ErrNotRegular is a folder, FIFO, socket or device where a file is wanted.
var ErrNotRegular = errors.New("not a regular file")

// OpenFile opens a regular file for reading, and does not wait for anything
// else: a FIFO has no end, and may have no beginning. The error is an
// *fs.PathError; of what is no regular file it is ErrNotRegular.
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
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

func notRegular(path string) error {
	return &fs.PathError{Op: "open", Path: path, Err: ErrNotRegular}
}
