package cluster

import (
	"crypto/tls"
	"slices"
	"sync"
	"time"
)

// maxGuests bounds the connections that a peer keeps open for one protocol. It needs
// ten at most, and has twice as many after a loss of power, until those of before
// are known to be dead.
const maxGuests = 32

// guests are the connections that peers have opened to the cluster port. The zero
// value has none.
type guests struct {
	mu   sync.Mutex
	list map[visit][]*guest
}

// visit is what a peer has come for.
type visit struct{ peer, protocol string }

// guest is one connection.
type guest struct {
	*tls.Conn
	of    *guests
	visit visit
	gone  chan struct{} // closed when it had to go
	heard time.Time     // when it was last read from; guarded by of.mu
}

// receive takes a connection in. The one of the same visit that has been quiet for
// longest goes if there are too many.
func (gs *guests) receive(conn *tls.Conn) *guest {
	name, _ := nameOf(conn) // was verified in the handshake
	g := &guest{
		Conn: conn, of: gs, visit: visit{name, conn.ConnectionState().NegotiatedProtocol},
		gone: make(chan struct{}), heard: time.Now(),
	}
	gs.mu.Lock()
	defer gs.mu.Unlock()
	if gs.list == nil {
		gs.list = make(map[visit][]*guest)
	}
	if all := gs.list[g.visit]; len(all) == maxGuests {
		quietest := slices.MinFunc(all, func(a, b *guest) int { return a.heard.Compare(b.heard) })
		quietest.cut()
		gs.forget(quietest)
	}
	gs.list[g.visit] = append(gs.list[g.visit], g)
	return g
}

// leave cuts all connections of one protocol.
func (gs *guests) leave(protocol string) {
	gs.mu.Lock()
	defer gs.mu.Unlock()
	for visit, all := range gs.list {
		if visit.protocol == protocol {
			for _, g := range all {
				g.cut()
			}
			delete(gs.list, visit)
		}
	}
}

// forget takes a connection off the list. The caller holds mu.
func (gs *guests) forget(g *guest) {
	all := slices.DeleteFunc(gs.list[g.visit], func(other *guest) bool { return other == g })
	if gs.list[g.visit] = all; len(all) == 0 {
		delete(gs.list, g.visit)
	}
}

// cut ends a connection without a word, which could take long. Whoever has it closes
// it. It is called once, by who takes it off the list.
func (g *guest) cut() {
	close(g.gone)
	g.NetConn().Close()
}

// Read implements net.Conn.
func (g *guest) Read(p []byte) (int, error) {
	n, err := g.Conn.Read(p)
	g.of.mu.Lock()
	defer g.of.mu.Unlock()
	g.heard = time.Now()
	return n, err
}

// Close implements net.Conn.
func (g *guest) Close() error {
	g.of.mu.Lock()
	g.of.forget(g)
	g.of.mu.Unlock()
	return g.Conn.Close()
}

// places counts what is under way, by kind. The zero value has nothing.
type places[K comparable] struct {
	mu    sync.Mutex
	taken map[K]int
}

// take takes one of the places of a kind, until done is called.
func (p *places[K]) take(kind K, limit int) (done func(), ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken[kind] >= limit {
		return nil, false
	}
	if p.taken == nil {
		p.taken = make(map[K]int)
	}
	p.taken[kind]++
	return func() { p.free(kind) }, true
}

func (p *places[K]) free(kind K) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken[kind]--; p.taken[kind] == 0 {
		delete(p.taken, kind)
	}
}
