//go:build ipvs

package balance

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// echo is a server that answers each message with the name of its host, at several
// addresses.
type echo struct {
	t     *testing.T
	host  *lab.Host
	open  []io.Closer
	begin func(netip.AddrPort) (io.Closer, error) // on the host's thread
	at    []netip.AddrPort
}

// newUDPEcho starts one for UDP.
func newUDPEcho(t *testing.T, h *lab.Host, at ...netip.AddrPort) *echo {
	e := &echo{t: t, host: h, at: at}
	e.begin = func(at netip.AddrPort) (io.Closer, error) {
		conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
		if err == nil {
			go answerUDP(conn, h.Name)
		}
		return conn, err
	}
	e.start()
	t.Cleanup(e.stop)
	return e
}

// newSCTPEcho starts one for SCTP, which ends each association.
func newSCTPEcho(t *testing.T, h *lab.Host, at ...netip.AddrPort) *echo {
	e := &echo{t: t, host: h, at: at}
	e.begin = func(at netip.AddrPort) (io.Closer, error) {
		listener, err := listenSCTP(at)
		if err == nil {
			go answerStreams(listener, h.Name)
		}
		return listener, err
	}
	e.start()
	t.Cleanup(e.stop)
	return e
}

func (e *echo) start() {
	e.t.Helper()
	for _, at := range e.at {
		must(e.t, e.host.Do(func() error {
			opened, err := e.begin(at)
			if err == nil {
				e.open = append(e.open, opened)
			}
			return err
		}))
	}
}

// stop has the kernel of the host refuse what comes.
func (e *echo) stop() {
	for _, opened := range e.open {
		_ = opened.Close()
	}
	e.open = nil
}

func answerUDP(conn *net.UDPConn, name string) {
	buffer := make([]byte, 64)
	for {
		_, from, err := conn.ReadFromUDPAddrPort(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		_, _ = conn.WriteToUDPAddrPort([]byte(name), from)
	}
}

func answerStreams(listener net.Listener, name string) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			buffer := make([]byte, 64)
			for {
				if n, err := conn.Read(buffer); n == 0 || err != nil {
					return
				}
				_, _ = conn.Write([]byte(name))
			}
		}()
	}
}

// listenSCTP listens in the namespace of the calling thread. Package net takes sockets of
// SCTP for those of TCP.
func listenSCTP(at netip.AddrPort) (net.Listener, error) {
	socket, err := openSCTP(func(fd int) error {
		return errors.Join(
			unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1), // associations outlive a listener
			unix.Bind(fd, sockaddr(at)),
			unix.Listen(fd, 16),
		)
	})
	if err != nil {
		return nil, err
	}
	defer socket.Close()
	return net.FileListener(socket)
}

// dialSCTP begins an association in the namespace of the calling thread. The first write
// waits for it, and has its error.
func dialSCTP(from netip.Addr, to netip.AddrPort) (net.Conn, error) {
	socket, err := openSCTP(func(fd int) error {
		if err := unix.Bind(fd, sockaddr(netip.AddrPortFrom(from, 0))); err != nil {
			return err
		}
		if err := unix.Connect(fd, sockaddr(to)); !errors.Is(err, unix.EINPROGRESS) {
			return err
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	defer socket.Close()
	return net.FileConn(socket)
}

func openSCTP(prepare func(fd int) error) (*os.File, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.IPPROTO_SCTP)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	socket := os.NewFile(uintptr(fd), "sctp")
	if err := prepare(fd); err != nil {
		return nil, errors.Join(err, socket.Close())
	}
	return socket, nil
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	return &unix.SockaddrInet4{Addr: a.Addr().As4(), Port: int(a.Port())}
}

// talker is a client of an echo.
type talker struct{ net.Conn }

// talker opens a client's socket for UDP or SCTP.
func (b *bed) talker(protocol string, to netip.AddrPort) talker {
	b.t.Helper()
	var conn net.Conn
	var err error
	if protocol == "udp" {
		ctx, cancel := context.WithTimeout(b.t.Context(), patience)
		defer cancel()
		conn, err = b.client.Dial(ctx, protocol, to)
	} else {
		err = b.client.Do(func() (err error) {
			conn, err = dialSCTP(addressOf(b.client, ipv4), to)
			return err
		})
	}
	must(b.t, err)
	b.t.Cleanup(func() { _ = conn.Close() })
	return talker{conn}
}

// ask sends a message and returns who has answered within the time.
func (k talker) ask(limit time.Duration) (by string, err error) {
	if err := k.SetDeadline(time.Now().Add(limit)); err != nil {
		return "", err
	}
	if _, err := k.Write([]byte("?")); err != nil {
		return "", err
	}
	answer := make([]byte, 64)
	n, err := k.Read(answer)
	return string(answer[:n]), err
}
