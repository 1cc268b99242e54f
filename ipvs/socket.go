package ipvs

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"syscall"

	"github.com/mdlayher/genetlink"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// errNoIPVS is said where the kernel has no IPVS, and can load none.
var errNoIPVS = errors.New("the kernel has no IPVS, or not yet its module ip_vs")

const (
	familyName    = "IPVS"
	familyVersion = 1
)

// batch is how many requests go in one datagram. If all of them fail, the answers still
// fit into what a socket may receive by default.
const batch = 64

// socket sends what the library does not know of, and many requests at once.
type socket struct {
	mu      sync.Mutex // held from a request to its answer
	netlink *netlink.Conn
	raw     syscall.RawConn
	generic *genetlink.Conn // the same connection
	family  uint16
	buffer  []byte
}

// openSocket asks for IPVS, which has the kernel load its module where it can.
func openSocket() (*socket, error) {
	s, err := openFamily(familyName)
	if errors.Is(err, os.ErrNotExist) {
		return nil, errNoIPVS
	}
	return s, err
}

func openFamily(name string) (*socket, error) {
	conn, err := netlink.Dial(unix.NETLINK_GENERIC, nil)
	if err != nil {
		return nil, fmt.Errorf("open generic netlink: %w", err)
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open generic netlink: %w", err), conn.Close())
	}
	generic := genetlink.NewConn(conn)
	family, err := generic.GetFamily(name)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("ask generic netlink for %s: %w", name, err), conn.Close())
	}
	return &socket{netlink: conn, raw: raw, generic: generic, family: family.ID, buffer: make([]byte, os.Getpagesize())}, nil
}

func (s *socket) close() error { return s.netlink.Close() }

// dump returns the data of all messages that answer a command.
func (s *socket) dump(command uint8) ([][]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	header := genetlink.Header{Command: command, Version: familyVersion}
	answers, err := s.generic.Execute(genetlink.Message{Header: header}, s.family, netlink.Request|netlink.Dump)
	if err != nil {
		return nil, err
	}
	data := make([][]byte, len(answers))
	for i, answer := range answers {
		data[i] = answer.Data
	}
	return data, nil
}

// send has the kernel carry out requests in their order, also after one that failed, and
// returns what became of each: nil, an errno or errUnanswered.
func (s *socket) send(requests []request) []error {
	s.mu.Lock()
	defer s.mu.Unlock()
	errs := make([]error, 0, len(requests))
	for part := range slices.Chunk(requests, batch) {
		errs = append(errs, s.sendBatch(part)...)
	}
	return errs
}

// sendBatch sends requests in one datagram. The kernel answers those that fail, and at
// last the message behind them: thus any number takes two system calls, not two each.
func (s *socket) sendBatch(requests []request) []error {
	errs := make([]error, len(requests))
	sent, err := s.netlink.SendMessages(s.pack(requests))
	if err != nil {
		return fail(errs, err)
	}
	for {
		answers, err := s.receive()
		if err != nil {
			return fail(errs, err)
		}
		for _, answer := range answers {
			n := answer.Header.Seq - sent[0].Header.Sequence // huge for what is left of a failure before
			if n == uint32(len(errs)) {
				return errs
			}
			if n < uint32(len(errs)) {
				errs[n] = errnoOf(answer)
			}
		}
	}
}

// pack puts a message behind the requests that does nothing, and whose answer is theirs.
func (s *socket) pack(requests []request) []netlink.Message {
	messages := make([]netlink.Message, 0, len(requests)+1)
	for _, r := range requests {
		messages = append(messages, netlink.Message{
			Header: netlink.Header{Type: netlink.HeaderType(s.family), Flags: netlink.Request},
			Data:   append([]byte{r.command, familyVersion, 0, 0}, r.data...),
		})
	}
	end := netlink.Header{Type: netlink.Noop, Flags: netlink.Request | netlink.Acknowledge}
	return append(messages, netlink.Message{Header: end})
}

// receive returns the messages of one datagram.
func (s *socket) receive() (_ []syscall.NetlinkMessage, err error) {
	var n int
	closed := s.raw.Read(func(fd uintptr) bool {
		n, _, err = unix.Recvfrom(int(fd), s.buffer, unix.MSG_DONTWAIT)
		return err != unix.EAGAIN && err != unix.EINTR
	})
	if err := errors.Join(closed, err); err != nil {
		return nil, err
	}
	return syscall.ParseNetlinkMessage(s.buffer[:n])
}

// errnoOf returns the error that an answer tells.
func errnoOf(answer syscall.NetlinkMessage) error {
	if answer.Header.Type != unix.NLMSG_ERROR || len(answer.Data) < 4 {
		return fmt.Errorf("the kernel's answer is of type %d, with %d bytes", answer.Header.Type, len(answer.Data))
	}
	if errno := nativeInt32(answer.Data); errno != 0 {
		return unix.Errno(-errno)
	}
	return nil
}

// fail has all end with err, of which some may have been carried out.
func fail(errs []error, err error) []error {
	for i := range errs {
		errs[i] = fmt.Errorf("%w: %w", errUnanswered, err)
	}
	return errs
}
