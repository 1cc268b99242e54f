package vip

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mostAtOnce is how many datagrams one system call sends or reads at most.
const mostAtOnce = 2 * batchMost

// mmsghdr is a struct mmsghdr of sendmmsg(2) and recvmmsg(2).
type mmsghdr struct {
	header unix.Msghdr
	size   uint32
}

// datagrams is what a system call needs to send or read several. It refers to itself:
// it must not be copied.
type datagrams struct {
	headers [mostAtOnce]mmsghdr
	vectors [mostAtOnce]unix.Iovec
	names   [mostAtOnce]unix.RawSockaddrLinklayer
}

// set lets the i-th datagram be in b. b must stay where it is until the system call ends.
func (d *datagrams) set(i int, b []byte) *unix.Msghdr {
	d.vectors[i].Base = unsafe.SliceData(b)
	d.vectors[i].SetLen(len(b))
	h := &d.headers[i].header
	h.Iov = &d.vectors[i]
	h.SetIovlen(1)
	return h
}

// send sends packets by sendmmsg(2), and returns how many have gone.
func (d *datagrams) send(fd int, packets []packet) (int, error) {
	packets = packets[:min(len(packets), mostAtOnce)]
	for i, p := range packets {
		h := d.set(i, p.frame)
		d.names[i] = unix.RawSockaddrLinklayer{
			Family: unix.AF_PACKET, Protocol: p.protocol(), Ifindex: int32(p.index),
		}
		h.Name = (*byte)(unsafe.Pointer(&d.names[i]))
		h.Namelen = unix.SizeofSockaddrLinklayer
	}
	n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(&d.headers)), uintptr(len(packets)), 0, 0, 0)
	runtime.KeepAlive(packets)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// receive waits for a datagram and reads it, and all that are there besides, by
// recvmmsg(2). It cuts the buffers to what they got, and returns how many did.
func (d *datagrams) receive(fd int, into [][]byte) (int, error) {
	into = into[:min(len(into), mostAtOnce)]
	for i := range into {
		into[i] = into[i][:cap(into[i])]
		d.set(i, into[i])
	}
	n, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(&d.headers)), uintptr(len(into)),
		unix.MSG_WAITFORONE, 0, 0)
	runtime.KeepAlive(into)
	if errno != 0 {
		return 0, errno
	}
	for i := range into[:n] {
		into[i] = into[i][:d.headers[i].size]
	}
	return int(n), nil
}
