package vrrpnet

import (
	"slices"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// How many packets leave or come in with one system call, and how long one may be: the
// longest advert has 255 IPv6 addresses and a trailer.
const (
	sendBatch    = 256 // a router of each VRID on an interface
	receiveBatch = 32
	longest      = 4608
)

// message is a struct mmsghdr.
type message struct {
	header unix.Msghdr
	length uint32
}

// sendmmsg returns how many messages have left, at least one if there is no error.
// Like recvmmsg it does not block, so that the Go scheduler need not know of it.
func sendmmsg(fd int, messages []message) (int, error) {
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(fd),
			uintptr(unsafe.Pointer(&messages[0])), uintptr(len(messages)), 0, 0, 0)
		switch errno {
		case 0:
			return int(n), nil
		case unix.EINTR:
			continue
		}
		return 0, errno
	}
}

// recvmmsg returns how many messages have come in.
func recvmmsg(fd int, messages []message) (int, error) {
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(fd),
			uintptr(unsafe.Pointer(&messages[0])), uintptr(len(messages)), 0, 0, 0)
		switch errno {
		case 0:
			return int(n), nil
		case unix.EINTR:
			continue
		case unix.EAGAIN:
			return 0, nil
		}
		return 0, errno
	}
}

// inbox has the buffers into which packets are received.
type inbox struct {
	messages [receiveBatch]message
	vectors  [receiveBatch]unix.Iovec
	names    [receiveBatch]unix.RawSockaddrInet6
	controls [receiveBatch][128]byte
	packets  [receiveBatch][longest]byte
}

func newInbox() *inbox {
	in := &inbox{}
	for i := range in.messages {
		in.vectors[i].Base = &in.packets[i][0]
		in.vectors[i].SetLen(longest)
		h := &in.messages[i].header
		h.Iov = &in.vectors[i]
		h.SetIovlen(1)
		h.Name = (*byte)(unsafe.Pointer(&in.names[i]))
		h.Control = &in.controls[i][0]
	}
	return in
}

// receive takes in the next packets of a socket, and returns how many they are.
func (in *inbox) receive(fd int) (int, error) {
	for i := range in.messages {
		h := &in.messages[i].header
		h.Namelen = unix.SizeofSockaddrInet6
		h.SetControllen(len(in.controls[i]))
	}
	return recvmmsg(fd, in.messages[:])
}

// packet returns a packet as the socket gave it.
func (in *inbox) packet(i int) []byte { return in.packets[i][:in.messages[i].length] }

// control returns what the kernel says about a packet.
func (in *inbox) control(i int) []byte { return in.controls[i][:in.messages[i].header.Controllen] }

// senderKind is what the packets of one socket have in common.
type senderKind struct {
	link
	ipv6 bool
}

// sender is a socket, and the packets that are to leave by it.
type sender struct {
	kind     senderKind
	fd       int
	users    int
	refused  bool                                          // the kernel has refused a packet, which the loop does not know yet
	transmit func(fd int, messages []message) (int, error) // sendmmsg

	// What waits. They grow with what leaves together: a router with a virtual MAC has a
	// sender of its own.
	packets  []byte // one after another
	parcels  []parcel
	messages []message
	vectors  []unix.Iovec
}

func newSender(kind senderKind, fd int) *sender {
	return &sender{kind: kind, fd: fd, transmit: sendmmsg}
}

// parcel is a packet that waits to be sent.
type parcel struct {
	from     *runner
	to       *destination
	priority uint8
	end      int // in the packets
}

// full tells whether there is no room for another packet.
func (s *sender) full() bool { return len(s.parcels) == sendBatch }

// send sends the packets, tells each runner what came of it, and tells whether a lease
// has opened that was over.
func (s *sender) send(now time.Duration) (opened bool) {
	s.prepare()
	for i := 0; i < len(s.parcels); {
		n, err := s.transmit(s.fd, s.messages[i:])
		for _, p := range s.parcels[i : i+n] {
			opened = p.from.left(now, p.priority) || opened
		}
		i += n
		if err != nil {
			s.parcels[i].from.failed(err)
			s.refused = true
			i++
		}
	}
	s.parcels, s.packets = s.parcels[:0], s.packets[:0]
	return opened
}

// prepare describes the packets to the kernel.
func (s *sender) prepare() {
	n := len(s.parcels)
	s.messages = slices.Grow(s.messages[:0], n)[:n]
	s.vectors = slices.Grow(s.vectors[:0], n)[:n]
	start := 0
	for i := range s.parcels {
		p := &s.parcels[i]
		s.vectors[i].Base = &s.packets[start]
		s.vectors[i].SetLen(p.end - start)
		start = p.end
		h := &s.messages[i].header
		h.Iov = &s.vectors[i]
		h.SetIovlen(1)
		h.Name, h.Namelen = p.to.name, p.to.length
		if control := p.from.control; len(control) > 0 {
			h.Control = &control[0]
			h.SetControllen(len(control))
		}
	}
}
