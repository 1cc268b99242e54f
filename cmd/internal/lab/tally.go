package lab

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Tally counts the VRRP adverts over IPv4 that a host sends by a link. The kernel does
// the counting, so that many of them disturb nobody.
type Tally struct {
	link *Link
	fd   int // the kernel keeps some of the packets, and counts those it drops as well
	seen int
}

// adverts is a program that passes the frames of VRRP over IPv4.
var adverts = []bpf.Instruction{
	bpf.LoadAbsolute{Off: 12, Size: 2},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.ETH_P_IP, SkipTrue: 3},
	bpf.LoadAbsolute{Off: 14 + 9, Size: 1},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 112, SkipTrue: 1},
	bpf.RetConstant{Val: 64},
	bpf.RetConstant{Val: 0},
}

// Tally begins to count. It must be closed.
func (l *Link) Tally() (*Tally, error) {
	t := &Tally{link: l}
	err := l.withPort("count the adverts by", func(_ *netlink.Handle, port netlink.Link) error {
		return l.sw.ns.do(func() (err error) {
			t.fd, err = openAdverts(port.Attrs().Index, func(int) error { return nil })
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return t, nil
}

// openAdverts opens a socket that gets the adverts which come in on the interface, after
// prepare.
func openAdverts(index int, prepare func(fd int) error) (int, error) {
	raw, err := bpf.Assemble(adverts)
	if err != nil {
		return -1, err
	}
	filters := make([]unix.SockFilter, len(raw))
	for i, r := range raw {
		filters[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	const all = unix.ETH_P_ALL<<8 | unix.ETH_P_ALL>>8 // in network order
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, missing("a raw network socket", err)
	}
	program := &unix.SockFprog{Len: uint16(len(filters)), Filter: &filters[0]}
	err = errors.Join(
		os.NewSyscallError("setsockopt SO_ATTACH_FILTER", unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, program)),
		os.NewSyscallError("setsockopt PACKET_IGNORE_OUTGOING", unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1)),
		prepare(fd),
		os.NewSyscallError("bind", unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all & 0xffff, Ifindex: index})),
	)
	if err != nil {
		return -1, errors.Join(err, unix.Close(fd))
	}
	return fd, nil
}

// Count returns how many were sent until now.
func (t *Tally) Count() (int, error) {
	stats, err := unix.GetsockoptTpacketStats(t.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS) // since the last call
	if err != nil {
		return t.seen, fmt.Errorf("count the adverts of %s: %w", t.link.host.Name, os.NewSyscallError("getsockopt PACKET_STATISTICS", err))
	}
	t.seen += int(stats.Packets)
	return t.seen, nil
}

// Next waits for the next advert.
func (t *Tally) Next(limit time.Duration) error {
	if err := t.forget(); err != nil {
		return err
	}
	deadline := time.Now().Add(limit)
	for {
		left := max(0, time.Until(deadline))
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(t.fd), Events: unix.POLLIN}}, int(left.Milliseconds()))
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return fmt.Errorf("wait for an advert of %s: %w", t.link.host.Name, os.NewSyscallError("poll", err))
		case n == 0:
			return fmt.Errorf("wait for an advert of %s: none in %v", t.link.host.Name, limit)
		}
		return nil
	}
}

// forget takes out the packets that were kept.
func (t *Tally) forget() error {
	for {
		_, _, err := unix.Recvfrom(t.fd, nil, 0)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return nil
		case err != nil && !errors.Is(err, unix.EINTR):
			return fmt.Errorf("read the adverts of %s: %w", t.link.host.Name, os.NewSyscallError("recvfrom", err))
		}
	}
}

// Close ends it.
func (t *Tally) Close() error { return unix.Close(t.fd) }
