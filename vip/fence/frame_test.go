package fence

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

// mac is an Ethernet address.
type mac [6]byte

var everybody = mac{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// frame is what was seen on an interface: the parts that matter here.
type frame struct {
	on             string // the interface
	source         mac
	arp            uint16 // operation, 0 if it is not ARP
	sender, target netip.Addr
	src, dst       netip.Addr // of an IP packet
	protocol       byte
	data           []byte // behind the IP header
}

const (
	arpRequest = 1
	arpReply   = 2

	tcpSYN = 0x02
	tcpRST = 0x04
	tcpACK = 0x10

	echoRequest4 = 8
	echoReply4   = 0
	unreachable4 = 3
	echoRequest6 = 128
	echoReply6   = 129
	unreachable6 = 1
)

func ethernet(dst, src mac, kind uint16, payload []byte) []byte {
	b := append(append([]byte{}, dst[:]...), src[:]...)
	return append(binary.BigEndian.AppendUint16(b, kind), payload...)
}

func arpPacket(op uint16, senderMAC mac, sender netip.Addr, targetMAC mac, target netip.Addr) []byte {
	b := binary.BigEndian.AppendUint16([]byte{0, 1, 8, 0, 6, 4}, op)
	b = append(append(b, senderMAC[:]...), sender.AsSlice()...)
	return append(append(b, targetMAC[:]...), target.AsSlice()...)
}

// ipPacket is an IP packet of either family, with the checksums.
func ipPacket(src, dst netip.Addr, protocol byte, data []byte) []byte {
	setChecksum(src, dst, protocol, data)
	if !src.Is4() {
		b := binary.BigEndian.AppendUint16([]byte{6 << 4, 0, 0, 0}, uint16(len(data)))
		b = append(b, protocol, 255)
		return append(append(append(b, src.AsSlice()...), dst.AsSlice()...), data...)
	}
	b := binary.BigEndian.AppendUint16([]byte{0x45, 0}, uint16(20+len(data)))
	b = append(b, 0, 1, 0, 0, 64, protocol, 0, 0)
	b = append(append(b, src.AsSlice()...), dst.AsSlice()...)
	binary.BigEndian.PutUint16(b[10:], sum(b))
	return append(b, data...)
}

func setChecksum(src, dst netip.Addr, protocol byte, data []byte) {
	at := map[byte]int{unix.IPPROTO_ICMP: 2, unix.IPPROTO_ICMPV6: 2, unix.IPPROTO_UDP: 6, unix.IPPROTO_TCP: 16}[protocol]
	copy(data[at:], []byte{0, 0})
	pseudo := append(src.AsSlice(), dst.AsSlice()...)
	pseudo = binary.BigEndian.AppendUint32(pseudo, uint32(len(data)))
	pseudo = append(pseudo, 0, 0, 0, protocol)
	if protocol == unix.IPPROTO_ICMP {
		pseudo = nil
	}
	binary.BigEndian.PutUint16(data[at:], sum(append(pseudo, data...)))
}

// sum is the Internet checksum (RFC 1071).
func sum(b []byte) uint16 {
	if len(b)%2 != 0 {
		b = append(b, 0)
	}
	var total uint32
	for i := 0; i < len(b); i += 2 {
		total += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	for total>>16 != 0 {
		total = total&0xffff + total>>16
	}
	return ^uint16(total)
}

// echo returns the protocol and an echo message of a number for an address's family.
func echo(to netip.Addr, id uint16) (protocol byte, data []byte) {
	protocol, data = unix.IPPROTO_ICMPV6, []byte{echoRequest6, 0, 0, 0}
	if to.Is4() {
		protocol, data[0] = unix.IPPROTO_ICMP, echoRequest4
	}
	return protocol, append(binary.BigEndian.AppendUint16(data, id), 0, 1)
}

func udp(from, to uint16) []byte {
	b := binary.BigEndian.AppendUint16(nil, from)
	b = binary.BigEndian.AppendUint16(b, to)
	return append(b, 0, 12, 0, 0, 'p', 'i', 'n', 'g')
}

func tcp(from, to uint16, flags byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, from)
	b = binary.BigEndian.AppendUint16(b, to)
	return append(b, 0, 0, 0, 1, 0, 0, 0, 0, 5<<4, flags, 0xff, 0xff, 0, 0, 0, 0)
}

// neighbor is a message of neighbor discovery about a target, with the MAC address of
// its sender.
func neighbor(kind byte, target netip.Addr, of mac) []byte {
	const override = 0x20
	b := []byte{kind, 0, 0, 0, 0, 0, 0, 0}
	option := byte(1)
	if kind == neighborAdvertisement {
		b[4], option = override, 2
	}
	return append(append(append(b, target.AsSlice()...), option, 1), of[:]...)
}

// solicited is the multicast address at which an IPv6 address is asked for, and its
// MAC address.
func solicited(addr netip.Addr) (netip.Addr, mac) {
	a := addr.As16()
	group := netip.MustParseAddr("ff02::1:ff00:0").As16()
	copy(group[13:], a[13:])
	return netip.AddrFrom16(group), mac{0x33, 0x33, 0xff, a[13], a[14], a[15]}
}

// parseFrame reads a frame; what it does not know stays zero.
func parseFrame(on string, b []byte) frame {
	f := frame{on: on}
	if len(b) < 14 {
		return f
	}
	f.source = mac(b[6:])
	kind, b := binary.BigEndian.Uint16(b[12:]), b[14:]
	switch {
	case kind == unix.ETH_P_ARP && len(b) >= 28:
		f.arp = binary.BigEndian.Uint16(b[6:])
		f.sender, f.target = netip.AddrFrom4([4]byte(b[14:])), netip.AddrFrom4([4]byte(b[24:]))
	case kind == unix.ETH_P_IP && len(b) >= 20:
		f.src, f.dst = netip.AddrFrom4([4]byte(b[12:])), netip.AddrFrom4([4]byte(b[16:]))
		f.protocol, f.data = b[9], b[int(b[0]&15)*4:]
	case kind == unix.ETH_P_IPV6 && len(b) >= 40:
		f.src, f.dst = netip.AddrFrom16([16]byte(b[8:])), netip.AddrFrom16([16]byte(b[24:]))
		f.protocol, f.data = b[6], b[40:]
	}
	return f
}

// icmpFrom tells whether the frame is an ICMP message of an address, of the kind of
// its family.
func (f frame) icmpFrom(addr netip.Addr, kind4, kind6 byte) bool {
	kind, protocol := kind6, byte(unix.IPPROTO_ICMPV6)
	if addr.Is4() {
		kind, protocol = kind4, unix.IPPROTO_ICMP
	}
	return f.src == addr && f.protocol == protocol && len(f.data) >= 8 && f.data[0] == kind
}

// about tells whether the frame is a message of neighbor discovery about an address.
func (f frame) about(kind byte, addr netip.Addr) bool {
	return f.protocol == unix.IPPROTO_ICMPV6 && len(f.data) >= 24 && f.data[0] == kind &&
		netip.AddrFrom16([16]byte(f.data[8:])) == addr
}

// ports returns the ports of a TCP or UDP packet.
func (f frame) ports(protocol byte) (from, to uint16) {
	if f.protocol != protocol || len(f.data) < 8 {
		return 0, 0
	}
	return binary.BigEndian.Uint16(f.data), binary.BigEndian.Uint16(f.data[2:])
}
