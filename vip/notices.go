package vip

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

const (
	noticeBuffer = 8 << 20  // bytes: some thousand notifications
	noticeSize   = 64 << 10 // bytes: the longest that is understood
)

// notices is a socket that is told of addresses, interfaces, whether they forward, and routes to ranges. Each
// refresh of a lifetime is told, too: so what it reads goes into a buffer of its own.
type notices struct {
	file   *os.File
	conn   syscall.RawConn
	take   func(fd uintptr) bool // receive, once made
	closed atomic.Bool
	buffer []byte

	// What receive has found.
	size int
	from unix.Sockaddr
	err  error
}

// openNotices subscribes in the namespace of the calling thread. A buffer of the kernel that
// is smaller than wished for costs no more than a look at everything.
func openNotices(buffer int) (*notices, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open netlink socket: %w", err)
	}
	n := &notices{file: os.NewFile(uintptr(fd), "netlink"), buffer: make([]byte, noticeSize)}
	n.take = n.receive
	groups := uint32(0)
	for _, group := range [...]int{
		unix.RTNLGRP_LINK, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR, unix.RTNLGRP_IPV6_NETCONF,
		unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV6_ROUTE,
	} {
		groups |= 1 << (group - 1)
	}
	if err = errors.Join(n.resize(fd, buffer), filterNotices(fd)); err == nil {
		err = os.NewSyscallError("bind", unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}))
	}
	if err == nil {
		n.conn, err = n.file.SyscallConn()
	}
	if err != nil {
		return nil, fmt.Errorf("subscribe to netlink notifications: %w", errors.Join(err, n.file.Close()))
	}
	return n, nil
}

// resize changes the buffer of the kernel.
func (n *notices) resize(fd, buffer int) error {
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, buffer) == nil {
		return nil
	}
	return os.NewSyscallError("setsockopt SO_RCVBUF", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, buffer))
}

// next waits for notifications, which are valid until the next call. It returns
// unix.ENOBUFS when some were lost, and os.ErrClosed after close.
func (n *notices) next() ([]syscall.NetlinkMessage, error) {
	if err := n.conn.Read(n.take); err != nil {
		if n.closed.Load() {
			return nil, os.ErrClosed
		}
		return nil, err
	}
	switch {
	case n.err != nil:
		return nil, n.err
	case n.size > len(n.buffer):
		return nil, unix.ENOBUFS
	}
	if k, ok := n.from.(*unix.SockaddrNetlink); !ok || k.Pid != nl.PidKernel {
		return nil, nil // another process may write to the socket, too
	}
	return syscall.ParseNetlinkMessage(n.buffer[:n.size])
}

// receive reads what is there.
func (n *notices) receive(fd uintptr) bool {
	for {
		n.size, n.from, n.err = unix.Recvfrom(int(fd), n.buffer, unix.MSG_TRUNC)
		if !errors.Is(n.err, unix.EINTR) {
			return !errors.Is(n.err, unix.EAGAIN)
		}
	}
}

// close ends next for good.
func (n *notices) close() {
	n.closed.Store(true)
	_ = n.file.Close() // nobody writes to it, so that nothing can be lost
}
