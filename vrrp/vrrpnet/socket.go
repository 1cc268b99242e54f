package vrrpnet

import (
	"errors"
	"fmt"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The numbers of the IP protocols, and the length of an authentication header.
const (
	protocolVRRP = 112
	protocolAH   = 51
	ahLength     = 24
)

const (
	hops            = 255  // RFC 9568 sections 5.1.1.3 and 5.1.2.3
	networkControl  = 0xc0 // the traffic class of routing protocols
	controlPriority = 6    // of their packets in the queues of this node
	receiveBuffer   = 1 << 20
)

// option is an option of a socket, and its value.
type option struct{ level, name, value int }

// openSocket opens a raw socket bound to an interface.
func openSocket(family, protocol int, on link, options []option) (int, error) {
	fd, err := unix.Socket(family, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, protocol)
	if err != nil {
		return -1, fmt.Errorf("open a socket for %s: %w", on.name, err)
	}
	if err := setOptions(fd, on, options); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func setOptions(fd int, on link, options []option) error {
	if err := attachFilter(fd, nothing); err != nil { // until it is known what is wanted
		return fmt.Errorf("filter packets of %s: %w", on.name, err)
	}
	if err := unix.BindToDevice(fd, on.name); err != nil {
		return fmt.Errorf("bind a socket to %s: %w", on.name, err)
	}
	for _, o := range options {
		if err := unix.SetsockoptInt(fd, o.level, o.name, o.value); err != nil {
			return fmt.Errorf("set up a socket for %s: option %d of level %d: %w", on.name, o.name, o.level, err)
		}
	}
	return nil
}

// openSender opens a socket that only sends.
func openSender(kind senderKind) (int, error) {
	priority := option{unix.SOL_SOCKET, unix.SO_PRIORITY, controlPriority}
	if !kind.ipv6 {
		fd, err := openSocket(unix.AF_INET, unix.IPPROTO_RAW, kind.link, []option{
			priority,
			{unix.IPPROTO_IP, unix.IP_MULTICAST_LOOP, 0},
			{unix.IPPROTO_IP, unix.IP_RECVERR, 1}, // else what a full queue drops counts as sent
		})
		if err != nil {
			return -1, err
		}
		if err := unix.SetsockoptIPMreqn(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_IF, &unix.IPMreqn{Ifindex: int32(kind.index)}); err != nil {
			unix.Close(fd)
			return -1, fmt.Errorf("send multicasts on %s: %w", kind.name, err)
		}
		return fd, nil
	}
	return openSocket(unix.AF_INET6, protocolVRRP, kind.link, []option{
		priority,
		{unix.IPPROTO_IPV6, unix.IPV6_RECVERR, 1},
		{unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_LOOP, 0},
		{unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_IF, kind.index},
		{unix.IPPROTO_IPV6, unix.IPV6_TCLASS, networkControl},
		{unix.IPPROTO_IPV6, unix.IPV6_FREEBIND, 1}, // the source is that of another interface
	})
}

// openReceiver opens a socket that only receives.
func openReceiver(kind receiverKind) (int, error) {
	family, options := unix.AF_INET, []option{
		{unix.IPPROTO_IP, unix.IP_MULTICAST_ALL, 0},
	}
	if kind.ipv6 {
		family, options = unix.AF_INET6, []option{
			{unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1},
			{unix.IPPROTO_IPV6, unix.IPV6_RECVHOPLIMIT, 1},
		}
	}
	fd, err := openSocket(family, kind.protocol, kind.link, options)
	if err != nil {
		return -1, err
	}
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer) != nil { // not permitted
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer) // as much as is
	}
	return fd, nil
}

// joinGroup makes a socket hear a multicast group.
func joinGroup(fd int, group netip.Addr, on link) error {
	var err error
	if group.Is6() {
		err = unix.SetsockoptIPv6Mreq(fd, unix.IPPROTO_IPV6, unix.IPV6_JOIN_GROUP,
			&unix.IPv6Mreq{Multiaddr: group.As16(), Interface: uint32(on.index)})
	} else {
		err = unix.SetsockoptIPMreqn(fd, unix.IPPROTO_IP, unix.IP_ADD_MEMBERSHIP,
			&unix.IPMreqn{Multiaddr: group.As4(), Ifindex: int32(on.index)})
	}
	if err != nil && !errors.Is(err, unix.EADDRINUSE) { // it has joined already
		return fmt.Errorf("join the group %s on %s: %w", group, on.name, err)
	}
	return nil
}

// destination is where packets go.
type destination struct {
	address netip.Addr
	name    *byte // the socket address
	length  uint32
}

func newDestination(address netip.Addr, on link) *destination {
	if address.Is4() {
		name := &unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: address.As4()}
		return &destination{address, (*byte)(unsafe.Pointer(name)), unix.SizeofSockaddrInet4}
	}
	name := &unix.RawSockaddrInet6{Family: unix.AF_INET6, Addr: address.As16()}
	if address.IsLinkLocalUnicast() || address.IsLinkLocalMulticast() {
		name.Scope_id = uint32(on.index)
	}
	return &destination{address, (*byte)(unsafe.Pointer(name)), unix.SizeofSockaddrInet6}
}

// control tells the kernel the source and the hop limit of a packet over IPv6.
func control(source netip.Addr, on link, hopLimit int32) []byte {
	b := unix.PktInfo6(&unix.Inet6Pktinfo{Addr: source.As16(), Ifindex: uint32(on.index)})
	start := len(b)
	b = append(b, make([]byte, unix.CmsgSpace(4))...)
	h := (*unix.Cmsghdr)(unsafe.Pointer(&b[start]))
	h.Level, h.Type = unix.IPPROTO_IPV6, unix.IPV6_HOPLIMIT
	h.SetLen(unix.CmsgLen(4))
	*(*int32)(unsafe.Pointer(&b[start+unix.CmsgLen(0)])) = hopLimit
	return b
}
