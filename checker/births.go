package checker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// births notices processes that are new, or that run another program or have another name
// now, where the kernel tells: in the initial network namespace, with CAP_NET_ADMIN. Else
// they are found by scans. What the kernel tells is only a reason to read of a process.
type births struct {
	once  sync.Once
	first chan struct{} // closed when somebody listens: the kernel is not asked before

	mu        sync.Mutex
	listeners map[*birthListener]struct{}
}

type birthListener struct {
	born func(process)
	lost bell // rung when some were missed
}

// listen calls born with each process, until the function that it returns is called.
func (b *births) listen(born func(process), lost bell) (stop func()) {
	l := &birthListener{born, lost}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.listeners == nil {
		b.listeners = make(map[*birthListener]struct{})
	}
	b.listeners[l] = struct{}{}
	b.once.Do(func() { close(b.first) })
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.listeners, l)
	}
}

// Run tells the listeners until ctx ends, or at once if the kernel does not tell.
func (b *births) Run(ctx context.Context, log *slog.Logger) {
	select {
	case <-ctx.Done():
		return
	case <-b.first:
	}
	conn, err := openProcessEvents()
	if err != nil {
		log.Debug("new processes are found by scans", "error", err)
		return
	}
	defer closeProcessEvents(conn)
	defer onEnd(ctx, conn)()
	b.hear(conn)
	if ctx.Err() == nil {
		log.Debug("new processes are found by scans from now on")
	}
}

func (b *births) hear(conn *os.File) {
	var (
		datagram [4 << 10]byte
		reader   procReader
	)
	for {
		n, err := conn.Read(datagram[:])
		if errors.Is(err, unix.ENOBUFS) {
			b.tell(func(l *birthListener) { l.lost.ring() })
			continue
		}
		if err != nil {
			return
		}
		for _, pid := range parseProcessEvents(datagram[:n]) {
			if p, err := reader.process(pid); err == nil {
				b.tell(func(l *birthListener) { l.born(p) })
			}
		}
	}
}

func (b *births) tell(what func(*birthListener)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for l := range b.listeners {
		what(l)
	}
}

// openProcessEvents subscribes to the process events of the kernel.
func openProcessEvents() (*os.File, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_CONNECTOR)
	if err != nil {
		return nil, fmt.Errorf("open netlink socket: %w", err)
	}
	if err := subscribe(fd); err != nil {
		return nil, errors.Join(fmt.Errorf("subscribe to process events: %w", err), unix.Close(fd))
	}
	return os.NewFile(uintptr(fd), "process events"), nil
}

func subscribe(fd int) error {
	if err := attachFilter(fd, processEventFilter()); err != nil {
		return err
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: cnIdxProc}); err != nil {
		return err
	}
	return unix.Sendto(fd, processEventRequest(procListen), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
}

// closeProcessEvents tells the kernel too, which else goes on for nobody in older ones.
func closeProcessEvents(conn *os.File) {
	_, _ = conn.Write(processEventRequest(procIgnore))
	_ = conn.Close()
}

func attachFilter(fd int, instructions []bpf.Instruction) error {
	raw, err := bpf.Assemble(instructions)
	if err != nil {
		return fmt.Errorf("assemble filter: %w", err)
	}
	program := make([]unix.SockFilter, len(raw))
	for i, r := range raw {
		program[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
}
