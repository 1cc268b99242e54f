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
	frameBuffer   = 1 << 20 // bytes
	answerSeconds = 5       // how long the kernel may take to answer a request
)

// transport is how a Manager reaches the kernel. Request, Send and Listen are not
// called at the same time; Notices and Hear may be called beside them.
type transport interface {
	// Request sends a netlink request of a kind (RTM_...) and returns the
	// payloads of the answers that are of the kind answer.
	Request(kind, flags int, payload []byte, answer uint16) ([][]byte, error)
	// Notices waits for notifications, which are valid until the next call. It returns
	// unix.ENOBUFS when some were lost, and os.ErrClosed after Interrupt.
	Notices() ([]syscall.NetlinkMessage, error)
	// Interrupt ends Notices and Hear for good.
	Interrupt()
	// Send sends one Ethernet frame of a type (ETH_P_...) from an interface.
	Send(index int, etherType uint16, frame []byte) error
	// Close closes all.
	Close() error
	ear
}

// sockets is the transport to the kernel, in the network namespace where it was
// opened, whichever thread uses it later.
type sockets struct {
	requests    map[int]*nl.SocketHandle
	notices     *notices
	interrupted atomic.Bool
	frames      int
	ears        map[uint16]*hearing    // by the type of frame
	to          unix.SockaddrLinklayer // kept so that Send does not allocate
}

// openSockets opens them in the namespace of the calling thread.
func openSockets() (*sockets, error) {
	s := &sockets{frames: -1}
	err := errors.Join(s.openRequests(), s.openNotices(), s.openFrames())
	if err == nil {
		err = s.openEars()
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *sockets) openRequests() error {
	socket, err := nl.GetNetlinkSocketAt(-1, -1, unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("open netlink socket: %w", err)
	}
	s.requests = map[int]*nl.SocketHandle{unix.NETLINK_ROUTE: {Socket: socket}}
	// A kernel that does not know this lists all routes, of which parseRange takes its own.
	_ = unix.SetsockoptInt(socket.GetFd(), unix.SOL_NETLINK, unix.NETLINK_GET_STRICT_CHK, 1)
	return socket.SetReceiveTimeout(&unix.Timeval{Sec: answerSeconds})
}

func (s *sockets) openNotices() (err error) {
	s.notices, err = openNotices(noticeBuffer)
	return err
}

// openFrames opens one packet socket for all interfaces; with protocol 0 it
// receives nothing. PACKET_QDISC_BYPASS must stay off: a filter at egress has to
// see what is announced.
func (s *sockets) openFrames() error {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return fmt.Errorf("open packet socket: %w", err)
	}
	s.frames = fd
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, frameBuffer) == nil {
		return nil
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, frameBuffer); err != nil {
		return fmt.Errorf("size buffer of packet socket: %w", err)
	}
	return nil
}

func (s *sockets) Request(kind, flags int, payload []byte, answer uint16) ([][]byte, error) {
	r := nl.NewNetlinkRequest(kind, flags)
	r.Sockets = s.requests
	r.AddRawData(payload)
	return r.Execute(unix.NETLINK_ROUTE, answer)
}

func (s *sockets) Notices() ([]syscall.NetlinkMessage, error) { return s.notices.next() }

func (s *sockets) Interrupt() {
	if s.interrupted.Swap(true) {
		return
	}
	if s.notices != nil {
		s.notices.close()
	}
	for _, h := range s.ears {
		_ = h.file.Close() // nobody writes to it, so that nothing can be lost
	}
}

func (s *sockets) Send(index int, etherType uint16, frame []byte) error {
	s.to.Ifindex, s.to.Protocol = index, nl.Swap16(etherType)
	return unix.Sendto(s.frames, frame, 0, &s.to)
}

func (s *sockets) Close() error {
	s.Interrupt()
	for _, handle := range s.requests {
		handle.Close()
	}
	if s.frames < 0 {
		return nil
	}
	fd := s.frames
	s.frames = -1
	return os.NewSyscallError("close", unix.Close(fd))
}
