package doctor

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/cmd/internal/config"
)

// ear hears adverts of virtual routers and claims of VIPs. It asks once for each VIP who
// has it, as duplicate address detection does, and sends nothing else.
type ear struct {
	on     []*socket
	length time.Duration
	failed string
}

// socket hears one interface.
type socket struct {
	Interface
	vips   []netip.Addr
	file   *os.File
	frames Frames
}

// mostQuestions bounds how many VIPs of an interface are asked for.
const mostQuestions = 64

// openEar opens the sockets, in the network namespace of the calling thread.
func (f *Facts) openEar(c *config.Config, p Probes) *ear {
	e := &ear{length: p.Listen}
	if e.length <= 0 {
		return e
	}
	for name, held := range watched(c, *f) {
		i, _ := f.find(name)
		s := &socket{Interface: i, vips: held, frames: p.Frames}
		if err := s.open(); err != nil {
			e.failed = fmt.Sprintf("%s: %v", name, err)
			continue
		}
		e.on = append(e.on, s)
	}
	return e
}

// everyFrame is what the sockets are bound to; their filter passes little of it.
const everyFrame = unix.ETH_P_ALL

func (s *socket) open() error {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	s.file = os.NewFile(uintptr(fd), "packet socket")
	err = errors.Join(
		filter(fd),
		unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1),
		member(fd, s.Index, net.HardwareAddr{0x01, 0x00, 0x5e, 0, 0, 0x12}),
		member(fd, s.Index, net.HardwareAddr{0x33, 0x33, 0, 0, 0, 0x12}),
		unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: nl.Swap16(everyFrame), Ifindex: s.Index}),
	)
	if err != nil {
		_ = s.file.Close()
	}
	return err
}

// member has the interface take frames for a group of the link, and says nothing of it to
// the network.
func member(fd, index int, group net.HardwareAddr) error {
	m := unix.PacketMreq{Ifindex: int32(index), Type: unix.PACKET_MR_MULTICAST, Alen: uint16(len(group))}
	copy(m.Address[:], group)
	return unix.SetsockoptPacketMreq(fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, &m)
}

const (
	etherHeader = 14
	ipv6Header  = 40
	ahLength    = 24
)

// filter passes ARP, protocols 112 and 51, and over IPv6 also 58; nothing that is for other
// hosts or tagged for a VLAN, which is another interface's.
func filter(fd int) error {
	program, err := bpf.Assemble([]bpf.Instruction{
		bpf.LoadExtension{Num: bpf.ExtType},
		bpf.JumpIf{Cond: bpf.JumpGreaterThan, Val: unix.PACKET_MULTICAST, SkipTrue: 12},
		bpf.LoadExtension{Num: bpf.ExtVLANTagPresent},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0, SkipTrue: 10},
		bpf.LoadAbsolute{Off: 12, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.ETH_P_ARP, SkipTrue: 9},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.ETH_P_IP, SkipFalse: 3},
		bpf.LoadAbsolute{Off: etherHeader + 9, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: protocolVRRP, SkipTrue: 6},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: protocolAH, SkipTrue: 5, SkipFalse: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.ETH_P_IPV6, SkipFalse: 3},
		bpf.LoadAbsolute{Off: etherHeader + 6, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: protocolVRRP, SkipTrue: 2},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.IPPROTO_ICMPV6, SkipTrue: 1},
		bpf.RetConstant{},
		bpf.RetConstant{Val: 0xffff},
	})
	if err != nil {
		return err
	}
	code := make([]unix.SockFilter, len(program))
	for i, op := range program {
		code[i] = unix.SockFilter{Code: op.Op, Jt: op.Jt, Jf: op.Jf, K: op.K}
	}
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]})
}

// listen hears for as long as it is to, and then looks up who the peers are.
func (e *ear) listen(ctx context.Context) func(*Facts) {
	if e.length <= 0 {
		return nil
	}
	end := time.Now().Add(e.length)
	heard := make(chan Wire, len(e.on))
	for _, s := range e.on {
		go func() { heard <- s.listen(end) }()
	}
	w := Wire{For: e.length, Failed: e.failed}
	for range e.on {
		select {
		case one := <-heard:
			w.Adverts, w.Claims = append(w.Adverts, one.Adverts...), append(w.Claims, one.Claims...)
		case <-ctx.Done():
			return nil
		}
	}
	return func(f *Facts) {
		w.Neighbors = f.Wire.Neighbors
		f.Wire = w
		f.Wire.Neighbors = neighbors()
	}
}

func (s *socket) listen(end time.Time) (w Wire) {
	defer s.file.Close()
	raw, err := s.file.SyscallConn()
	if err != nil {
		return w
	}
	s.ask(raw)
	_ = s.file.SetReadDeadline(end)
	frame := make([]byte, 65536)
	for {
		n, err := s.file.Read(frame)
		if err != nil {
			return w
		}
		s.hear(&w, frame[:n])
	}
}

// ask sends the questions.
func (s *socket) ask(raw syscall.RawConn) {
	mac, err := net.ParseMAC(s.MAC)
	if err != nil {
		return
	}
	from := s.linkLocal()
	asked := 0
	for _, address := range s.vips {
		if s.has(address) || address.Is6() && !from.IsValid() || asked >= mostQuestions {
			continue
		}
		asked++
		kind := uint16(unix.ETH_P_ARP)
		if address.Is6() {
			kind = unix.ETH_P_IPV6
		}
		to := &unix.SockaddrLinklayer{Ifindex: s.Index, Protocol: nl.Swap16(kind)}
		question := s.frames.Question(mac, from, address)
		_ = raw.Control(func(fd uintptr) { _ = unix.Sendto(int(fd), question, 0, to) })
	}
}

func (s *socket) linkLocal() netip.Addr {
	for _, p := range s.Addresses {
		if p.Addr().Is6() && p.Addr().IsLinkLocalUnicast() {
			return p.Addr()
		}
	}
	return netip.Addr{}
}

// hear notes what a frame says.
func (s *socket) hear(w *Wire, frame []byte) {
	if len(frame) < etherHeader {
		return
	}
	kind := binary.BigEndian.Uint16(frame[12:])
	if kind == unix.ETH_P_ARP || kind == unix.ETH_P_IPV6 {
		address, mac, ok := s.frames.Claimed(kind, frame)
		claim := Claim{s.Name, address, mac.String()}
		if ok && slices.Contains(s.vips, address) && claim.MAC != s.MAC && !slices.Contains(w.Claims, claim) {
			w.Claims = append(w.Claims, claim)
		}
	}
	if h, ok := s.frames.readAdvert(kind, frame); ok {
		h.Interface = s.Name
		at := slices.IndexFunc(w.Adverts, func(o Heard) bool { return o.From == h.From && o.VRID == h.VRID })
		if at < 0 && len(w.Adverts) < mostRouters {
			w.Adverts = append(w.Adverts, h)
		} else if at >= 0 && h.Priority > 0 {
			w.Adverts[at] = h
		}
	}
}

// mostRouters bounds what made-up senders cost.
const mostRouters = 1024

// neighbors returns the addresses that this host knows by their MACs.
func neighbors() map[string]netip.Addr {
	all := map[string]netip.Addr{}
	list, _ := netlink.NeighList(0, netlink.FAMILY_ALL)
	for _, n := range list {
		if address, ok := netip.AddrFromSlice(n.IP); ok && len(n.HardwareAddr) > 0 {
			all[n.HardwareAddr.String()] = address.Unmap()
		}
	}
	return all
}
