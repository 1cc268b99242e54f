package checker

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net/netip"

	"github.com/mdlayher/socket"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

const (
	neighborSolicitation  = 135
	neighborAdvertisement = 136
	naLength              = 24   // RFC 4861 section 4.4, without options
	naSolicited           = 0x40 // it answers a question
	naTarget              = 8    // its offset
	optionSourceMAC       = 1    // RFC 4861 section 4.6.1, of 8 bytes
	hopLimit              = 255  // proves that no router passed it on (RFC 4861 section 7.1.2)
)

// appendSolicitation appends the question who has an IPv6 address, of one with a MAC. The
// checksum is left to the kernel.
func appendSolicitation(b []byte, target netip.Addr, mac []byte) []byte {
	b = append(b, neighborSolicitation, 0, 0, 0, 0, 0, 0, 0)
	b = append(b, target.AsSlice()...)
	b = append(b, optionSourceMAC, 1)
	return append(b, mac...)
}

// advertises reports whether an ICMPv6 message answers a solicitation for an address.
func advertises(b []byte, target netip.Addr) bool {
	return len(b) >= naLength && b[0] == neighborAdvertisement && b[1] == 0 &&
		b[4]&naSolicited != 0 && netip.AddrFrom16([16]byte(b[naTarget:])) == target
}

// advertisementFilter is advertises for the kernel.
func advertisementFilter(target netip.Addr) []bpf.Instruction {
	address := target.As16()
	filter := []bpf.Instruction{
		bpf.LoadAbsolute{Off: 0, Size: 2}, // type and code
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: neighborAdvertisement << 8, SkipTrue: 9},
	}
	for i := range 4 {
		filter = append(filter,
			bpf.LoadAbsolute{Off: uint32(naTarget + 4*i), Size: 4},
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: binary.BigEndian.Uint32(address[4*i:]), SkipTrue: uint8(7 - 2*i)})
	}
	return append(filter, bpf.RetConstant{Val: math.MaxUint32}, bpf.RetConstant{})
}

// solicitedNode is the group in which whoever has an address listens (RFC 4291 section 2.7.1).
func solicitedNode(target netip.Addr) [16]byte {
	address := target.As16()
	return [16]byte{0: 0xff, 1: 0x02, 11: 0x01, 12: 0xff, 13: address[13], 14: address[14], 15: address[15]}
}

// askND asks for an address and returns when it is answered.
func askND(ctx context.Context, w way, target netip.Addr) error {
	if !w.source.IsValid() {
		return because("interface %s has no address to ask from", w.link.Name)
	}
	conn, err := openND(w, advertisementFilter(target))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	group := &unix.SockaddrInet6{Addr: solicitedNode(target), ZoneId: uint32(w.link.Index)}
	if err := conn.Sendto(ctx, appendSolicitation(nil, target, w.link.HardwareAddr), 0, group); err != nil {
		return fmt.Errorf("send neighbor solicitation: %w", err)
	}
	return awaitND(ctx, conn, target)
}

// awaitND reads messages until one answers for the target.
func awaitND(ctx context.Context, conn *socket.Conn, target netip.Addr) error {
	b, control := make([]byte, 1514), make([]byte, 128)
	for {
		n, extra, _, _, err := conn.Recvmsg(ctx, b, control, 0)
		if err != nil {
			return err
		}
		if advertises(b[:n], target) && hopLimitOf(control[:extra]) == hopLimit {
			return nil
		}
	}
}

// hopLimitOf is the hop limit that the kernel tells beside a message, 0 if it does not.
func hopLimitOf(control []byte) int {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return 0
	}
	for _, m := range messages {
		if m.Header.Level == unix.IPPROTO_IPV6 && m.Header.Type == unix.IPV6_HOPLIMIT && len(m.Data) >= 4 {
			return int(binary.NativeEndian.Uint32(m.Data))
		}
	}
	return 0
}

// openND opens a socket for neighbor discovery that hears only what passes a filter.
func openND(w way, filter []bpf.Instruction) (*socket.Conn, error) {
	conn, err := socket.Socket(unix.AF_INET6, unix.SOCK_RAW, unix.IPPROTO_ICMPV6, "icmp6", nil)
	if err != nil {
		return nil, fmt.Errorf("open ICMPv6 socket: %w", err)
	}
	if err := prepareND(conn, w, filter); err != nil {
		return nil, errors.Join(fmt.Errorf("prepare ICMPv6 socket: %w", err), conn.Close())
	}
	return conn, nil
}

func prepareND(conn *socket.Conn, w way, filter []bpf.Instruction) error {
	if err := attach(conn, filter); err != nil {
		return err
	}
	if err := conn.SetsockoptString(unix.SOL_SOCKET, unix.SO_BINDTODEVICE, w.link.Name); err != nil {
		return err
	}
	for _, o := range [...]struct{ option, value int }{
		{unix.IPV6_MULTICAST_HOPS, hopLimit},
		{unix.IPV6_MULTICAST_LOOP, 0},
		{unix.IPV6_RECVHOPLIMIT, 1},
	} {
		if err := conn.SetsockoptInt(unix.IPPROTO_IPV6, o.option, o.value); err != nil {
			return err
		}
	}
	return conn.Bind(&unix.SockaddrInet6{Addr: w.source.As16(), ZoneId: uint32(w.link.Index)})
}
