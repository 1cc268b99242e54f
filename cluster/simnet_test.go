package cluster

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// simNet is a network in memory and in virtual time. Every byte that was written
// arrives, in the order of its connection, even after the writer has closed it or
// died; but while a direction is cut nothing arrives there.
type simNet struct {
	random *rand.Rand // of delays

	mu     sync.Mutex // guards what follows
	ports  map[string]*simPort
	cut    map[[2]string]bool
	frozen map[string]bool
	lag    map[[2]string]time.Duration // on top of each message's delay
	wires  []*wire
	slow   time.Duration // the longest delay of a message
	often  int           // one in so many takes up to slow, the others 1 ms at most
}

func newSimNet(random *rand.Rand) *simNet {
	return &simNet{
		random: random,
		ports:  make(map[string]*simPort),
		cut:    make(map[[2]string]bool),
		frozen: make(map[string]bool),
		lag:    make(map[[2]string]time.Duration),
		slow:   5 * ms,
		often:  20,
	}
}

// change alters the network; what it no longer stops arrives.
func (n *simNet) change(how func()) {
	n.mu.Lock()
	how()
	wires := slices.Clone(n.wires)
	n.mu.Unlock()
	for _, w := range wires {
		w.deliver()
	}
}

func (n *simNet) stops(from, to string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.cut[[2]string{from, to}] || n.frozen[from] || n.frozen[to]
}

// delay draws how long a message is under way.
func (n *simNet) delay() time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.random.IntN(n.often) == 0 {
		return time.Duration(n.random.Int64N(int64(n.slow)))
	}
	return time.Duration(n.random.Int64N(int64(ms)))
}

func (n *simNet) lagging(from, to string) time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.lag[[2]string{from, to}]
}

// wire is one direction of a connection.
type wire struct {
	net      *simNet
	from, to string
	arrived  chan struct{} // signals the reader

	mu     sync.Mutex // guards what follows
	due    time.Time  // of the newest message
	queue  []message
	buffer []byte
	eof    bool
}

// message is what one Write sent, or the end of the connection.
type message struct {
	due  time.Time
	data []byte
	eof  bool
}

func (n *simNet) wire(from, to string) *wire {
	w := &wire{net: n, from: from, to: to, arrived: make(chan struct{}, 1)}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.wires = append(n.wires, w)
	return w
}

func (w *wire) send(m message) {
	delay := w.net.delay() + w.net.lagging(w.from, w.to)
	w.mu.Lock()
	m.due = time.Now().Add(delay)
	if m.due.Before(w.due) {
		m.due = w.due
	}
	w.due = m.due
	w.queue = append(w.queue, m)
	w.mu.Unlock()
	time.AfterFunc(time.Until(m.due), w.deliver)
}

// deliver lets what is due arrive, unless the network is cut.
func (w *wire) deliver() {
	if w.net.stops(w.from, w.to) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.queue) > 0 && !w.queue[0].due.After(time.Now()) {
		m := w.queue[0]
		w.queue = w.queue[1:]
		w.buffer = append(w.buffer, m.data...)
		w.eof = w.eof || m.eof
		signal(w.arrived)
	}
}

// take reads what has arrived; none with a nil error means wait.
func (w *wire) take(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := copy(b, w.buffer)
	w.buffer = w.buffer[n:]
	if n == 0 && w.eof {
		return 0, io.EOF
	}
	return n, nil
}

// simConn is one end of a connection.
type simConn struct {
	in, out *wire
	closed  chan struct{}
	close   func()

	mu       sync.Mutex
	deadline time.Time
}

func (n *simNet) pipe(a, b string) (net.Conn, net.Conn) {
	ab, ba := n.wire(a, b), n.wire(b, a)
	return newSimConn(ba, ab), newSimConn(ab, ba)
}

func newSimConn(in, out *wire) *simConn {
	c := &simConn{in: in, out: out, closed: make(chan struct{})}
	c.close = sync.OnceFunc(func() {
		close(c.closed)
		out.send(message{eof: true})
	})
	return c
}

func (c *simConn) Read(b []byte) (int, error) {
	for {
		if n, err := c.in.take(b); n > 0 || err != nil {
			return n, err
		}
		c.mu.Lock()
		deadline := c.deadline
		c.mu.Unlock()
		var late <-chan time.Time
		if !deadline.IsZero() {
			timer := time.NewTimer(time.Until(deadline))
			defer timer.Stop()
			late = timer.C
		}
		select {
		case <-c.in.arrived:
		case <-c.closed:
			return 0, net.ErrClosed
		case <-late:
			return 0, os.ErrDeadlineExceeded
		}
	}
}

