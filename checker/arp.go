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
	macLength = 6
	arpLength = 28 // Ethernet and IPv4 (RFC 826)
	arpAsks   = 1
	arpAnswer = 2
)

// arpQuestion asks who has an IPv4 address.
type arpQuestion struct {
	mac    [macLength]byte // of who asks
	sender netip.Addr      // likewise; 0.0.0.0 makes it a probe (RFC 5227), which is answered as well
	target netip.Addr
}

// appendTo appends the packet.
func (q arpQuestion) appendTo(b []byte) []byte {
	b = append(b, 0, 1, 0x08, 0x00, macLength, 4, 0, arpAsks)
	b = append(b, q.mac[:]...)
	b = append(b, q.sender.AsSlice()...)
	b = append(b, make([]byte, macLength)...)
	return append(b, q.target.AsSlice()...)
}

// answeredBy reports whether a packet is the answer. An announcement is none: it names its
// sender as the target, too.
func (q arpQuestion) answeredBy(b []byte) bool {
	return len(b) >= arpLength && binary.BigEndian.Uint16(b[6:]) == arpAnswer &&
		netip.AddrFrom4([4]byte(b[14:])) == q.target && netip.AddrFrom4([4]byte(b[24:])) == q.sender
}

// filter is answeredBy for the kernel.
func (q arpQuestion) filter() []bpf.Instruction {
	return []bpf.Instruction{
		bpf.LoadAbsolute{Off: 6, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: arpAnswer, SkipTrue: 5},
		bpf.LoadAbsolute{Off: 14, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: word4(q.target), SkipTrue: 3},
		bpf.LoadAbsolute{Off: 24, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: word4(q.sender), SkipTrue: 1},
		bpf.RetConstant{Val: math.MaxUint32},
		bpf.RetConstant{},
	}
}

func word4(addr netip.Addr) uint32 {
	b := addr.As4()
	return binary.BigEndian.Uint32(b[:])
}

// askARP asks for an address and returns when it is answered.
func askARP(ctx context.Context, w way, target netip.Addr) error {
	q := arpQuestion{mac: [macLength]byte(w.link.HardwareAddr), sender: netip.IPv4Unspecified(), target: target}
	if w.source.IsValid() {
		q.sender = w.source
	}
	conn, err := openARP(w.link.Index, q.filter())
	if err != nil {
		return err
	}
	// The kernel closes such a socket only once no processor can use it, some 10 ms later.
	defer func() { go conn.Close() }()
	everybody := &unix.SockaddrLinklayer{
		Protocol: networkOrder(unix.ETH_P_ARP), Ifindex: w.link.Index, Halen: macLength,
		Addr: [8]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
	}
	if err := conn.Sendto(ctx, q.appendTo(nil), 0, everybody); err != nil {
		return fmt.Errorf("send ARP request: %w", err)
	}
	return await(ctx, conn, q.answeredBy)
}

// openARP opens a socket for ARP on an interface that hears only what passes a filter.
func openARP(index int, filter []bpf.Instruction) (*socket.Conn, error) {
	conn, err := socket.Socket(unix.AF_PACKET, unix.SOCK_DGRAM, 0, "packet", nil) // which hears nothing yet
	if err != nil {
		return nil, fmt.Errorf("open packet socket: %w", err)
	}
	err = attach(conn, filter)
	if err == nil {
		err = conn.Bind(&unix.SockaddrLinklayer{Protocol: networkOrder(unix.ETH_P_ARP), Ifindex: index})
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("prepare packet socket: %w", err), conn.Close())
	}
	return conn, nil
}

// attach has the kernel drop what does not pass a filter.
func attach(conn *socket.Conn, filter []bpf.Instruction) error {
	program, err := bpf.Assemble(filter)
	if err != nil {
		return fmt.Errorf("assemble filter: %w", err)
	}
	return conn.SetBPF(program)
}

// await reads packets until one is the answer.
func await(ctx context.Context, conn *socket.Conn, answers func([]byte) bool) error {
	b := make([]byte, 1514)
	for {
		n, _, err := conn.Recvfrom(ctx, b, 0)
		if err != nil {
			return err
		}
		if answers(b[:n]) {
			return nil
		}
	}
}

func networkOrder(v uint16) uint16 {
	return binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, v))
}
