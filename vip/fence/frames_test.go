package fence

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"
)

// Addresses of the tests: VIPs, an address in a VIP's range, and others.
var (
	theVIP4  = netip.MustParseAddr("198.18.0.100")
	theVIP6  = netip.MustParseAddr("2001:db8::100")
	ofRange4 = netip.MustParseAddr("198.18.7.9")
	ofRange6 = netip.MustParseAddr("2001:db8:7::9")
	theNode4 = netip.MustParseAddr("198.18.0.1")
	theNode6 = netip.MustParseAddr("2001:db8::1")
	thePeer4 = netip.MustParseAddr("198.18.0.2")
	thePeer6 = netip.MustParseAddr("2001:db8::2")
	zero4    = netip.IPv4Unspecified()
	zero6    = netip.IPv6Unspecified()
)

func hostVIPs() []netip.Prefix {
	return []netip.Prefix{netip.PrefixFrom(theVIP4, 32), netip.PrefixFrom(theVIP6, 128)}
}

func rangeVIPs() []netip.Prefix {
	return append(hostVIPs(), netip.MustParsePrefix("198.18.7.0/24"), netip.MustParsePrefix("2001:db8:7::/64"))
}

func be16(v int) []byte { return binary.BigEndian.AppendUint16(nil, uint16(v)) }

// ether makes a frame, with tags before the EtherType.
func ether(kind int, payload []byte, tags ...int) []byte {
	frame := []byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2}
	for _, tag := range tags {
		frame = slices.Concat(frame, be16(tag), be16(7))
	}
	return slices.Concat(frame, be16(kind), payload)
}

// tagged is a frame with tags put into it.
func tagged(frame []byte, tags ...int) []byte {
	return ether(int(binary.BigEndian.Uint16(frame[12:])), frame[14:], tags...)
}

func ipv4(from, to netip.Addr, change ...func([]byte)) []byte {
	p := slices.Concat([]byte{0x45, 0, 0, 40, 0, 1, 0, 0, 64, unix.IPPROTO_TCP, 0, 0},
		from.AsSlice(), to.AsSlice(), make([]byte, 20))
	for _, f := range change {
		f(p)
	}
	return ether(unix.ETH_P_IP, p)
}

func ipv6(from, to netip.Addr, next int, payload ...byte) []byte {
	p := slices.Concat([]byte{0x60, 0, 0, 0}, be16(len(payload)), []byte{byte(next), 255},
		from.AsSlice(), to.AsSlice(), payload)
	return ether(unix.ETH_P_IPV6, p)
}

func tcp6(from, to netip.Addr) []byte { return ipv6(from, to, unix.IPPROTO_TCP, make([]byte, 20)...) }

// arp is a request or (op 2) a reply.
func arp(op int, sender, target netip.Addr, change ...func([]byte)) []byte {
	p := slices.Concat(be16(1), be16(unix.ETH_P_IP), []byte{6, 4}, be16(op),
		[]byte{2, 0, 0, 0, 0, 2}, sender.AsSlice(), make([]byte, 6), target.AsSlice())
	for _, f := range change {
		f(p)
	}
	return ether(unix.ETH_P_ARP, p)
}

// nd is a message of neighbor discovery about a target, behind extension headers.
func nd(kind int, from, target netip.Addr, extensions ...int) []byte {
	return likeND(unix.IPPROTO_ICMPV6, kind, from, target, extensions...)
}

// likeND is the same in another protocol's name.
func likeND(next, kind int, from, target netip.Addr, extensions ...int) []byte {
	var headers []byte
	for i, e := range slices.Backward(extensions) {
		header := make([]byte, 8+8*(i%2)) // of two lengths
		header[0], header[1] = byte(next), byte(i%2)
		headers, next = slices.Concat(header, headers), e
	}
	message := slices.Concat([]byte{byte(kind), 0, 0, 0, 0, 0, 0, 0}, target.AsSlice(), []byte{2, 1, 2, 0, 0, 0, 0, 2})
	return ipv6(from, netip.IPv6LinkLocalAllNodes(), next, slices.Concat(headers, message)...)
}
