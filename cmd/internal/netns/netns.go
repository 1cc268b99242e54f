package netns

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// folder is where namespaces have their names.
const folder = "/run/netns"

// Enter has this program run in the namespace of a name, "" for the one that it is in. It
// returns if it is there already; else the program begins anew, with the same arguments. It
// does not if ctx has ended: a signal that has come is not heard of again.
func Enter(ctx context.Context, name string) error {
	if name == "" {
		return nil
	}
	err := enter(ctx, filepath.Join(folder, name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = fmt.Errorf("there is none: `ip netns add %s` makes it, and what makes it must come first", name)
	case errors.Is(err, unix.EPERM):
		err = fmt.Errorf("%w: that takes CAP_SYS_ADMIN; a unit with NetworkNamespacePath=%s does without, and without net_namespace",
			err, filepath.Join(folder, name))
	}
	if err != nil {
		return fmt.Errorf("enter network namespace %s: %w", name, err)
	}
	return nil
}

// Inside tells whether this program runs in the namespace of a name. The error is one of
// fs.ErrNotExist where there is no such namespace.
func Inside(name string) (bool, error) {
	file, err := os.Open(filepath.Join(folder, name))
	if err != nil {
		return false, err
	}
	defer file.Close()
	return isOwn(file)
}

func enter(ctx context.Context, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	inside, err := isOwn(file)
	if err != nil || inside {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	runtime.LockOSThread() // for good: a thread elsewhere must not be used again
	if err := unix.Setns(int(file.Fd()), unix.CLONE_NEWNET); err != nil {
		return os.NewSyscallError("setns", err)
	}
	return again()
}

// isOwn tells whether a namespace is that of this process.
func isOwn(file *os.File) (bool, error) {
	other, err := file.Stat()
	if err != nil {
		return false, err
	}
	own, err := os.Stat("/proc/self/ns/net")
	if err != nil {
		return false, err
	}
	return os.SameFile(own, other), nil
}

// again begins the program anew on this thread. It returns only if that fails.
func again() error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	return os.NewSyscallError("exec", syscall.Exec(program, os.Args, os.Environ()))
}
