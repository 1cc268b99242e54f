package checker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// pidFileCheck is kind "process" by a PID file. That the number in a file that was left behind
// has become that of another process, nobody can tell.
type pidFileCheck struct {
	path    string
	folders *folders
	place   watchedPlace
	vigil   vigil
}

// Check looks whether the process is alive, which also one is that is stopped.
func (c *pidFileCheck) Check(context.Context) (Finding, error) {
	c.folders.renew(&c.place)
	pid, err := readPID(c.path)
	if err != nil {
		c.vigil.count(nil, 0, isRunning)
		return Finding{}, fmt.Errorf("PID file: %w", err)
	}
	if c.vigil.count([]int{pid}, 1, isRunning) == 0 {
		return Finding{}, fmt.Errorf("process %d is not running", pid)
	}
	return Finding{}, nil
}

// Watch tells of another PID file, and of the end of the process.
func (c *pidFileCheck) Watch(ctx context.Context, changed func()) error {
	b := newBell()
	c.vigil.begin(b)
	defer c.vigil.end()
	var place sync.WaitGroup
	place.Go(func() { c.folders.watch(ctx, &c.place, c.path, contentEvents, b.ring) })
	defer place.Wait()
	b.answer(ctx, changed)
	return nil
}

func readPID(path string) (int, error) {
	text, err := readShort(path, maxNumber)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return 0, errors.New("no such file")
	case err != nil:
		return 0, err
	}
	text = bytes.TrimSpace(text)
	pid, err := strconv.ParseInt(string(text), 10, 32)
	if err != nil || pid <= 0 {
		return 0, fmt.Errorf("holds %q, wanted a process ID", text)
	}
	return int(pid), nil
}

// isRunning tells whether there is a process that is no zombie. A pidfd tells it of all
// processes, also where /proc hides those of others.
func isRunning(pid int) bool {
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return false
	}
	defer func() { _ = unix.Close(pidfd) }()
	return !hasEnded(pidfd)
}
