package lab

import (
	"net/netip"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mostAtOnce is how many packets one system call reads or sends.
const mostAtOnce = 64

// mmsghdr is a struct mmsghdr of sendmmsg(2) and recvmmsg(2).
type mmsghdr struct {
	header unix.Msghdr
	size   uint32
}

// frameBatch reads frames, with their times. It refers to itself: it must not be copied.
type frameBatch struct {
	headers [mostAtOnce]mmsghdr
	vectors [mostAtOnce]unix.Iovec
	buffers [mostAtOnce][128]byte
	times   [mostAtOnce][64]byte // control messages
}

// receive reads what is there, and returns how many frames that is, cut to 128 bytes.
func (f *frameBatch) receive(fd uintptr) (int, error) {
	for i := range f.headers {
		f.vectors[i].Base = &f.buffers[i][0]
		f.vectors[i].SetLen(len(f.buffers[i]))
		h := &f.headers[i].header
		h.Iov, h.Control = &f.vectors[i], &f.times[i][0]
		h.SetIovlen(1)
		h.SetControllen(len(f.times[i]))
	}
	n, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&f.headers)), mostAtOnce, unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// frame returns the i-th one, valid until the next receive.
func (f *frameBatch) frame(i int) (b []byte, at time.Time, err error) {
	at, err = parseTimestamp(f.times[i][:f.headers[i].header.Controllen])
	return f.buffers[i][:min(int(f.headers[i].size), len(f.buffers[i]))], at, err
}

// echoBatch sends the same echo request to many. It refers to itself: it must not be copied.
type echoBatch struct {
	headers [mostAtOnce]mmsghdr
	names   [mostAtOnce]unix.RawSockaddrInet4
	vector  unix.Iovec
	n       int
}

// send sends request by a raw socket to what was added. What cannot be sent is lost.
func (e *echoBatch) send(fd int, request []byte) {
	e.vector.Base = unsafe.SliceData(request)
	e.vector.SetLen(len(request))
	for done := 0; done < e.n; {
		n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(&e.headers[done])), uintptr(e.n-done), 0, 0, 0)
		if errno != 0 {
			n = 1
		}
		done += int(n)
	}
	e.n = 0
}

// add adds whom to ask; false means that there is no room for another one.
func (e *echoBatch) add(addr netip.Addr) bool {
	e.names[e.n] = unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: addr.As4()}
	h := &e.headers[e.n].header
	h.Name, h.Namelen = (*byte)(unsafe.Pointer(&e.names[e.n])), unix.SizeofSockaddrInet4
	h.Iov = &e.vector
	h.SetIovlen(1)
	e.n++
	return e.n < mostAtOnce
}
