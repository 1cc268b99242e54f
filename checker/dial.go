package checker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// dialer returns a Dialer whose TCP connections leave this machine as n says. Names are
// resolved as those of any program here: not through the interface, nor with the mark.
func dialer(n Network) *net.Dialer {
	d := &net.Dialer{KeepAlive: -1, Control: n.control}
	if n.Source.IsValid() {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(n.Source, 0))
	}
	return d
}

// packetDialer is dialer for UDP. Whoever reads from its sockets meets each ICMP error.
func packetDialer(n Network) *net.Dialer {
	d := &net.Dialer{Control: n.packetControl}
	if n.Source.IsValid() {
		d.LocalAddr = net.UDPAddrFromAddrPort(netip.AddrPortFrom(n.Source, 0))
	}
	return d
}

// control prepares a socket before it is bound and connected.
func (n Network) control(_, _ string, conn syscall.RawConn) error {
	return onSocket(conn, n.apply)
}

func (n Network) packetControl(network, _ string, conn syscall.RawConn) error {
	if err := onSocket(conn, n.apply); err != nil {
		return err
	}
	// Without these the kernel keeps "host unreachable" to itself, as it may pass.
	if network == "udp6" {
		return onSocket(conn, func(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_IPV6, unix.IPV6_RECVERR, 1) })
	}
	return onSocket(conn, func(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_RECVERR, 1) })
}

func onSocket(conn syscall.RawConn, do func(fd int) error) error {
	var err error
	if failed := conn.Control(func(fd uintptr) { err = do(int(fd)) }); failed != nil {
		return failed
	}
	return err
}

// apply sets the options of a socket that has no address yet.
func (n Network) apply(fd int) error {
	if n.Source.IsValid() {
		// Otherwise each bind would take a local port that no other connection can have.
		if err := unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1); err != nil {
			return fmt.Errorf("source %s: %w", n.Source, err)
		}
	}
	if n.Interface != "" {
		if err := unix.BindToDevice(fd, n.Interface); err != nil {
			return n.deviceError(err)
		}
	}
	if n.Mark != 0 {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_MARK, int(n.Mark)); err != nil {
			return &reason{text: fmt.Sprintf("mark %d: %s", n.Mark, errnoText(err)), err: err}
		}
	}
	return nil
}

func (n Network) deviceError(err error) error {
	if errors.Is(err, unix.ENODEV) {
		return &reason{text: fmt.Sprintf("interface %s does not exist", n.Interface), err: err}
	}
	return &reason{text: fmt.Sprintf("interface %s: %s", n.Interface, errnoText(err)), err: err}
}

// timeoutKey is for the timeout in the context of a look: what is left of it by the time
// that it is asked for is no round number.
type timeoutKey struct{}

// withTimeout returns the context of a look that may take so long.
func withTimeout(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithValue(ctx, timeoutKey{}, timeout), timeout)
}

// patience returns how long a look may take, if that is not known what is left of it, in a
// round number; 0 for as long as it likes.
func patience(ctx context.Context) time.Duration {
	if timeout, known := ctx.Value(timeoutKey{}).(time.Duration); known {
		return timeout
	}
	deadline, some := ctx.Deadline()
	if !some {
		return 0
	}
	left := time.Until(deadline)
	if left > 100*time.Millisecond {
		return left.Round(5 * time.Millisecond)
	}
	return left.Round(time.Millisecond)
}

// resetAtClose has a connection end with a reset: a port that waits for a minute after each
// look is soon missed.
func resetAtClose(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
}

// isTimeout tells whether time was up. Nobody but a context that ends closes a connection
// that a look still uses.
func isTimeout(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) ||
		errors.Is(err, net.ErrClosed) || errors.As(err, &timeout) && timeout.Timeout()
}
