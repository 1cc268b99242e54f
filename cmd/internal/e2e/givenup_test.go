package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	node "github.com/perch-vip/perch/cluster"
)

// nodeEnv holds the lone node that this program is to be, as JSON.
const nodeEnv = "PERCH_E2E_NODE"

// lone is a node of package cluster by itself, without VIPs, on loopback.
type lone struct {
	Name      string
	Dir       string
	Peers     []node.Peer
	Heartbeat time.Duration
}

// run runs the node until ctx ends.
func (l lone) run(ctx context.Context, release func() error, opened func(*node.Node)) error {
	credentials, err := node.CredentialsFromSecret([]byte("a-secret-for-tests-only-0123456789"), "bench", l.Name)
	if err != nil {
		return err
	}
	n, err := node.Open(node.Config{
		Name: "bench", Node: l.Name, Peers: l.Peers, Heartbeat: l.Heartbeat,
		Dir: filepath.Join(l.Dir, l.Name), Credentials: credentials,
		Release: release, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	opened(n)
	return n.Run(ctx)
}

// beLone is the whole life of a process that is a lone node. It ends with its parent,
// which holds the other end of its standard input.
func beLone(spec string) error {
	var l lone
	if err := json.Unmarshal([]byte(spec), &l); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer cancel()
		_, _ = io.Copy(io.Discard, os.Stdin)
	}()
	return l.run(ctx, func() error { return nil }, func(*node.Node) {})
}

// trio is three lone nodes. The first is in this process, so that its release can be
// caught; the others are processes that can die and freeze.
type trio struct {
	tb       testing.TB
	first    *node.Node
	release  atomic.Pointer[func()]
	lone     lone // of the first
	children map[string]*exec.Cmd
}

func newTrio(tb testing.TB, heartbeat time.Duration) *trio {
	tb.Helper()
	g := &trio{tb: tb, lone: lone{Name: "n0", Dir: tb.TempDir(), Heartbeat: heartbeat}, children: map[string]*exec.Cmd{}}
	for i := range 3 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.%d:0", i+1))
		must(tb, err)
		g.lone.Peers = append(g.lone.Peers, node.Peer{Name: fmt.Sprint("n", i), Address: l.Addr().(*net.TCPAddr).AddrPort(), Priority: 100})
		must(tb, l.Close())
	}
	ctx, cancel := context.WithCancel(context.Background())
	opened, done := make(chan *node.Node, 1), make(chan error, 1)
	go func() { done <- g.lone.run(ctx, g.released, func(n *node.Node) { opened <- n }) }()
	select {
	case g.first = <-opened:
	case err := <-done:
		tb.Fatal(err)
	}
	for _, name := range []string{"n1", "n2"} {
		g.start(name)
	}
	tb.Cleanup(func() {
		cancel()
		for name := range g.children {
			g.kill(name)
		}
		must(tb, <-done)
	})
	return g
}

func (g *trio) released() error {
	if hook := g.release.Load(); hook != nil {
		(*hook)()
	}
	return nil
}

func (g *trio) start(name string) {
	g.tb.Helper()
	l := g.lone
	l.Name = name
	spec, err := json.Marshal(l)
	must(g.tb, err)
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), nodeEnv+"="+string(spec))
	cmd.Stderr = os.Stderr
	_, err = cmd.StdinPipe()
	must(g.tb, err)
	must(g.tb, cmd.Start())
	g.children[name] = cmd
}

func (g *trio) kill(name string) {
	_ = g.children[name].Process.Kill()
	_ = g.children[name].Wait() // "signal: killed"
}

// lead waits until the first node leads, and kills who leads in its place.
func (g *trio) lead() {
	g.tb.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		leader := g.first.View().Leader
		switch {
		case g.leads():
			return
		case g.children[leader] != nil:
			g.kill(leader)
			time.Sleep(5 * g.lone.Heartbeat)
			g.start(leader)
		}
	}
	g.tb.Fatal("the first node does not come to lead")
}

func (g *trio) leads() bool { return g.first.Ownership().Leads(g.first.Now()) }

// givenUp measures hand-overs whose target gets a signal at the moment of the
// release, from then until the old leader may hold again. No switch of the shipped
// binary can make this happen, so that it is done on the package.
func givenUp(tb testing.TB, ends string, by syscall.Signal, rounds int) figure {
	tb.Helper()
	g := newTrio(tb, benchHeartbeat)
	f := figure{name: "hand-over whose target " + ends + " at the release: given up, taken back"}
	for i := range rounds {
		g.lead()
		time.Sleep(3 * benchHeartbeat) // all have the log
		target := fmt.Sprint("n", 1+i%2)
		dark, err := g.handOver(target, by)
		f.add(tb, dark, err)
		if by == syscall.SIGSTOP {
			must(tb, g.children[target].Process.Signal(syscall.SIGCONT))
			continue
		}
		g.kill(target)
		g.start(target)
	}
	tb.Log(f.row())
	return f
}

// handOver returns for how long nobody could hold. It is an error if the target was
// never to take over, or did.
func (g *trio) handOver(target string, by syscall.Signal) (dark time.Duration, err error) {
	var released atomic.Pointer[time.Time]
	hook := func() {
		if released.Load() == nil {
			_ = g.children[target].Process.Signal(by)
			now := time.Now()
			released.Store(&now)
		}
	}
	g.release.Store(&hook)
	defer g.release.Store(nil)
	for begin := time.Now(); time.Since(begin) < 3*time.Second; { // it may not be in contact yet
		if _, err = g.first.Transfer(node.Move{To: []string{target}, Reason: "bench"}); !errors.Is(err, node.ErrNoSuccessor) {
			break
		}
	}
	if err == nil {
		return 0, errors.New("the target took over all the same")
	}
	if released.Load() == nil {
		return 0, fmt.Errorf("nothing was released: %w", err)
	}
	for deadline := time.Now().Add(5 * time.Second); !g.leads(); time.Sleep(100 * time.Microsecond) {
		if time.Now().After(deadline) {
			return 0, errors.New("the old leader does not hold again")
		}
	}
	return time.Since(*released.Load()), nil
}

func TestHandOverGivenUpAfterTheRelease(t *testing.T) {
	for ends, by := range map[string]syscall.Signal{"dies": syscall.SIGKILL, "freezes": syscall.SIGSTOP} {
		t.Run(ends, func(t *testing.T) {
			t.Parallel()
			if f := givenUp(t, ends, by, 2); len(f.samples) == 0 {
				t.Error("the VIPs of no hand-over came back")
			}
		})
	}
}
