package vrrpnet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

const (
	noticeBuffer  = 8 << 20  // bytes: some thousand notifications
	noticeSize    = 64 << 10 // bytes: the longest that is understood
	noticesAtOnce = 4096     // so that a flood of them does not keep all from being told
	answerSeconds = 5        // how long the kernel may take to answer
	dumpTries     = 5        // how often a dump is begun anew that changes ran into
)

// interfaceNotices are the kernel's notifications of links and addresses.
type interfaceNotices struct {
	file   *os.File
	conn   syscall.RawConn
	buffer []byte
	lost   bool // some were, which has not been told yet
}

// openInterfaceNotices subscribes in the network namespace of the calling thread.
func openInterfaceNotices() (*interfaceNotices, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open netlink socket: %w", err)
	}
	n := &interfaceNotices{file: os.NewFile(uintptr(fd), "netlink"), buffer: make([]byte, noticeSize)}
	// A buffer smaller than wished for costs no more than a look at everything.
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, noticeBuffer) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, noticeBuffer)
	}
	groups := uint32(1<<(unix.RTNLGRP_LINK-1) | 1<<(unix.RTNLGRP_IPV4_IFADDR-1) | 1<<(unix.RTNLGRP_IPV6_IFADDR-1))
	if err = unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err == nil {
		n.conn, err = n.file.SyscallConn()
	}
	if err != nil {
		return nil, fmt.Errorf("subscribe to netlink notifications: %w", errors.Join(err, n.file.Close()))
	}
	return n, nil
}

// Wait waits for notifications, and takes in all that are there. It returns
// os.ErrDeadlineExceeded if none came until a time (zero: no limit), and unix.ENOBUFS
// if some were lost.
func (n *interfaceNotices) Wait(until time.Time, take func(syscall.NetlinkMessage)) error {
	if err := n.file.SetReadDeadline(until); err != nil {
		return err
	}
	var failed error
	err := n.conn.Read(func(fd uintptr) bool {
		count, err := n.drain(int(fd), take)
		failed = err
		return count > 0 || err != nil
	})
	return errors.Join(err, failed)
}

// drain takes in what is there, without waiting, and returns how much that was. That
// some were lost is told once nothing is left: before that the kernel does not say
// whether it has lost more.
func (n *interfaceNotices) drain(fd int, take func(syscall.NetlinkMessage)) (int, error) {
	for count := range noticesAtOnce {
		size, from, err := unix.Recvfrom(fd, n.buffer, unix.MSG_TRUNC)
		switch {
		case errors.Is(err, unix.EAGAIN) && n.lost:
			n.lost = false
			return count, unix.ENOBUFS
		case errors.Is(err, unix.EAGAIN):
			return count, nil
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.ENOBUFS), err == nil && size > len(n.buffer):
			n.lost = true
			continue
		case err != nil:
			return count, os.NewSyscallError("recvfrom", err)
		}
		if k, ok := from.(*unix.SockaddrNetlink); !ok || k.Pid != nl.PidKernel {
			continue // another process may write to the socket, too
		}
		messages, err := syscall.ParseNetlinkMessage(n.buffer[:size])
		if err != nil {
			return count, fmt.Errorf("netlink notification: %w", err)
		}
		for _, m := range messages {
			take(m)
		}
	}
	return noticesAtOnce, nil
}

// Close ends Wait for good.
func (n *interfaceNotices) Close() error { return n.file.Close() }

// interfaceReader reads all interfaces of the kernel.
type interfaceReader map[int]*nl.SocketHandle

// openInterfaceReader opens it in the network namespace of the calling thread.
func openInterfaceReader() (interfaceReader, error) {
	socket, err := nl.GetNetlinkSocketAt(-1, -1, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open netlink socket: %w", err)
	}
	if err := socket.SetReceiveTimeout(&unix.Timeval{Sec: answerSeconds}); err != nil {
		return nil, err
	}
	return interfaceReader{unix.NETLINK_ROUTE: {Socket: socket}}, nil
}

// Read reads everything. If others change it faster than it can be read, what was
// read comes with nl.ErrDumpInterrupted.
func (r interfaceReader) Read() (interfaceTable, error) {
	for try := 1; ; try++ {
		t := interfaceTable{}
		err := errors.Join(
			r.dump(t, unix.RTM_GETLINK, unix.RTM_NEWLINK, linkQuery(0)),
			r.dump(t, unix.RTM_GETADDR, unix.RTM_NEWADDR, make([]byte, unix.SizeofIfAddrmsg)))
		if err == nil || try == dumpTries && errors.Is(err, nl.ErrDumpInterrupted) {
			return t, err
		}
		if !errors.Is(err, nl.ErrDumpInterrupted) {
			return nil, fmt.Errorf("read interfaces: %w", err)
		}
	}
}

func (r interfaceReader) dump(t interfaceTable, request int, answer uint16, payload []byte) error {
	q := nl.NewNetlinkRequest(request, unix.NLM_F_DUMP)
	q.Sockets = r
	q.AddRawData(payload)
	messages, err := q.Execute(unix.NETLINK_ROUTE, answer)
	for _, m := range messages {
		err = errors.Join(err, t.load(answer, m))
	}
	return err
}

// linkQuery asks for a link by its index, or for all with 0, without statistics.
func linkQuery(index int) []byte {
	const skipStatistics = 1 << 3 // RTEXT_FILTER_SKIP_STATS
	mask := nl.NewRtAttr(unix.IFLA_EXT_MASK, nl.Uint32Attr(skipStatistics))
	b := binary.NativeEndian.AppendUint32(make([]byte, 4), uint32(index))
	b = append(b, make([]byte, 8)...)
	return append(b, mask.Serialize()...)
}

func (r interfaceReader) Close() {
	for _, handle := range r {
		handle.Close()
	}
}
