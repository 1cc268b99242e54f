package lab

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Echo messages, RFC 792 and RFC 4443 section 4.
const (
	echoRequest4 = 8
	echoReply4   = 0
	echoRequest6 = 128
	echoReply6   = 129

	echoLen    = 16 // header and a counter of 64 bits
	maxIPv4Len = 60 // the longest IPv4 header, which raw sockets show
)

// echoSocket is a raw ICMP socket connected to one address. One goroutine may
// send while another receives.
type echoSocket struct {
	file *os.File
	raw  syscall.RawConn
	ipv4 bool
	id   uint16

	out      []byte // for send
	in, meta []byte // for receive
}

// openEcho opens the socket in the namespace of the calling thread.
func openEcho(to netip.Addr, id uint16) (*echoSocket, error) {
	domain, protocol := unix.AF_INET6, unix.IPPROTO_ICMPV6
	if to.Is4() {
		domain, protocol = unix.AF_INET, unix.IPPROTO_ICMP
	}
	fd, err := unix.Socket(domain, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, protocol)
	if err != nil {
		return nil, missing("a raw network socket", err)
	}
	if err := prepareEcho(fd, to); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("prepare a raw socket to %s: %w", to, err)
	}
	file := os.NewFile(uintptr(fd), "icmp")
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &echoSocket{
		file: file, raw: raw, ipv4: to.Is4(), id: id,
		in:   make([]byte, maxIPv4Len+echoLen),
		meta: make([]byte, unix.CmsgSpace(int(unsafe.Sizeof(unix.Timespec{})))),
	}, nil
}

// prepareEcho lets nothing but echo replies of to into the socket, each with the
// time when it came in. Its buffer holds some seconds of them, should the reader
// be kept from running.
func prepareEcho(fd int, to netip.Addr) error {
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1); err != nil {
		return os.NewSyscallError("setsockopt SO_TIMESTAMPNS", err)
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 1<<20); err != nil {
		return os.NewSyscallError("setsockopt SO_RCVBUF", err)
	}
	if to.Is4() {
		const icmpFilter = 1 // linux/icmp.h; a set bit keeps that type out
		if err := unix.SetsockoptInt(fd, unix.SOL_RAW, icmpFilter, ^(1 << echoReply4)); err != nil {
			return os.NewSyscallError("setsockopt ICMP_FILTER", err)
		}
		return os.NewSyscallError("connect", unix.Connect(fd, &unix.SockaddrInet4{Addr: to.As4()}))
	}
	var filter unix.ICMPv6Filter
	for i := range filter.Data {
		filter.Data[i] = ^uint32(0)
	}
	filter.Data[echoReply6/32] &^= 1 << (echoReply6 % 32)
	if err := unix.SetsockoptICMPv6Filter(fd, unix.SOL_ICMPV6, unix.ICMPV6_FILTER, &filter); err != nil {
		return os.NewSyscallError("setsockopt ICMP6_FILTER", err)
	}
	return os.NewSyscallError("connect", unix.Connect(fd, &unix.SockaddrInet6{Addr: to.As16()}))
}

func (s *echoSocket) send(counter uint64) error {
	s.out = appendEcho(s.out[:0], s.ipv4, s.id, counter)
	_, err := s.file.Write(s.out)
	return err
}

// answer is an echo reply to this socket.
type answer struct {
	counter uint64
	at      time.Time // when the kernel got it, by the wall clock
}

// receive waits for a message; ok is false when it is no answer.
func (s *echoSocket) receive() (a answer, ok bool, err error) {
	var n, nmeta int
	readErr := s.raw.Read(func(fd uintptr) bool {
		n, nmeta, _, _, err = unix.Recvmsg(int(fd), s.in, s.meta, 0)
		return !errors.Is(err, unix.EAGAIN)
	})
	if err := cmp.Or(readErr, err); err != nil {
		return answer{}, false, err
	}
	msg := s.in[:n]
	if s.ipv4 {
		if msg = withoutIPv4Header(msg); msg == nil {
			return answer{}, false, nil
		}
	}
	if a.counter, ok = parseEcho(msg, s.ipv4, s.id); !ok {
		return answer{}, false, nil
	}
	a.at, err = parseTimestamp(s.meta[:nmeta])
	return a, err == nil, err
}

func parseTimestamp(meta []byte) (time.Time, error) {
	messages, err := unix.ParseSocketControlMessage(meta)
	if err != nil {
		return time.Time{}, fmt.Errorf("parse the time of an answer: %w", err)
	}
	for _, m := range messages {
		var ts unix.Timespec
		if m.Header.Type == unix.SCM_TIMESTAMPNS && len(m.Data) >= int(unsafe.Sizeof(ts)) {
			ts = *(*unix.Timespec)(unsafe.Pointer(&m.Data[0]))
			return time.Unix(ts.Unix()), nil
		}
	}
	return time.Time{}, errors.New("an answer came without its time")
}

func (s *echoSocket) close() error { return s.file.Close() }

// appendEcho appends an echo request. The kernel fills in the checksum of
// ICMPv6, not that of ICMP.
func appendEcho(b []byte, ipv4 bool, id uint16, counter uint64) []byte {
	kind := byte(echoRequest6)
	if ipv4 {
		kind = echoRequest4
	}
	b = append(b, kind, 0, 0, 0)
	b = binary.BigEndian.AppendUint16(b, id)
	b = binary.BigEndian.AppendUint16(b, uint16(counter))
	b = binary.BigEndian.AppendUint64(b, counter)
	if ipv4 {
		binary.BigEndian.PutUint16(b[2:], checksum(b))
	}
	return b
}

func parseEcho(b []byte, ipv4 bool, id uint16) (counter uint64, ok bool) {
	kind := byte(echoReply6)
	if ipv4 {
		kind = echoReply4
	}
	if len(b) != echoLen || b[0] != kind || binary.BigEndian.Uint16(b[4:]) != id {
		return 0, false
	}
	return binary.BigEndian.Uint64(b[8:]), true
}

func withoutIPv4Header(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	header := int(b[0]&0x0f) * 4
	if len(b) < header {
		return nil
	}
	return b[header:]
}

// checksum is the Internet checksum of RFC 1071 over an even number of bytes.
func checksum(b []byte) uint16 {
	var sum uint32
	for ; len(b) >= 2; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
