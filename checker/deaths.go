package checker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// deaths notices the end of processes that are known, by their pidfds in one epoll. That
// takes one goroutine and no thread.
type deaths struct {
	mu    sync.Mutex
	epoll *os.File     // nil while Run does not run
	bells map[int]bell // by pidfd, what to ring
}

// follow rings a bell at the end of a process, until it is left.
func (d *deaths) follow(pid int, b bell) (pidfd int, err error) {
	pidfd, err = unix.PidfdOpen(pid, 0)
	if err != nil {
		return -1, fmt.Errorf("open pidfd of %d: %w", pid, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.bells == nil {
		d.bells = make(map[int]bell)
	}
	d.bells[pidfd] = b
	d.control(unix.EPOLL_CTL_ADD, pidfd)
	return pidfd, nil
}

// leave ends a follow.
func (d *deaths) leave(pidfd int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.bells, pidfd)
	d.control(unix.EPOLL_CTL_DEL, pidfd)
	_ = unix.Close(pidfd)
}

func (d *deaths) control(operation, pidfd int) {
	if d.epoll == nil {
		return
	}
	if conn, err := d.epoll.SyscallConn(); err == nil {
		event := &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(pidfd)}
		_ = conn.Control(func(fd uintptr) { _ = unix.EpollCtl(int(fd), operation, pidfd, event) })
	}
}

// Run notices until ctx ends.
func (d *deaths) Run(ctx context.Context, log *slog.Logger) {
	err := d.attend(ctx)
	if ctx.Err() == nil {
		log.Warn("the end of processes is not noticed at once", "error", err)
	}
}

func (d *deaths) attend(ctx context.Context) error {
	epoll, err := d.open()
	if err != nil {
		return err
	}
	defer d.close()
	defer onEnd(ctx, epoll)()
	conn, err := epoll.SyscallConn()
	if err != nil {
		return err
	}
	events := make([]unix.EpollEvent, 64)
	for {
		n := 0
		waitErr := conn.Read(func(fd uintptr) bool {
			n, err = unix.EpollWait(int(fd), events, 0)
			return n > 0 || err != nil && err != unix.EINTR
		})
		if err := errors.Join(waitErr, err); err != nil {
			return fmt.Errorf("wait for the end of processes: %w", err)
		}
		d.tell(events[:n])
	}
}

func (d *deaths) open() (*os.File, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("open epoll: %w", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, errors.Join(fmt.Errorf("set epoll nonblocking: %w", err), unix.Close(fd))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.epoll = os.NewFile(uintptr(fd), "epoll")
	for pidfd := range d.bells {
		d.control(unix.EPOLL_CTL_ADD, pidfd)
	}
	return d.epoll, nil
}

func (d *deaths) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	_ = d.epoll.Close()
	d.epoll = nil
}

// tell rings for those that have ended, once.
func (d *deaths) tell(events []unix.EpollEvent) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, event := range events {
		if b, known := d.bells[int(event.Fd)]; known {
			b.ring()
			d.control(unix.EPOLL_CTL_DEL, int(event.Fd))
		}
	}
}
