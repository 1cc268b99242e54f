package cluster

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"github.com/perch-vip/perch/cluster/state"
)

// intruder calls from lb3's address with its certificate.
func (g *group) intruder() *port {
	lb3 := g.peers[2]
	return newPort(Config{
		Node: lb3.Name, Peers: g.peers, Log: slog.New(slog.DiscardHandler),
		Credentials: credentials(g.t, secret, "edge", lb3.Name),
	}, lb3, func() []Peer { return g.peers })
}

// tell sends bytes over a new connection, and returns what comes back first, nothing
// if the other side closes it or says nothing for a while.
func (g *group) tell(protocol, to string, data []byte) []byte {
	g.t.Helper()
	conn, err := g.intruder().dial(g.t.Context(), protocol, to)
	if err != nil {
		g.t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(300 * ms))
	conn.Write(data)
	back := make([]byte, 64<<10)
	n, _ := conn.Read(back)
	return back[:n]
}

// logEnd returns where the log of the node ends. A request of the next term is heard.
func (m *member) logEnd() onLog {
	r := m.raft.Load()
	var last raft.Log
	if err := m.store.GetLog(r.LastIndex(), &last); err != nil {
		panic(err)
	}
	return onLog{r.CurrentTerm() + 1, last.Index, last.Term}
}

// unharmed wants what is done to cost neither goroutines nor memory once it is over,
// and the cluster to go on: an owner commits.
func (g *group) unharmed(what func()) {
	g.t.Helper()
	goroutines, heap := runtime.NumGoroutine(), heapSize()
	what()
	g.eventually("an entry is committed", func() bool {
		for _, name := range g.owners() {
			return g.members[name].SetDrained(state.Drain{Node: "lb3"}) == nil
		}
		return false
	})
	g.eventually("no more goroutines than before", func() bool { return runtime.NumGoroutine() <= goroutines+10 })
	if grown := heapSize() - heap; grown > 16<<20 {
		g.t.Errorf("the heap has grown by %d KiB", grown>>10)
	}
}

func heapSize() int64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// intruded is a cluster of three of which the third one is not perch.
func intruded(t *testing.T) (g *group, owner *member) { return intrudedAt(t, 300*ms) }

// intrudedAt has another heartbeat timeout.
func intrudedAt(t *testing.T, heartbeat time.Duration) (g *group, owner *member) {
	g = newGroup(t, 3)
	g.heartbeat = heartbeat
	g.startAll()
	g.owner()
	g.kill("lb3")
	g.eventually("both have all of the log", func() bool {
		owner = g.owner()
		return owner.SetDrained(state.Drain{Node: "lb3"}) == nil
	})
	return g, owner
}

// What no node sends does no harm: the owner goes on in its term, and commits.
func TestCraftedRequestsAreRefused(t *testing.T) {
	g, owner := intrudedAt(t, 2*time.Second) // on a busy machine, too, the owner is to stay it
	term := owner.View().Term
	g.unharmed(func() {
		for name := range crafted(onLog{}) {
			for _, m := range g.members {
				end := m.logEnd()
				g.tell(protocolRaft, m.cfg.Node, crafted(end)[name])
				if now := m.logEnd(); now != end {
					t.Errorf("%s: the log of %s ends at %+v, before at %+v", name, m.cfg.Node, now, end)
				}
				if kept, err := m.store.List(); err != nil || len(kept) > 0 {
					t.Errorf("%s: %s keeps the snapshots %+v, %v", name, m.cfg.Node, kept, err)
				}
			}
			if err := owner.SetDrained(state.Drain{Node: "lb3"}); err != nil || owner.View().Term != term {
				t.Fatalf("%s: in term %d, before in %d: %v", name, owner.View().Term, term, err)
			}
		}
	})
}

// Requests with a wrong bit, or without their end, do not stop a node either. With some
// bits they are well-formed, and may cost an election.
func TestMangledRequestsAreSurvived(t *testing.T) {
	g, _ := intruded(t)
	random := rand.New(rand.NewPCG(1, 2))
	g.unharmed(func() {
		for _, m := range g.members {
			at := m.logEnd()
			for _, request := range [][]byte{
				framed(rpcAppendEntries, &raft.AppendEntriesRequest{RPCHeader: header, Term: at.term}),
				framed(rpcAppendEntries, at.appending(&raft.Log{Type: raft.LogNoop}, &raft.Log{Data: []byte("{}")})),
				framed(rpcRequestVote, &raft.RequestVoteRequest{RPCHeader: header, Term: at.term, LastLogIndex: at.lastIndex, LastLogTerm: at.lastTerm}),
				framed(rpcRequestPreVote, &raft.RequestPreVoteRequest{RPCHeader: header, Term: at.term, LastLogIndex: at.lastIndex}),
				framed(rpcTimeoutNow, calling(&raft.TimeoutNowRequest{RPCHeader: header}, call{term: at.term})),
				crafted(at)["snapshot of rubbish"],
			} {
				for range 12 {
					g.mangle(m, request, random)
				}
			}
		}
	})
}

