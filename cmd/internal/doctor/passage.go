package doctor

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"
)

const (
	pingTries = 3
	pingWait  = 500 * time.Millisecond
	smallPing = 64 // bytes of IP

	echoHeader = 8 // bytes of ICMP
)

// tryPassage finds out by ICMP whether IP packets of a size get to an address in one piece.
// A host that answers no ping tells nothing. It takes CAP_NET_RAW.
func tryPassage(ctx context.Context, to netip.Addr, size int) Passage {
	network, kind, header := "ip4:icmp", byte(8), 20
	if to.Is6() {
		network, kind, header = "ip6:ipv6-icmp", 128, 40
	}
	dialer := net.Dialer{Control: func(_, _ string, raw syscall.RawConn) error { return unfragmented(raw, to.Is6()) }}
	conn, err := dialer.DialContext(ctx, network, to.String())
	if err != nil || size > maxPing {
		return PassageUnknown
	}
	defer conn.Close()
	socket, ok := conn.(*net.IPConn)
	if !ok {
		return PassageUnknown
	}
	small, large := false, false
	for range pingTries {
		_, _ = conn.Write(echoRequest(kind, 1, smallPing-header))
		_, _ = conn.Write(echoRequest(kind, 2, size-header)) // what is too large for this end is lost, too
		_ = conn.SetReadDeadline(time.Now().Add(pingWait))
		hearEchoes(socket, kind, &small, &large)
		if small && large || ctx.Err() != nil {
			break
		}
	}
	switch {
	case large:
		return PassageOpen
	case small:
		return PassageShut
	}
	return PassageUnknown
}

// maxPing is the largest packet of IP.
const maxPing = 65535

// unfragmented has the kernel send packets whole or not at all, whatever it knows of the way.
func unfragmented(raw syscall.RawConn, ipv6 bool) error {
	var err error
	failed := raw.Control(func(fd uintptr) {
		if ipv6 {
			err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_PROBE)
			return
		}
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_PROBE)
	})
	if failed != nil {
		return failed
	}
	return err
}

// echoID tells the answers to this process from others.
func echoID() uint16 { return uint16(os.Getpid()) }

// echoRequest is one of a length. The checksum of ICMPv6 is left to the kernel.
func echoRequest(kind byte, sequence uint16, length int) []byte {
	m := icmp.Message{Type: ipv4.ICMPType(kind), Body: &icmp.Echo{
		ID: int(echoID()), Seq: int(sequence), Data: make([]byte, max(length-echoHeader, 0)),
	}}
	if kind == 128 {
		m.Type = ipv6.ICMPType(kind)
	}
	b, _ := m.Marshal(nil) // which has only other messages fail
	return b
}

// hearEchoes notes which requests are answered, until both are or the deadline is over.
func hearEchoes(socket *net.IPConn, kind byte, small, large *bool) {
	answer := byte(0)
	if kind == 128 {
		answer = 129
	}
	b := make([]byte, maxPing)
	for !*small || !*large {
		n, _, err := socket.ReadFrom(b)
		if err != nil {
			return
		}
		if n < echoHeader || b[0] != answer || binary.BigEndian.Uint16(b[4:]) != echoID() {
			continue
		}
		*small = *small || b[7] == 1
		*large = *large || b[7] == 2
	}
}
