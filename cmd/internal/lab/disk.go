package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Disk is a small file system that one host alone sees.
type Disk struct {
	host *Host
	dir  string
}

// MountDisk puts an empty file system of size bytes over dir for processes that
// are started on the host from now on. It is gone with the host.
func (h *Host) MountDisk(dir string, size int) (*Disk, error) {
	err := h.Do(func() error {
		if err := h.ns.unshareMounts(); err != nil {
			return err
		}
		return unix.Mount("lab", dir, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0700", size))
	})
	if err != nil {
		return nil, fmt.Errorf("mount a disk on %s of %s: %w", dir, h.Name, err)
	}
	return &Disk{host: h, dir: dir}, nil
}

// Fill writes to the disk until it has no space left.
func (d *Disk) Fill() error {
	err := d.host.Do(func() error {
		f, err := os.OpenFile(d.ballast(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		if err != nil {
			return err
		}
		return errors.Join(writeUntilFull(f), f.Close())
	})
	if err != nil {
		return fmt.Errorf("fill the disk of %s: %w", d.host.Name, err)
	}
	return nil
}

func writeUntilFull(f *os.File) error {
	block := make([]byte, os.Getpagesize())
	for {
		if _, err := f.Write(block); errors.Is(err, unix.ENOSPC) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// Empty undoes Fill.
func (d *Disk) Empty() error {
	if err := d.host.Do(func() error { return os.Remove(d.ballast()) }); err != nil {
		return fmt.Errorf("empty the disk of %s: %w", d.host.Name, err)
	}
	return nil
}

func (d *Disk) ballast() string { return filepath.Join(d.dir, "ballast") }