// mangle sends a request with a wrong bit over one connection, and its beginning over
// another.
func (g *group) mangle(to *member, request []byte, random *rand.Rand) {
	wrong := slices.Clone(request)
	wrong[random.IntN(len(wrong))] ^= 1 << random.IntN(8)
	for _, data := range [][]byte{wrong, request[:random.IntN(len(request))]} {
		conn, err := g.intruder().dial(g.t.Context(), protocolRaft, to.cfg.Node)
		if err != nil {
			g.t.Fatal(err)
		}
		conn.Write(data)
		conn.(*tls.Conn).CloseWrite()
		conn.SetDeadline(time.Now().Add(100 * ms))
		io.Copy(io.Discard, conn)
		conn.Close()
	}
}

// A snapshot that comes slowly, or never, holds nobody up.
func TestSnapshotsThatStallHoldNobodyUp(t *testing.T) {
	g, owner := intruded(t)
	term := owner.View().Term
	for _, m := range g.members {
		for i := range maxSnapshots + 1 {
			conn, err := g.intruder().dial(t.Context(), protocolRaft, m.cfg.Node)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			conn.Write(crafted(m.logEnd())["snapshot that stays away"])
			conn.SetDeadline(time.Now().Add(200 * ms))
			back := make([]byte, 1000)
			n, _ := conn.Read(back)
			if crowded := bytes.Contains(back[:n], []byte(errCrowded.Error())); crowded != (i == maxSnapshots) {
				t.Errorf("snapshot %d is answered with %q", i+1, back[:n])
			}
		}
	}
	if err := owner.SetDrained(state.Drain{Node: "lb3"}); err != nil || owner.View().Term != term {
		t.Errorf("in term %d, before in %d: %v", owner.View().Term, term, err)
	}
	begin := time.Now()
	g.kill(owner.cfg.Node)
	if took := time.Since(begin); took > messageLimit/2 {
		t.Errorf("a node ended after %s", took)
	}
}

// However many connections a peer opens, few stay, those in use among them, and they
// keep no other peer out.
func TestOnePeersConnectionsAreBounded(t *testing.T) {
	g, owner := intruded(t)
	term := owner.View().Term
	old := framed(rpcAppendEntries, &raft.AppendEntriesRequest{RPCHeader: header, Term: 1})
	g.unharmed(func() {
		used, err := g.intruder().dial(t.Context(), protocolRaft, owner.cfg.Node)
		if err != nil {
			t.Fatal(err)
		}
		defer used.Close()
		used.SetDeadline(time.Now().Add(20 * time.Second))
		for range 3 * maxGuests {
			for _, protocol := range []string{protocolRaft, protocolParley} {
				conn, err := g.intruder().dial(t.Context(), protocol, owner.cfg.Node)
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
			}
			used.Write(old)
			if _, err := used.Read(make([]byte, 1000)); err != nil {
				t.Fatalf("the connection in use: %v", err)
			}
		}
		gs := &owner.port.guests
		gs.mu.Lock()
		for visit, all := range gs.list {
			if len(all) > maxGuests {
				t.Errorf("%d connections of %+v", len(all), visit)
			}
		}
		gs.mu.Unlock()
		if now := owner.View().Term; now != term {
			t.Errorf("in term %d, before in %d", now, term)
		}
	})
}

