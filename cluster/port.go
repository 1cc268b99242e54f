package cluster

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// handshakeLimit bounds the TLS handshake of an incoming connection.
const handshakeLimit = 5 * time.Second

const (
	// maxStrangers bounds the handshakes under way with addresses that are not a
	// peer's: half-open connections of anybody else never keep a peer out.
	maxStrangers = 32
	// maxHandshakes bounds those with one peer's address.
	maxHandshakes = 256
)

// errTooMany is why a handshake is not begun.
var errTooMany = errors.New("too many unfinished handshakes")

// refusalInterval is how often refused connections of one address are logged.
const refusalInterval = time.Second

// port is the one TCP port of a node: it lets peers in by mutual TLS and sorts
// their connections by ALPN into those for raft and those for the peer API.
type port struct {
	address  netip.AddrPort
	peers    func() []Peer // all known, this node included
	self     string
	creds    *Credentials
	listener net.Listener
	raft     *queue
	api      *queue
	parley   *queue
	halfOpen places[netip.Addr]
	guests   guests
	arrived  func(peer string) // told of each connection for raft
	refused  atomic.Uint64
	refusals repeats[netip.Addr]
	failures repeats[string] // to accept
	log      *slog.Logger
}

func newPort(cfg Config, self Peer, peers func() []Peer) *port {
	addr := net.TCPAddrFromAddrPort(self.Address)
	return &port{
		address:  self.Address,
		peers:    peers,
		self:     self.Name,
		creds:    cfg.Credentials,
		raft:     newQueue(addr),
		api:      newQueue(addr),
		parley:   newQueue(addr),
		refusals: repeats[netip.Addr]{interval: refusalInterval},
		failures: repeats[string]{interval: repeatInterval},
		arrived:  func(string) {},
		log:      cfg.Log,
	}
}

// freebind lets the port be bound before its address is on an interface, so
// that perch may start before the network is up.
func freebind(network, _ string, c syscall.RawConn) error {
	var err error
	controlErr := c.Control(func(fd uintptr) {
		if network == "tcp6" {
			err = unix.SetsockoptInt(int(fd), unix.SOL_IPV6, unix.IPV6_FREEBIND, 1)
		} else {
			err = unix.SetsockoptInt(int(fd), unix.SOL_IP, unix.IP_FREEBIND, 1)
		}
	})
	return errors.Join(controlErr, err)
}

// listen binds the port. Connections wait in the backlog until serve.
func (p *port) listen() error {
	lc := net.ListenConfig{Control: freebind, KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}}
	var err error
	if p.listener, err = lc.Listen(context.Background(), "tcp", p.address.String()); err != nil {
		err = fmt.Errorf("listen on the cluster port: %w", err)
		if errors.Is(err, syscall.EADDRINUSE) {
			err = fmt.Errorf("%w; who has it says: ss -ltnp 'sport = :%d'", err, p.address.Port())
		}
		return err
	}
	return nil
}

// Close closes a port that was bound but never served.
func (p *port) Close() error { return p.listener.Close() }

// serve accepts connections until ctx ends, which closes the port, and returns
// when the last handshake has.
func (p *port) serve(ctx context.Context) error {
	var handshakes sync.WaitGroup
	defer handshakes.Wait()
	stop := context.AfterFunc(ctx, func() { p.listener.Close() })
	defer stop()
	config := p.creds.serverTLS(p.names)
	for {
		conn, err := p.listener.Accept()
		if ctx.Err() != nil {
			if err == nil {
				conn.Close()
			}
			return nil
		}
		if err != nil { // out of file descriptors, or a connection gone while in the backlog
			if suppressed, ok := p.failures.report(err.Error(), time.Now()); ok {
				p.log.Warn("accepting on the cluster port", "error", err, "suppressed", suppressed)
			}
			pause(ctx, 100*time.Millisecond)
			continue
		}
		done, ok := p.admit(conn)
		if !ok {
			p.refuse(conn, errTooMany)
			continue
		}
		handshakes.Go(func() {
			secured := tls.Server(conn, config)
			shaken := p.handshake(ctx, secured)
			done()
			if shaken {
				p.sort(secured)
			}
		})
	}
}

