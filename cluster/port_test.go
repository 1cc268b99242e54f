package cluster

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// perch may start before its address is on an interface.
func TestPortIsBoundBeforeItsAddressIsThere(t *testing.T) {
	for _, address := range []string{"192.0.2.1:0", "[2001:db8:0:ffff::1]:0"} {
		p := &port{address: netip.MustParseAddrPort(address)}
		if err := p.listen(); err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		p.Close()
	}
}

// A node calls from its own address. From a VIP, which the kernel might choose, the
// connection would die when the VIP moves.
func TestPortDialsFromItsOwnAddress(t *testing.T) {
	g := newGroup(t, 2)
	g.startAll()
	p := newPort(Config{
		Node: "lb2", Peers: g.peers, Log: slog.New(slog.DiscardHandler),
		Credentials: credentials(t, secret, "edge", "lb2"),
	}, g.peers[1], func() []Peer { return g.peers })
	conn, err := p.dial(t.Context(), protocolAPI, "lb1")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if from := conn.LocalAddr().(*net.TCPAddr).AddrPort().Addr(); from != g.peers[1].Address.Addr() {
		t.Errorf("dialed from %s, want %s", from, g.peers[1].Address.Addr())
	}
}

// A peer that leaves in the middle of its handshake, by an end or by a reset of its connection, is
// not one that was turned away: it was stopped, or does not wait any longer. A stranger is.
func TestPeerThatLeavesIsNotTurnedAway(t *testing.T) {
	creds := credentials(t, secret, "edge", "lb1")
	peer := Peer{Name: "lb2", Address: netip.MustParseAddrPort("127.0.0.1:7400")}
	for _, c := range []struct {
		peers []Peer
		leave func(*net.TCPConn) error
		want  uint64
	}{
		{[]Peer{peer}, (*net.TCPConn).Close, 0},
		{[]Peer{peer}, resetAtClose, 0},
		{nil, (*net.TCPConn).Close, 1},
		{nil, resetAtClose, 1},
	} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		caller, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		conn, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.leave(caller.(*net.TCPConn)); err != nil {
			t.Fatal(err)
		}
		p := newPort(Config{Log: slog.New(slog.DiscardHandler)}, Peer{Name: "lb1"}, func() []Peer { return c.peers })
		shaken := p.handshake(t.Context(), tls.Server(conn, creds.serverTLS(p.names)))
		if n := p.refused.Load(); shaken || n != c.want {
			t.Errorf("of %v: shaken %v, %d turned away, want %d", c.peers, shaken, n, c.want)
		}
	}
}

func resetAtClose(c *net.TCPConn) error { return errors.Join(c.SetLinger(0), c.Close()) }

// A stranger that calls again and again costs one line a second, and another one's
// first call is told all the same. Every refusal counts.
func TestRefusalsAreLoggedOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		p := newPort(Config{Log: slog.New(slog.NewTextHandler(&log, nil))}, Peer{}, nil)
		refuse := func(from string) {
			here, there := net.Pipe()
			p.refuse(strangerConn{here, from}, errors.New("a stranger"))
			if _, err := there.Read(make([]byte, 1)); err != io.EOF {
				t.Errorf("the connection is still open: %v", err)
			}
		}
		for range 50 {
			refuse("192.0.2.1")
		}
		refuse("192.0.2.2")
		time.Sleep(refusalInterval - ms)
		refuse("192.0.2.1")
		time.Sleep(ms)
		refuse("192.0.2.1")
		var got []string
		for line := range strings.Lines(log.String()) {
			_, line, _ = strings.Cut(strings.TrimSpace(line), "refused\" ")
			got = append(got, line)
		}
		want := []string{
			`remote=192.0.2.1 error="a stranger" suppressed=0`,
			`remote=192.0.2.2 error="a stranger" suppressed=0`,
			`remote=192.0.2.1 error="a stranger" suppressed=50`,
		}
		if !slices.Equal(got, want) {
			t.Errorf("logged %q, want %q", got, want)
		}
		if n := p.refused.Load(); n != 53 {
			t.Errorf("%d refusals are counted, want 53", n)
		}
	})
}

// A node without file descriptors does not fill its disk with a log that says so.
func TestPortThatCannotAcceptIsLoggedNowAndThen(t *testing.T) {
	creds := credentials(t, secret, "edge", "lb1")
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		p := newPort(Config{Log: slog.New(slog.NewTextHandler(&log, nil)), Credentials: creds}, Peer{Name: "lb1"}, nil)
		p.listener = fullListener{}
		ctx, cancel := context.WithTimeout(t.Context(), 3*repeatInterval-ms)
		defer cancel()
		if err := p.serve(ctx); err != nil {
			t.Error(err)
		}
		if n := strings.Count(log.String(), "too many open files"); n != 3 {
			t.Errorf("said %d times in three intervals:\n%s", n, log.String())
		}
	})
}

// fullListener is a listener of a process that has no file descriptors left.
type fullListener struct{ net.Listener }

func (fullListener) Accept() (net.Conn, error) { return nil, unix.EMFILE }
func (fullListener) Close() error              { return nil }

// strangerConn is a connection that seems to come from an address.
type strangerConn struct {
	net.Conn
	from string
}

func (c strangerConn) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(c.from), 1024))
}