// A peer's own half-open connections are bounded, too.
func TestOnePeersHandshakesAreBounded(t *testing.T) {
	g, owner := intruded(t)
	dialer := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(g.peers[2].Address.Addr(), 0))}
	before := owner.Refused()
	for range maxHandshakes + 20 {
		conn, err := dialer.DialContext(t.Context(), "tcp", owner.self.Address.String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	most := 0
	g.eventually("all have been accepted", func() bool {
		places := &owner.port.halfOpen
		places.mu.Lock()
		defer places.mu.Unlock()
		most = max(most, places.taken[g.peers[2].Address.Addr()])
		return most > maxHandshakes || owner.Refused() >= before+20
	})
	if most > maxHandshakes {
		t.Errorf("%d handshakes are under way", most)
	}
	for _, other := range g.others(owner) {
		conn, err := other.port.dial(t.Context(), protocolRaft, owner.cfg.Node)
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
	}
}

// What no node asks on the protocol for parleys changes nothing.
func TestCraftedQuestionsAreRefused(t *testing.T) {
	g, owner := intrudedAt(t, 2*time.Second)
	term, members := owner.View().Term, owner.View().Members
	long := strings.Repeat("x", 2*maxParley)
	g.unharmed(func() {
		for _, q := range []string{
			"", "{", "nothing", "[]", "7", `{"birth":7}`, `{"birth":"` + long, `{"birth":"` + long + `"}`, strings.Repeat("[", maxParley),
			strings.Repeat(" ", 2*maxParley), `{"admit":{"address":"nowhere"}}`, `{"admit":{"address":"0.0.0.0:0","joining":true}}`,
			`{"admit":{"address":"127.0.0.3:0","joining":true}}`, `{"remove":"` + long[:maxParley/2] + `"}`,
			`{"linger_ns":9223372036854775807}`, `{"linger_ns":-1}`, `{"linger_ns":1e400}`, "\x00\xff\xfe", `{"birth":"\ud800"}`,
		} {
			for _, m := range g.members {
				g.tell(protocolParley, m.cfg.Node, []byte(q))
			}
			if now := owner.View(); now.Term != term || !slices.Equal(now.Members, members) {
				t.Fatalf("%.40q: in term %d with %v, before in %d with %v", q, now.Term, now.Members, term, members)
			}
			if lingers := owner.State().Lingers; len(lingers) > 0 {
				t.Fatalf("%.40q: %v linger", q, lingers)
			}
		}
	})
}

// A node that ends hangs up.
func TestConnectionsEndWithTheNode(t *testing.T) {
	g, owner := intruded(t)
	conn, err := g.intruder().dial(t.Context(), protocolRaft, owner.cfg.Node)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	conn.Write(framed(rpcAppendEntries, &raft.AppendEntriesRequest{RPCHeader: header, Term: 1}))
	if _, err := conn.Read(make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	g.kill(owner.cfg.Node)
	if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the connection is still open")
	}
}

// A follower that answers what no node does deposes nobody.
func TestCraftedAnswersAreRefused(t *testing.T) {
	g, owner := intruded(t)
	term := owner.View().Term
	said := func(resp any) []byte { return slices.Concat(packed(""), packed(resp)) }
	for name, says := range map[string][]byte{
		"term at its end":   said(&raft.AppendEntriesResponse{RPCHeader: header, Term: math.MaxUint64}),
		"string of 4 GB":    str32(math.MaxUint32),
		"time of 4 GB":      slices.Concat(packed(""), []byte{0x81}, packed("Unknown"), []byte{0xc9, 0xff, 0xff, 0xff, 0xff, 0xff}),
		"no answer":         {0xc1},
		"nil":               {0xc0, 0xc0},
		"more than was due": bytes.Repeat(said(&raft.AppendEntriesResponse{RPCHeader: header, Term: 1, Success: true}), 1000),
	} {
		g.unharmed(func() {
			if asked := g.impersonate(says); asked < 3 {
				t.Errorf("%s: asked %d times only", name, asked)
			}
			if now := owner.View().Term; now != term {
				t.Errorf("%s: in term %d, before in %d", name, now, term)
			}
		})
	}
}

// impersonate answers for lb3 to whatever raft asks, for a while, and returns how often.
func (g *group) impersonate(says []byte) int32 {
	p := g.intruder()
	if err := p.listen(); err != nil {
		g.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(g.t.Context(), time.Second)
	defer cancel()
	var asked atomic.Int32
	var served sync.WaitGroup
	for _, q := range []*queue{p.raft, p.api, p.parley} {
		served.Go(func() {
			for {
				conn, err := q.Accept()
				if err != nil {
					return
				}
				served.Go(func() {
					defer conn.Close()
					defer context.AfterFunc(ctx, func() { conn.Close() })()
					for q == p.raft {
						if _, err := conn.Read(make([]byte, 64<<10)); err != nil {
							return
						}
						asked.Add(1)
						conn.Write(says)
					}
				})
			}
		})
	}
	p.serve(ctx)
	for _, q := range []*queue{p.raft, p.api, p.parley} {
		q.Close()
	}
	served.Wait()
	return asked.Load()
}
