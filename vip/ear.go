package vip

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// ear is how a Manager hears the neighbours.
type ear interface {
	// Listen lets Hear hear frames of these types (ETH_P_...) from now on, and of
	// no others.
	Listen(etherTypes ...uint16) error
	// Hear waits for a frame of a type that may say where an address is. It returns
	// how much of b the frame takes and the interface it came in on, and
	// os.ErrClosed after Interrupt. It is called by one goroutine for each type.
	Hear(etherType uint16, b []byte) (n, index int, err error)
}

// hearing is a packet socket for frames of one type. The kernel hands it none of
// another, and none that this host sends itself. Until it is bound for the first
// time it costs the host nothing; afterwards, while it is deaf, one filter of a
// single instruction for each frame of its type.
type hearing struct {
	file   *os.File
	raw    syscall.RawConn
	filter []bpf.Instruction
	bound  bool

	// What one call of Hear reads, kept here as is try so that it need not be
	// allocated each time.
	buffer []byte
	n      int
	from   unix.Sockaddr
	err    error
	try    func(fd uintptr) (done bool)
}

// heard are the types of frames that say where an address is.
func heard() []uint16 { return []uint16{unix.ETH_P_ARP, unix.ETH_P_IPV6} }

func (s *sockets) openEars() error {
	s.ears = make(map[uint16]*hearing)
	for _, etherType := range heard() {
		filter := forUs(arpFilter())
		if etherType == unix.ETH_P_IPV6 {
			filter = forUs(naFilter())
		}
		h, err := openHearing(filter)
		if err != nil {
			return fmt.Errorf("open packet socket to listen: %w", err)
		}
		s.ears[etherType] = h
	}
	return nil
}

func openHearing(filter []bpf.Instruction) (*hearing, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(fd), "packet socket")
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	h := &hearing{file: file, raw: raw, filter: filter}
	h.try = h.receive
	return h, nil
}

func (s *sockets) Listen(etherTypes ...uint16) error {
	var errs []error
	for etherType, h := range s.ears {
		change := h.mute
		if slices.Contains(etherTypes, etherType) {
			change = func() error { return h.open(etherType) }
		}
		if err := change(); err != nil {
			errs = append(errs, fmt.Errorf("listen to frames of type %#04x: %w", etherType, err))
		}
	}
	return errors.Join(errs...)
}

// open lets h hear from now on.
func (h *hearing) open(etherType uint16) error {
	if err := h.attach(h.filter); err != nil || h.bound {
		return err
	}
	err := h.control(func(fd int) error {
		return unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: nl.Swap16(etherType)})
	})
	h.bound = err == nil
	return err
}

// mute is no unbinding, for which the kernel would wait until all its CPUs have
// noticed: some 10 ms.
func (h *hearing) mute() error {
	if !h.bound {
		return nil
	}
	return h.attach(deafFilter())
}

func (h *hearing) attach(filter []bpf.Instruction) error {
	code, err := sockFilter(filter)
	if err != nil {
		return err
	}
	return h.control(func(fd int) error {
		return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
			&unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]})
	})
}

func (h *hearing) control(f func(fd int) error) error {
	var err error
	if failed := h.raw.Control(func(fd uintptr) { err = f(int(fd)) }); failed != nil {
		return failed
	}
	return err
}

func (s *sockets) Hear(etherType uint16, b []byte) (n, index int, err error) {
	h := s.ears[etherType]
	h.buffer = b
	failed := h.raw.Read(h.try)
	if s.interrupted.Load() {
		return 0, 0, os.ErrClosed
	}
	if err := errors.Join(failed, h.err); err != nil {
		return 0, 0, fmt.Errorf("read from packet socket: %w", err)
	}
	if link, ok := h.from.(*unix.SockaddrLinklayer); ok {
		index = link.Ifindex
	}
	return h.n, index, nil
}

func (h *hearing) receive(fd uintptr) (done bool) {
	h.n, h.from, h.err = unix.Recvfrom(int(fd), h.buffer, 0)
	return !errors.Is(h.err, unix.EAGAIN)
}