func (c *simConn) Write(b []byte) (int, error) {
	select {
	case <-c.closed:
		return 0, net.ErrClosed
	default:
		c.out.send(message{data: slices.Clone(b)})
		return len(b), nil
	}
}

func (c *simConn) Close() error { c.close(); return nil }

func (c *simConn) SetDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	if !t.IsZero() && t.Before(time.Now()) {
		signal(c.in.arrived) // a reader that waits is to end
	}
	return nil
}
func (c *simConn) SetReadDeadline(t time.Time) error { return c.SetDeadline(t) }
func (c *simConn) SetWriteDeadline(time.Time) error  { return nil }
func (c *simConn) LocalAddr() net.Addr               { return simAddr(c.out.from) }
func (c *simConn) RemoteAddr() net.Addr              { return simAddr(c.out.to) }

func simAddr(name string) net.Addr {
	return net.TCPAddrFromAddrPort(simAddress(name))
}

// simAddress is the address of the node lbN.
func simAddress(name string) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, name[len(name)-1] - '0'}), 7400)
}

// simPort is one run of a node on the network: a raft.StreamLayer, and what nodes
// parley over.
type simPort struct {
	*queue
	talks *queue
	net   *simNet
	name  string
	who   func(raft.ServerAddress) string

	mu    sync.Mutex
	conns []net.Conn
}

// open puts a node on the network. The caller sets who before the port is used.
func (n *simNet) open(name string) *simPort {
	p := &simPort{queue: newQueue(simAddr(name)), talks: newQueue(simAddr(name)), net: n, name: name}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ports[name] = p
	return p
}

// die closes all connections of the run.
func (p *simPort) die() {
	p.net.mu.Lock()
	delete(p.net.ports, p.name)
	p.net.mu.Unlock()
	p.queue.Close()
	p.talks.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		c.Close()
	}
}

var errNoRoute = errors.New("no route to host")

// Dial implements raft.StreamLayer.
func (p *simPort) Dial(address raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	remote, near, far, err := p.connect(ctx, p.who(address))
	if err != nil {
		return nil, err
	}
	go remote.put(far, nil)
	return near, nil
}

// connect makes a connection to another node's port, which is to be told of it.
func (p *simPort) connect(ctx context.Context, to string) (remote *simPort, near, far net.Conn, err error) {
	if p.net.stops(p.name, to) || p.net.stops(to, p.name) {
		select {
		case <-ctx.Done():
		case <-p.done:
		}
		return nil, nil, nil, os.ErrDeadlineExceeded
	}
	time.Sleep(p.net.delay())
	p.net.mu.Lock()
	remote = p.net.ports[to]
	p.net.mu.Unlock()
	if remote == nil {
		return nil, nil, nil, errNoRoute
	}
	near, far = p.net.pipe(p.name, to)
	p.keep(near)
	return remote, near, far, nil
}

// keep notes a connection of this run, which ends with it.
func (p *simPort) keep(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.done: // it ended meanwhile
		conn.Close()
	default:
		p.conns = append(p.conns, conn)
	}
}

// Accept implements raft.StreamLayer.
func (p *simPort) Accept() (net.Conn, error) {
	conn, err := p.queue.Accept()
	if err == nil {
		p.keep(conn)
	}
	return conn, err
}

// talk is a question that arrives with the first byte of its connection, and whose
// answer does so, too. Encoding them would be most of the work.
type talk struct {
	net.Conn
	from     string
	question question
	answer   answer
}

// ask puts a question to another node.
func (p *simPort) ask(ctx context.Context, peer string, q question) (answer, error) {
	remote, near, far, err := p.connect(ctx, peer)
	if err != nil {
		return answer{}, err
	}
	defer near.Close()
	stop := context.AfterFunc(ctx, func() { near.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	t := &talk{Conn: far, from: p.name, question: q}
	go remote.talks.put(t, nil)
	if _, err := near.Write([]byte{0}); err != nil {
		return answer{}, err
	}
	if _, err := near.Read(make([]byte, 1)); err != nil {
		return answer{}, err
	}
	return t.answer, nil
}

// parley answers the questions of others for n until the port dies.
func (p *simPort) parley(ctx context.Context, n *Node) error {
	var talks sync.WaitGroup
	defer talks.Wait()
	for {
		conn, err := p.talks.Accept()
		if err != nil {
			return nil
		}
		p.keep(conn)
		talks.Go(func() {
			t := conn.(*talk)
			defer t.Close()
			if _, err := t.Read(make([]byte, 1)); err == nil {
				t.answer = n.hear(ctx, t.from, t.question)
				_, _ = t.Write([]byte{0})
			}
		})
	}
}
