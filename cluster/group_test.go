package cluster

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

// member is one running node of a test's cluster.
type member struct {
	*Node
	cfg      Config
	released atomic.Int32
	release  atomic.Pointer[func() error] // instead of one that succeeds
	cancel   context.CancelFunc
	done     chan error
}

// group is a cluster on the loopback range.
type group struct {
	t         *testing.T
	members   map[string]*member
	peers     []Peer
	dir       string
	dated     bool          // as under an operator's CA
	heartbeat time.Duration // 300 ms if there is none
}

func newGroup(t *testing.T, size int) *group {
	g := &group{t: t, members: make(map[string]*member), dir: t.TempDir()}
	for i := 1; i <= size; i++ {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.%d:0", i))
		if err != nil {
			t.Fatal(err)
		}
		address := l.Addr().(*net.TCPAddr).AddrPort()
		l.Close()
		g.peers = append(g.peers, Peer{Name: fmt.Sprintf("lb%d", i), Address: address, Priority: 100})
	}
	t.Cleanup(g.stop)
	return g
}

func (g *group) config(name string) Config {
	peers := slices.Clone(g.peers)
	if name != "lb1" {
		slices.Reverse(peers) // the order of the list must not matter
	}
	c := credentials(g.t, secret, "edge", name)
	c.dated = g.dated
	return Config{
		Name:        "edge",
		Node:        name,
		Peers:       peers,
		Heartbeat:   cmp.Or(g.heartbeat, 300*ms),
		Dir:         filepath.Join(g.dir, name),
		Credentials: c,
		Log:         slog.New(slog.NewTextHandler(g.t.Output(), nil)).With("node", name),
	}
}

func (g *group) start(name string) *member {
	g.t.Helper()
	m := &member{cfg: g.config(name), done: make(chan error, 1)}
	m.cfg.Release = func() error {
		m.released.Add(1)
		if other := m.release.Load(); other != nil {
			return (*other)()
		}
		return nil
	}
	node, err := Open(m.cfg)
	if err != nil {
		g.t.Fatal(err)
	}
	m.Node = node
	ctx, cancel := context.WithCancel(context.Background())
	m.cancel = cancel
	api := node.PeerListener() // somebody must serve the peer API; here it is refused
	go func() {
		for {
			conn, err := api.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	}()
	go func() { m.done <- node.Run(ctx) }()
	g.members[name] = m
	return m
}

func (g *group) startAll() {
	for _, p := range g.peers {
		g.start(p.Name)
	}
}

func (g *group) stop() {
	for name := range g.members {
		g.kill(name)
	}
}

func (g *group) kill(name string) {
	m := g.members[name]
	delete(g.members, name)
	m.cancel()
	if err := <-m.done; err != nil {
		g.t.Errorf("%s: %v", name, err)
	}
}

// owners returns who may hold now.
func (g *group) owners() []string {
	var names []string
	for name, m := range g.members {
		if m.Ownership().Leads(m.Now()) {
			names = append(names, name)
		}
	}
	return names
}

// owner waits until exactly one node may hold and returns it.
func (g *group) owner() *member {
	g.t.Helper()
	var names []string
	g.eventually("one owner", func() bool {
		names = g.owners()
		return len(names) == 1
	})
	return g.members[names[0]]
}

func (g *group) others(than *member) []*member {
	var others []*member
	for _, p := range g.peers {
		if m := g.members[p.Name]; m != nil && m != than {
			others = append(others, m)
		}
	}
	return others
}

func (g *group) eventually(what string, ok func() bool) {
	g.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			g.t.Fatalf("not within 20s: %s", what)
		}
		time.Sleep(5 * ms)
	}
}
