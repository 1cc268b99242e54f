package cluster

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-msgpack/v2/codec"
)

// warmPair keeps connections of a warm to a listener ready and returns the
// accepted ends.
func warmPair(t *testing.T) (*warm, <-chan net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	accepted := make(chan net.Conn, 16)
	ctx, cancel := context.WithCancel(context.Background())
	w := newWarm(func(ctx context.Context, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", l.Addr().String())
	})
	var running sync.WaitGroup
	running.Go(func() { w.run(ctx, "lb2") })
	running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- conn
		}
	})
	t.Cleanup(func() {
		cancel()
		l.Close()
		running.Wait()
		for len(accepted) > 0 {
			(<-accepted).Close()
		}
	})
	return w, accepted
}

func takeSoon(t *testing.T, w *warm) net.Conn {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(ms) {
		if conn := w.take("lb2"); conn != nil {
			t.Cleanup(func() { conn.Close() })
			return conn
		}
	}
	t.Fatal("no connection became ready")
	return nil
}

func TestWarmConnectionIsUsable(t *testing.T) {
	w, accepted := warmPair(t)
	for range 3 { // each that is taken is replaced
		conn, peer := takeSoon(t, w), <-accepted
		defer peer.Close()
		if _, err := conn.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 1)
		if _, err := peer.Read(buf); err != nil {
			t.Fatal(err)
		}
		if _, err := peer.Write([]byte("y")); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(buf); err != nil || buf[0] != 'y' {
			t.Fatalf("read %q, %v", buf, err)
		}
	}
}

func TestWarmConnectionThatThePeerClosedIsReplaced(t *testing.T) {
	w, accepted := warmPair(t)
	(<-accepted).Close()
	peer := <-accepted // it dialed again by itself
	defer peer.Close()
	conn := takeSoon(t, w)
	if conn.LocalAddr().String() != peer.RemoteAddr().String() {
		t.Error("the closed connection was handed out")
	}
}

// A peer that is started again is in the next election maybe a moment later.
func TestPeerThatComesIsReachedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dials := 0
		w := newWarm(func(context.Context, string) (net.Conn, error) {
			dials++
			return nil, errors.New("connection refused")
		})
		ctx, cancel := context.WithCancel(t.Context())
		go w.run(ctx, "lb2")
		synctest.Wait()
		w.arrived("lb3")
		synctest.Wait()
		if dials != 1 {
			t.Fatalf("%d attempts, want one: lb2 is down", dials)
		}
		w.arrived("lb2")
		synctest.Wait()
		if dials != 2 {
			t.Errorf("%d attempts after lb2 came, want two", dials)
		}
		cancel()
		synctest.Wait()
	})
}

// Two nodes that turn each other away do not call each other without end.
func TestArrivalsDoNotMakeAStorm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const during = 10 * warmPause
		var a, b *warm
		dials := 0
		reach := func(other **warm, self string) func(context.Context, string) (net.Conn, error) {
			return func(context.Context, string) (net.Conn, error) {
				if dials++; dials > 1000 {
					return nil, errors.New("a storm")
				}
				(*other).arrived(self)
				near, far := net.Pipe()
				far.Close()
				return near, nil
			}
		}
		a, b = newWarm(reach(&b, "a")), newWarm(reach(&a, "b"))
		ctx, cancel := context.WithTimeout(t.Context(), during)
		defer cancel()
		go a.run(ctx, "b")
		b.run(ctx, "a")
		synctest.Wait()
		if most := 2 * 2 * int(during/warmPause+1); dials > most {
			t.Errorf("%d connections in %s, want at most %d", dials, during, most)
		}
	})
}

// No election waits for a TLS handshake: not the first of a node, nor one right after it, nor
// one of a group in which a node has just been started again.
func TestNoHandshakeFallsIntoAMove(t *testing.T) {
	g := newGroup(t, 5)
	g.heartbeat = time.Second // what is sent later than in the election itself is no concern here
	g.startAll()
	old := g.owner()
	others := g.others(old)
	for _, m := range others {
		g.warmed(m)
	}
	old = g.movedWarm(old, others[0])
	old = g.movedWarm(old, others[1]) // warmPause after its connections were used is not over
	last := others[3].cfg.Node
	g.kill(last)
	g.start(last)
	g.warmed(others[2])
	g.movedWarm(old, others[2])
}

// warmed waits until a node has connections ready to all others.
func (g *group) warmed(m *member) {
	g.t.Helper()
	g.eventually(m.cfg.Node+" has connections ready to all others", func() bool {
		m.warm.mu.Lock()
		defer m.warm.mu.Unlock()
		ready := 0
		for _, idle := range m.warm.idle {
			ready += len(idle)
		}
		return ready == warmConns*(len(g.peers)-1)
	})
}

// movedWarm hands over, and wants the successor to have had all connections that it needed.
func (g *group) movedWarm(from, to *member) *member {
	g.t.Helper()
	before := to.warm.missed.Load()
	_, err := from.Transfer(Move{To: []string{to.cfg.Node}, Reason: "asked for"})
	if err != nil {
		g.t.Fatal(err)
	}
	if g.owner() != to {
		g.t.Fatalf("%s does not own", to.cfg.Node)
	}
	if missed := to.warm.missed.Load() - before; missed > 0 {
		g.t.Errorf("%s had no connection ready %d times", to.cfg.Node, missed)
	}
	return to
}

func TestAgainRepeatsOnlyWhatFailedAtOnce(t *testing.T) {
	stale := errors.New("EOF")
	calls := 0
	request := func(failures int, err error) func() error {
		calls = 0
		return func() error {
			if calls++; calls <= failures {
				return err
			}
			return nil
		}
	}
	if err := again(request(maxPool+1, stale)); err != nil {
		t.Errorf("every idle connection stale: %v", err)
	}
	if err := again(request(100, stale)); err == nil || calls != maxPool+2 {
		t.Errorf("a dead peer: %v after %d calls", err, calls)
	}
	for what, err := range map[string]error{"a timeout": context.DeadlineExceeded, "one as it was decoded": silence(t)} {
		if got := again(request(1, err)); got == nil || calls != 1 {
			t.Errorf("%s: %v after %d calls, want the error after one", what, got, calls)
		}
	}
}

// silence is what the library's codec returns where no answer came in time.
func silence(t *testing.T) error {
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	near.SetReadDeadline(time.Now())
	var number int
	err := codec.NewDecoder(near, &codec.MsgpackHandle{}).Decode(&number)
	if err == nil {
		t.Fatal("it decoded an answer that nobody gave")
	}
	return err
}
