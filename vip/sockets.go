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

// transport is how a Manager reaches the kernel. Request, Deliver, Answers, Send and
// Listen are not called at the same time; Notices and Hear may be called beside them.
type transport interface {
	// Request sends a netlink request of a kind (RTM_...) and returns the
	// payloads of the answers that are of the kind answer.
	Request(kind, flags int, payload []byte, answer uint16) ([][]byte, error)
	// Deliver sends netlink requests, each of which asks for an answer, in one datagram.
	Deliver(requests []byte) error
	// Answers waits for an answer to one of them, and reads it and all that are there
	// besides, each into a buffer, which it cuts. It returns how many it has read.
	Answers(into [][]byte) (int, error)
	// Notices waits for notifications, which are valid until the next call. It returns
	// unix.ENOBUFS when some were lost, and os.ErrClosed after Interrupt.
	Notices() ([]syscall.NetlinkMessage, error)
	// Interrupt ends Notices and Hear for good.
	Interrupt()
	// Send sends packets, and returns how many of the first have gone. An error is that
	// of the first, and then none has gone.
	Send(packets []packet) (int, error)
	// Close closes all.
	Close() error
	ear
}

// packet is an Ethernet frame of a type (ETH_P_...) for an interface.
type packet struct {
	index     int
	etherType uint16
	frame     []byte
}

// protocol is the type as the kernel wants it in an address.
func (p packet) protocol() uint16 { return nl.Swap16(p.etherType) }

// sockets is the transport to the kernel, in the network namespace where it was
// opened, whichever thread uses it later.
type sockets struct {
	requests    map[int]*nl.SocketHandle
	changes     int // a netlink socket for several requests at once
	notices     *notices
	interrupted atomic.Bool
	frames      int
	ears        map[uint16]*hearing // by the type of frame
	outgoing    datagrams
	incoming    datagrams
}

// openSockets opens them in the namespace of the calling thread.
func openSockets() (*sockets, error) {
	s := &sockets{frames: -1, changes: -1}
	err := errors.Join(s.openRequests(), s.openChanges(), s.openNotices(), s.openFrames())
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

// openChanges opens a socket that blocks: the kernel's answers are there when it has taken
// the requests. They do not repeat the requests.
func (s *sockets) openChanges() error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("open netlink socket: %w", err)
	}
	s.changes = fd
	err = errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_CAP_ACK, 1),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: answerSeconds}),
		unix.Connect(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}), // to the kernel: nobody else is heard
	)
	if err != nil {
		return fmt.Errorf("set up netlink socket: %w", err)
	}
	return nil
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

func (s *sockets) Deliver(requests []byte) error {
	_, err := unix.Write(s.changes, requests)
	return err
}

func (s *sockets) Answers(into [][]byte) (int, error) {
	for {
		n, err := s.incoming.receive(s.changes, into)
		if !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}

func (s *sockets) Send(packets []packet) (int, error) { return s.outgoing.send(s.frames, packets) }

func (s *sockets) Close() error {
	s.Interrupt()
	for _, handle := range s.requests {
		handle.Close()
	}
	var errs []error
	for _, fd := range [...]*int{&s.changes, &s.frames} {
		if *fd >= 0 {
			errs = append(errs, os.NewSyscallError("close", unix.Close(*fd)))
			*fd = -1
		}
	}
	return errors.Join(errs...)
}
