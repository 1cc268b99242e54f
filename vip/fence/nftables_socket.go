package fence

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// leaseSocket changes the lease sets of all tables in one transaction. The messages
// are made once, and only the last is acknowledged: a refresh is two system calls.
type leaseSocket struct {
	fd       int
	port     uint32
	seq      uint32
	opening  batch
	shutting batch
	answer   []byte
}

// answerLimit is how long the kernel may take to answer.
const answerLimit = time.Second

// errNoAnswer is returned when the kernel does not answer in time.
var errNoAnswer = errors.New("no answer from the kernel")

// openLeaseSocket opens it in the namespace of the calling thread.
func openLeaseSocket(lease string, tables []layout) (*leaseSocket, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	s := &leaseSocket{
		fd: fd, answer: make([]byte, 4096),
		opening: openingBatch(lease, tables), shutting: shuttingBatch(lease, tables),
	}
	if err := s.prepare(); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *leaseSocket) prepare() error {
	if err := unix.Bind(s.fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return os.NewSyscallError("bind", err)
	}
	name, err := unix.Getsockname(s.fd)
	if err != nil {
		return os.NewSyscallError("getsockname", err)
	}
	s.port = name.(*unix.SockaddrNetlink).Pid
	limit := unix.NsecToTimeval(answerLimit.Nanoseconds())
	return os.NewSyscallError("setsockopt", errors.Join(
		unix.SetsockoptTimeval(s.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit),
		unix.SetsockoptTimeval(s.fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &limit),
		unix.SetsockoptInt(s.fd, unix.SOL_NETLINK, unix.NETLINK_CAP_ACK, 1),
	))
}

func (s *leaseSocket) close() error { return os.NewSyscallError("close", unix.Close(s.fd)) }

// open implements leaseKernel.
func (s *leaseSocket) open(timeout time.Duration) error {
	for _, at := range s.opening.timeouts {
		binary.BigEndian.PutUint64(s.opening.data[at:], uint64(timeout.Milliseconds()))
	}
	return s.commit(s.opening)
}

// shut implements leaseKernel.
func (s *leaseSocket) shut() error { return s.commit(s.shutting) }

func (s *leaseSocket) commit(b batch) error {
	first := s.seq + 1
	for _, at := range b.headers {
		s.seq++
		binary.NativeEndian.PutUint32(b.data[at+8:], s.seq)
	}
	if err := unix.Sendto(s.fd, b.data, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return os.NewSyscallError("sendto", err)
	}
	// The message before the last is the one to be acknowledged; a transaction that
	// fails as a whole is answered under the number of its first message.
	return s.await(first, s.seq-1)
}

// await reads answers until one decides about the messages from first to last.
func (s *leaseSocket) await(first, last uint32) error {
	for {
		size, err := unix.Read(s.fd, s.answer)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN):
			return errNoAnswer
		case err != nil:
			return os.NewSyscallError("read", err)
		case size < unix.SizeofNlMsghdr+4:
			return fmt.Errorf("answer of %d bytes: %w", size, unix.EPROTO)
		}
		kind, seq := binary.NativeEndian.Uint16(s.answer[4:]), binary.NativeEndian.Uint32(s.answer[8:])
		code := int32(binary.NativeEndian.Uint32(s.answer[unix.SizeofNlMsghdr:]))
		if kind != unix.NLMSG_ERROR || seq-first > last-first {
			continue // about an earlier transaction
		}
		if code != 0 {
			return os.NewSyscallError("nftables", unix.Errno(-code))
		}
		if seq == last {
			return nil
		}
	}
}
