package vrrpnet

import (
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The runtime takes a system call for a short one: it keeps a processor for it for 10 ms,
// and looks every 20 us whether it has ended, which is most of what a backup would cost.
// These two are how it waits for long itself; others that wait for packets on a thread of
// their own use them, too, and so their names and types stay (go.dev/issue/67401).

//go:linkname entersyscallblock runtime.entersyscallblock
func entersyscallblock()

//go:linkname exitsyscall runtime.exitsyscall
func exitsyscall()

// block is a system call that waits. Between the two calls of the runtime this thread has
// no processor: nothing may be called that needs one.
//
//go:norace
//go:nosplit
func block(call, a, b, c, d, e uintptr) (uintptr, syscall.Errno) {
	entersyscallblock()
	n, _, errno := unix.RawSyscall6(call, a, b, c, d, e, 0)
	exitsyscall()
	return n, errno
}

// waitEpoll is epoll_wait without a timeout.
func waitEpoll(epoll int, events []unix.EpollEvent) (int, syscall.Errno) {
	n, errno := block(unix.SYS_EPOLL_PWAIT, uintptr(epoll), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), ^uintptr(0), 0)
	runtime.KeepAlive(events)
	return int(n), errno
}

// waitPoll is ppoll.
func waitPoll(fds []unix.PollFd, timeout *unix.Timespec) syscall.Errno {
	_, errno := block(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&fds[0])), uintptr(len(fds)), uintptr(unsafe.Pointer(timeout)), 0, 0)
	runtime.KeepAlive(timeout)
	return errno
}
