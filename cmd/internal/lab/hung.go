package lab

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Hung is a file system that answers nothing, as NFS does without its server.
type Hung struct {
	host *Host
	dir  string
	fuse *os.File
}

// NeedFuse skips a test where the kernel has no file systems of programs. In CI that is a
// failure.
func NeedFuse(t test) {
	t.Helper()
	if _, err := os.Stat("/dev/fuse"); err != nil {
		skip(t, "needs the kernel's fuse")
	}
}

// MountHung puts a file system that hangs over dir for processes that are started on the
// host from now on, until Unmount.
func (h *Host) MountHung(dir string) (*Hung, error) {
	fuse, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("mount a file system that hangs: %w", err)
	}
	options := fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", fuse.Fd())
	err = h.Do(func() error {
		if err := h.ns.unshareMounts(); err != nil {
			return err
		}
		return unix.Mount("lab", dir, "fuse", 0, options)
	})
	if err != nil {
		_ = fuse.Close()
		return nil, fmt.Errorf("mount a file system that hangs on %s of %s: %w", dir, h.Name, err)
	}
	return &Hung{host: h, dir: dir, fuse: fuse}, nil
}

// Unmount has whoever waits for the file system meet an error.
func (f *Hung) Unmount() error {
	if err := f.fuse.Close(); err != nil {
		return fmt.Errorf("unmount %s of %s: %w", f.dir, f.host.Name, err)
	}
	return f.host.Do(func() error { return unix.Unmount(f.dir, unix.MNT_DETACH) })
}
