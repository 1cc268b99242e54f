package e2e

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	node "github.com/perch-vip/perch/cluster"
)

// mortal is a node of package cluster by itself, without VIPs.
type mortal struct {
	*node.Node
	name   string
	cancel context.CancelFunc
	done   chan error
}

func (m *mortal) kill() {
	m.cancel()
	<-m.done
}

// givenUp measures hand-overs whose target dies at the moment of the release,
// from that release until the old leader may hold again. No switch of the
// shipped binary can make this happen, so that it is done on the package.
func givenUp(tb testing.TB, heartbeat time.Duration, rounds int) []time.Duration {
	tb.Helper()
	var peers []node.Peer
	for i := range 3 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.%d:0", i+1))
		must(tb, err)
		peers = append(peers, node.Peer{Name: fmt.Sprint("n", i), Address: l.Addr().(*net.TCPAddr).AddrPort(), Priority: 100})
		must(tb, l.Close())
	}
	dir := tb.TempDir()
	var release atomic.Pointer[func() error]
	start := func(name string) *mortal {
		credentials, err := node.CredentialsFromSecret([]byte("a-secret-for-tests-only-0123456789"), "bench", name)
		must(tb, err)
		opened, err := node.Open(node.Config{
			Name: "bench", Node: name, Peers: peers, Heartbeat: heartbeat,
			Dir: filepath.Join(dir, name), Credentials: credentials,
			Release: func() error {
				if hook := release.Load(); hook != nil {
					return (*hook)()
				}
				return nil
			},
			Log: slog.New(slog.DiscardHandler),
		})
		must(tb, err)
		ctx, cancel := context.WithCancel(context.Background())
		m := &mortal{opened, name, cancel, make(chan error, 1)}
		go func() { m.done <- opened.Run(ctx) }()
		return m
	}
	nodes := map[string]*mortal{}
	for _, p := range peers {
		nodes[p.Name] = start(p.Name)
	}
	defer func() {
		for _, m := range nodes {
			m.kill()
		}
	}()
	var took []time.Duration
	for range rounds {
		owner := leading(tb, nodes)
		time.Sleep(5 * heartbeat) // all have the log
		var target *mortal
		for _, m := range nodes {
			if m != owner {
				target = m
			}
		}
		var released time.Time
		die := sync.OnceFunc(func() {
			target.kill() // takes some time: the outage is counted from its end
			released = time.Now()
		})
		hook := func() error { die(); return nil }
		release.Store(&hook)
		_, err := owner.Transfer(target.name, "bench")
		for deadline := time.Now().Add(5 * time.Second); !owner.Ownership().Leads(owner.Now()) && time.Now().Before(deadline); {
			time.Sleep(100 * time.Microsecond)
		}
		release.Store(nil)
		if err == nil || released.IsZero() || !owner.Ownership().Leads(owner.Now()) {
			tb.Logf("not a hand-over given up after its release: %v", err)
		} else {
			took = append(took, time.Since(released))
		}
		nodes[target.name] = start(target.name)
	}
	return took
}

// leading waits for the one node that may hold.
func leading(tb testing.TB, nodes map[string]*mortal) *mortal {
	tb.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		for _, m := range nodes {
			if m.Ownership().Leads(m.Now()) {
				return m
			}
		}
	}
	tb.Fatal("no node leads")
	return nil
}