// admit reserves a place for a handshake. Each peer's address has its own.
func (p *port) admit(conn net.Conn) (done func(), ok bool) {
	if p.fromPeer(conn) {
		return p.halfOpen.take(remoteAddr(conn), maxHandshakes)
	}
	return p.halfOpen.take(netip.Addr{}, maxStrangers)
}

// fromPeer tells whether the connection comes from a peer's address.
func (p *port) fromPeer(conn net.Conn) bool {
	remote := remoteAddr(conn)
	return slices.ContainsFunc(p.peers(), func(peer Peer) bool { return peer.Address.Addr().Unmap() == remote })
}

// handshake tells whether a connection is a peer's, and closes it if not.
func (p *port) handshake(ctx context.Context, conn *tls.Conn) bool {
	limited, cancel := context.WithTimeout(ctx, handshakeLimit)
	defer cancel()
	if err := conn.HandshakeContext(limited); err != nil {
		conn.Close()
		switch {
		case ctx.Err() != nil:
		case gone(err) && p.fromPeer(conn): // one that was just stopped, or does not wait any longer
			p.log.Debug("connection to the cluster port ended", "remote", remoteAddr(conn))
		default:
			p.refuse(conn, explain(err))
		}
		return false
	}
	return true
}

// gone tells whether a handshake failed since the caller left. A caller that leaves before it
// has read everything resets the connection.
func gone(err error) bool {
	return slices.ContainsFunc([]error{io.EOF, syscall.ECONNRESET, syscall.EPIPE}, func(end error) bool { return errors.Is(err, end) })
}

// sort hands a peer's connection to whom it is for.
func (p *port) sort(conn *tls.Conn) {
	queues := map[string]*queue{
		p.creds.alpn(protocolRaft): p.raft, p.creds.alpn(protocolAPI): p.api, p.creds.alpn(protocolParley): p.parley,
	}
	q := queues[conn.ConnectionState().NegotiatedProtocol]
	if q == nil {
		conn.Close()
		return
	}
	g := p.guests.receive(conn)
	if q == p.raft {
		p.arrived(g.visit.peer)
	}
	q.put(g, g.gone)
}

// refuse counts and closes a connection that does not belong to the cluster,
// and logs it at most once a second for each address.
func (p *port) refuse(conn net.Conn, cause error) {
	defer conn.Close()
	p.refused.Add(1)
	remote := remoteAddr(conn)
	if suppressed, ok := p.refusals.report(remote, time.Now()); ok {
		p.log.Warn("connection to the cluster port refused", "remote", remote, "error", cause, "suppressed", suppressed)
	}
}

// dial connects to a peer. The own address is the source, never a VIP.
func (p *port) dial(ctx context.Context, protocol, peer string) (net.Conn, error) {
	target, known := find(p.peers(), peer)
	if !known {
		return nil, fmt.Errorf("dial %q: not a node of this cluster", peer)
	}
	conn, err := p.dialer(protocol, peer).DialContext(ctx, "tcp", target.Address.String())
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", peer, explain(err))
	}
	if secured, ok := conn.(*tls.Conn); ok && protocol == protocolRaft {
		discardAtClose(secured.NetConn())
	}
	return conn, nil
}

// dialAt connects to whatever node of this cluster is at an address. Only the secret
// tells that it is one.
func (p *port) dialAt(ctx context.Context, protocol, address string) (net.Conn, error) {
	conn, err := p.dialer(protocol, anyNode).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", address, explain(err))
	}
	return conn, nil
}

func (p *port) dialer(protocol, peer string) *tls.Dialer {
	return &tls.Dialer{
		NetDialer: &net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(p.address.Addr(), 0))},
		Config:    p.creds.clientTLS(protocol, peer),
	}
}

// discardAtClose lets a request that timed out die with its connection: the kernel
// would go on sending it, and a TimeoutNow that is late deposes a healthy leader.
func discardAtClose(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // fails only on a connection that is gone
	}
}

// names are those of the other nodes.
func (p *port) names() []string {
	var names []string
	for _, peer := range p.peers() {
		if peer.Name != p.self {
			names = append(names, peer.Name)
		}
	}
	return names
}

func remoteAddr(conn net.Conn) netip.Addr {
	if tcp, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
