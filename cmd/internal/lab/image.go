package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Requests of linux/fs.h.
const (
	fiFreeze = 0xc0045877
	fiThaw   = 0xc0045878
)

// thawLimit is how long an Image may hang at most. A process that waits for it cannot
// even be killed, so that this holds when this process is.
const thawLimit = 30 * time.Second

// Image is an ext4 file system in a file, which one host alone sees and which can be
// made to hang.
type Image struct {
	host *Host
	dir  string

	mu     sync.Mutex
	rescue *exec.Cmd // thaws it when nobody else does; nil while it does not hang
}

// MountImage makes an ext4 file system in the new file and mounts it on dir for
// processes that are started on the host from now on. It needs mkfs.ext4(8), mount(8)
// and fsfreeze(8).
func (h *Host) MountImage(dir, file string) (*Image, error) {
	err := h.Do(func() error {
		return errors.Join(
			os.WriteFile(file, nil, 0o600),
			os.Truncate(file, 16<<20),
			h.ns.unshareMounts(),
			command("mkfs.ext4", "-q", "-F", file),
			command("mount", "-o", "loop", file, dir),
		)
	})
	if err != nil {
		return nil, fmt.Errorf("mount %s on %s of %s: %w", file, dir, h.Name, err)
	}
	i := &Image{host: h, dir: dir}
	if err := h.lab.begin(closer(i.Thaw), func() {}); err != nil {
		return nil, fmt.Errorf("mount %s on %s of %s: %w", file, dir, h.Name, err)
	}
	return i, nil
}

func command(name string, args ...string) error {
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, out)
	}
	return nil
}

// closer is a function that closes.
type closer func() error

func (c closer) Close() error { return c() }

// Freeze makes every write to the file system wait until Thaw.
func (i *Image) Freeze() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.rescue != nil {
		return nil
	}
	rescue := exec.Command("sh", "-c", fmt.Sprintf("sleep %.0f; exec fsfreeze -u \"$0\"", thawLimit.Seconds()), i.dir)
	rescue.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := i.host.Do(rescue.Start); err != nil {
		return fmt.Errorf("freeze %s of %s: %w", i.dir, i.host.Name, err)
	}
	i.rescue = rescue
	if err := i.ioctl("freeze", fiFreeze); err != nil {
		return errors.Join(err, i.dismiss())
	}
	return nil
}

// Thaw undoes Freeze.
func (i *Image) Thaw() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.rescue == nil {
		return nil
	}
	return errors.Join(i.ioctl("thaw", fiThaw), i.dismiss())
}

// dismiss ends the rescue, with its sleep. The caller holds mu.
func (i *Image) dismiss() error {
	err := syscall.Kill(-i.rescue.Process.Pid, syscall.SIGKILL)
	_ = i.rescue.Wait() // killed
	i.rescue = nil
	return os.NewSyscallError("kill", err)
}

func (i *Image) ioctl(doing string, request uint) error {
	err := i.host.Do(func() error {
		dir, err := os.Open(i.dir)
		if err != nil {
			return err
		}
		return errors.Join(unix.IoctlSetInt(int(dir.Fd()), request, 0), dir.Close())
	})
	if err != nil {
		return fmt.Errorf("%s %s of %s: %w", doing, i.dir, i.host.Name, err)
	}
	return nil
}
