package checker

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"github.com/mdlayher/socket"
	"golang.org/x/sys/unix"
)

// ping sends one echo request on a socket of its own. That is a datagram socket where
// net.ipv4.ping_group_range has the daemon's group, to which the kernel gives only what
// has the identifier of the socket. Else it is a raw one, that takes CAP_NET_RAW: connected,
// so that the kernel shows it only what comes from the target, of which a filter passes
// nothing but the answer.
type ping struct {
	echo
	conn   *socket.Conn
	raw    bool
	target netip.Addr
	local  netip.Addr
}

// newPing prepares a ping.
func newPing(n Network, target netip.Addr) (*ping, error) {
	p := &ping{target: target, echo: newEcho(target)}
	if err := p.open(); err != nil {
		return nil, err
	}
	if err := p.prepare(n); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

func newEcho(target netip.Addr) echo {
	e := echo{icmp: icmp6}
	if target.Is4() {
		e.icmp = icmp4
	}
	var numbers [4]byte
	_, _ = rand.Read(numbers[:]) // never fails
	_, _ = rand.Read(e.data[:])
	e.id, e.sequence = binary.BigEndian.Uint16(numbers[:]), binary.BigEndian.Uint16(numbers[2:])
	return e
}

func (p *ping) open() error {
	family, protocol := unix.AF_INET6, unix.IPPROTO_ICMPV6
	if p.icmp == icmp4 {
		family, protocol = unix.AF_INET, unix.IPPROTO_ICMP
	}
	var err error
	p.conn, err = socket.Socket(family, unix.SOCK_DGRAM, protocol, "ping", nil)
	if err == nil {
		return nil
	}
	p.raw = true
	p.conn, err = socket.Socket(family, unix.SOCK_RAW, protocol, "icmp", nil)
	if errors.Is(err, unix.EPERM) {
		return because("not permitted: takes CAP_NET_RAW, or a group in net.ipv4.ping_group_range")
	}
	if err != nil {
		return fmt.Errorf("open ICMP socket: %w", err)
	}
	return nil
}

func (p *ping) Close() { _ = p.conn.Close() }

// prepare sets the socket up and connects it.
func (p *ping) prepare(n Network) error {
	source := n.Source
	n.Source = netip.Addr{} // what apply does for one is for sockets with ports
	conn, err := p.conn.SyscallConn()
	if err != nil {
		return err
	}
	if err := onSocket(conn, n.apply); err != nil {
		return err
	}
	if err := p.hearErrors(); err != nil {
		return err
	}
	if p.raw {
		if err := attach(p.conn, p.filter()); err != nil {
			return err
		}
	}
	return p.connect(source)
}

// hearErrors has the kernel keep ICMP errors with all that they say.
func (p *ping) hearErrors() error {
	if p.icmp == icmp4 {
		return p.conn.SetsockoptInt(unix.SOL_IP, unix.IP_RECVERR, 1)
	}
	return p.conn.SetsockoptInt(unix.SOL_IPV6, unix.IPV6_RECVERR, 1)
}

func (p *ping) connect(source netip.Addr) error {
	if source.IsValid() {
		if err := p.conn.Bind(sockaddr(source.Unmap().WithZone(p.target.Zone()))); err != nil {
			return err
		}
	}
	if _, err := p.conn.Connect(context.Background(), sockaddr(p.target)); err != nil { // does not wait
		return err
	}
	local, err := p.conn.Getsockname()
	p.local = addressIn(local)
	return err
}

// Send sends the request.
func (p *ping) Send(ctx context.Context) error {
	_, err := p.conn.WriteContext(ctx, p.appendTo(nil))
	return err
}

// Await returns when the answer has come, and for an ICMP error its text.
func (p *ping) Await(ctx context.Context) error {
	b, control := make([]byte, 1514), make([]byte, 512)
	for {
		m, err := p.receive(ctx, b, control)
		if err != nil {
			return err
		}
		if m.control != nil {
			if err := p.refused(m); err != nil {
				return err
			}
		} else if m.from == p.target.WithZone("") && p.answeredBy(p.message(m.data), p.raw) {
			return nil
		}
	}
}

// received is what came: a packet, or an error about what was sent, that control tells of.
type received struct {
	data, control []byte
	from          netip.Addr
}

// receive waits for the next packet or error.
func (p *ping) receive(ctx context.Context, b, control []byte) (m received, err error) {
	err = p.conn.ReadFunc(ctx, "recvmsg", func(fd int) error {
		m, err = receiveError(fd, b, control)
		if !errors.Is(err, unix.EAGAIN) {
			return err
		}
		n, from, err := unix.Recvfrom(fd, b, unix.MSG_DONTWAIT)
		if err == nil {
			m = received{data: b[:n], from: addressIn(from)}
		} else if !errors.Is(err, unix.EAGAIN) {
			// What is told here in one word is told there with all that is known.
			if told, failed := receiveError(fd, b, control); failed == nil {
				m, err = told, nil
			}
		}
		return err
	})
	return m, err
}

func receiveError(fd int, b, control []byte) (received, error) {
	n, extra, _, _, err := unix.Recvmsg(fd, b, control, unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
	if err != nil {
		return received{}, err
	}
	return received{data: b[:n], control: control[:extra]}, nil
}

// message takes off what a raw socket receives before the ICMP message.
func (p *ping) message(b []byte) []byte {
	if p.raw && p.header {
		return withoutHeader(b)
	}
	return b
}

// refused returns the reason that an error gives, nil if it is about another request or
// ends nothing.
func (p *ping) refused(m received) error {
	told, ok := parseRefusal(m.control)
	switch text := p.refusal(told.kind, told.code); {
	case !ok || !p.isQuoted(m.data, p.raw):
		return nil
	case told.origin == unix.SO_EE_ORIGIN_LOCAL:
		return told.errno
	case text == "":
		return nil
	case told.sayer == p.local || !told.sayer.IsValid():
		return because("%s, says this node", text)
	default:
		return because("%s, says %s", text, told.sayer)
	}
}

// extendedError is struct sock_extended_err with the address that comes with it.
type extendedError struct {
	errno              unix.Errno
	origin, kind, code byte
	sayer              netip.Addr
}

// parseRefusal finds an error in control messages.
func parseRefusal(control []byte) (extendedError, bool) {
	const size = 16
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return extendedError{}, false
	}
	for _, m := range messages {
		four := m.Header.Level == unix.SOL_IP && m.Header.Type == unix.IP_RECVERR
		six := m.Header.Level == unix.SOL_IPV6 && m.Header.Type == unix.IPV6_RECVERR
		if (four || six) && len(m.Data) >= size {
			errno := unix.Errno(binary.NativeEndian.Uint32(m.Data))
			return extendedError{errno, m.Data[4], m.Data[5], m.Data[6], addressOfSockaddr(m.Data[size:])}, true
		}
	}
	return extendedError{}, false
}

// addressOfSockaddr is the address in a struct sockaddr_in or sockaddr_in6.
func addressOfSockaddr(b []byte) netip.Addr {
	switch {
	case len(b) >= unix.SizeofSockaddrInet4 && binary.NativeEndian.Uint16(b) == unix.AF_INET:
		return addressOf(b[4:8])
	case len(b) >= unix.SizeofSockaddrInet6 && binary.NativeEndian.Uint16(b) == unix.AF_INET6:
		return addressOf(b[8:24])
	}
	return netip.Addr{}
}

// addressIn is the address of a socket, without its zone.
func addressIn(sa unix.Sockaddr) netip.Addr {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrFrom4(sa.Addr)
	case *unix.SockaddrInet6:
		return netip.AddrFrom16(sa.Addr).Unmap()
	}
	return netip.Addr{}
}
