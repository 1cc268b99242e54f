package fence

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// netns is a network namespace. Netlink sockets stay in that where they were
// opened, but bpf(2) takes the index of an interface for one in the thread's.
type netns struct {
	file     *os.File
	dev, ino uint64
}

const ownNamespace = "/proc/thread-self/ns/net"

// openNetns opens that of the calling thread.
func openNetns() (*netns, error) {
	file, err := os.Open(ownNamespace)
	if err != nil {
		return nil, fmt.Errorf("open network namespace: %w", err)
	}
	var stat unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &stat); err != nil {
		file.Close()
		return nil, fmt.Errorf("look at network namespace: %w", err)
	}
	return &netns{file: file, dev: stat.Dev, ino: stat.Ino}, nil
}

// do calls f on a thread in the namespace. The whole process is in it, or else this
// needs CAP_SYS_ADMIN.
func (n *netns) do(f func() error) error {
	runtime.LockOSThread()
	var stat unix.Stat_t
	if err := unix.Stat(ownNamespace, &stat); err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("look at network namespace: %w", err)
	}
	if stat.Dev == n.dev && stat.Ino == n.ino {
		defer runtime.UnlockOSThread()
		return f()
	}
	return n.visit(f)
}

// visit moves the locked thread there and back. A thread that cannot come back stays
// locked, so that it ends with its goroutine.
func (n *netns) visit(f func() error) error {
	home, err := os.Open(ownNamespace)
	if err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("open network namespace: %w", err)
	}
	defer home.Close()
	if err := unix.Setns(int(n.file.Fd()), unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("enter network namespace: %w", err)
	}
	err = f()
	if back := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); back != nil {
		return errors.Join(err, fmt.Errorf("return to network namespace: %w", back))
	}
	runtime.UnlockOSThread()
	return err
}

func (n *netns) close() error { return n.file.Close() }

// errClockOffset: the programs read the boot time of the host.
var errClockOffset = errors.New("boot time is offset by a time namespace, so that its end of a lease means nothing to the kernel")

const clockOffsets = "/proc/self/timens_offsets"

// checkClock refuses a time namespace in which CLOCK_BOOTTIME is not the kernel's.
func checkClock() error {
	offsets, err := os.ReadFile(clockOffsets)
	if errors.Is(err, os.ErrNotExist) {
		return nil // a kernel without time namespaces
	}
	if err != nil {
		return fmt.Errorf("look for a time namespace: %w", err)
	}
	return checkOffsets(string(offsets))
}

func checkOffsets(offsets string) error {
	for line := range strings.Lines(offsets) {
		clock, offset, _ := strings.Cut(strings.TrimSpace(line), " ")
		if clock == "boottime" && strings.Trim(offset, " 0") != "" {
			return fmt.Errorf("%s: %w", clockOffsets, errClockOffset)
		}
	}
	return nil
}
