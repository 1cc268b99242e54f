package cluster

import (
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

// mostOfTheLibrary bounds what the library's transport allocates for a heartbeat and its
// answer, at both ends: it decodes into new memory, and names metrics that nobody reads.
const (
	mostOfTheLibrary      = 20
	mostBytesOfTheLibrary = 1800 // with the race detector, which makes it more by three quarters
)

// beating is a leader and a follower between which heartbeats go, without a network and
// with a main loop that always agrees.
type beating struct {
	beat  func() error
	clock time.Duration // of both
	lead  *Node         // nil without perch
}

// heartbeatOf is that of a leader.
func heartbeatOf(leader string) *raft.AppendEntriesRequest {
	return &raft.AppendEntriesRequest{
		Term:      7,
		RPCHeader: raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax, ID: []byte(leader), Addr: []byte("127.0.0.2:7400")},
	}
}

// alwaysAgree answers what comes as a follower's main loop does, until the channel's end.
func alwaysAgree(t testing.TB, requests <-chan raft.RPC) {
	header := raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax, ID: []byte("lb1"), Addr: []byte("127.0.0.1:7400")}
	for {
		select {
		case rpc := <-requests:
			rpc.Respond(&raft.AppendEntriesResponse{RPCHeader: header, Term: 7, Success: true}, nil)
		case <-t.Context().Done():
			return
		}
	}
}

// newPlainBeating is one by the library's transport alone.
func newPlainBeating(t testing.TB) *beating {
	network := newQueue(net.TCPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:1")))
	plain := func(s raft.StreamLayer) *raft.NetworkTransport {
		trans := raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
			Stream: s, MaxPool: maxPool, MaxRPCsInFlight: 1, Timeout: time.Minute, Logger: hclog.NewNullLogger(),
		})
		t.Cleanup(func() { trans.CloseStreams(); trans.Close() })
		return trans
	}
	receiver, sender := plain(dialing{network, nil}), plain(dialing{newQueue(nil), network})
	go alwaysAgree(t, receiver.Consumer())
	req, resp := heartbeatOf("lb2"), &raft.AppendEntriesResponse{}
	return &beating{beat: func() error { return sender.AppendEntries("lb1", "lb1", req, resp) }}
}

// newBeating is one with all that perch does about it: the leader's lease becomes longer by
// what the follower grants.
func newBeating(t testing.TB) *beating {
	x := &beating{clock: time.Hour}
	node := func(name string) *Node {
		peer := Peer{Name: name, Address: netip.MustParseAddrPort("127.0.0.1:1")}
		cfg := Config{Node: name, Peers: []Peer{peer}, Heartbeat: time.Minute, Log: slog.New(slog.DiscardHandler)}
		n := newNode(cfg, peer)
		n.now = func() time.Duration { return x.clock }
		n.member.Store(true)
		n.raft.Store(new(raft.Raft)) // of which only its term and its log are asked, which are none
		return n
	}
	leader, follower := node("lb2"), node("lb1")
	network := newQueue(net.TCPAddrFromAddrPort(leader.self.Address))
	receiver := newTransport(follower, dialing{network, nil}, hclog.NewNullLogger())
	sender := newTransport(leader, dialing{newQueue(nil), network}, hclog.NewNullLogger())
	t.Cleanup(func() {
		for _, trans := range []*transport{sender, receiver} {
			trans.CloseStreams()
			trans.Close()
		}
	})
	go receiver.relay(t.Context())
	go alwaysAgree(t, receiver.Consumer())
	req, resp := heartbeatOf("lb2"), &raft.AppendEntriesResponse{}
	x.lead = leader
	x.beat = func() error {
		x.clock += time.Minute // the next one is not paced
		return sender.AppendEntries("lb1", "lb1", req, resp)
	}
	return x
}

// cost returns how often heartbeats allocate, and how much, by one beating.
func (x *beating) cost(t *testing.T) (allocations float64, bytes uint64) {
	t.Helper()
	beat := func() {
		if err := x.beat(); err != nil {
			t.Fatal(err)
		}
	}
	for range 10 {
		beat()
	}
	const beats = 200
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	allocations = testing.AllocsPerRun(beats, beat)
	runtime.ReadMemStats(&after)
	return allocations, (after.TotalAlloc - before.TotalAlloc) / (beats + 1) // it warms up once
}

// Perch adds no allocation to what the library's transport does for a heartbeat: not at the
// leader, whose lease becomes longer, and not at the follower, which grants.
func TestHotPathHeartbeat(t *testing.T) {
	plain, _ := newPlainBeating(t).cost(t)
	x := newBeating(t)
	whole, bytes := x.cost(t)
	if whole > plain {
		t.Errorf("%v allocations for a heartbeat, of which the library's are %v", whole, plain)
	}
	if whole > mostOfTheLibrary || bytes > mostBytesOfTheLibrary {
		t.Errorf("%v allocations of %d bytes, want at most %d of %d", whole, bytes, mostOfTheLibrary, mostBytesOfTheLibrary)
	}
	x.lead.mu.Lock()
	defer x.lead.mu.Unlock()
	if got, want := x.lead.lease.ends["lb1"], x.clock+leaseLength(time.Minute); got != want {
		t.Errorf("the follower granted until %s, want %s", got, want)
	}
	t.Logf("%v allocations, %d bytes, all of them the library's", whole, bytes)
}

// From an answer to the lease that it makes longer, nothing is allocated.
func TestHotPathLease(t *testing.T) {
	x := newTalking()
	req, resp := heartbeatOf("lb1"), &raft.AppendEntriesResponse{Term: 7, Success: true}
	resp.Addr = marked(markGrant, 100*ms)
	voting := []string{"lb1", "lb2", "lb3"}
	var own Ownership
	if n := testing.AllocsPerRun(1000, func() {
		x.clock += 30 * ms
		x.answered("lb2", x.clock, req, resp)
		x.answered("lb3", x.clock, req, resp)
		own = x.evaluate(7, voting, true)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if want := x.clock + leaseLength(100*ms); own.Until != want {
		t.Errorf("the lease ends at %s, want %s", own.Until, want)
	}
}

// The sign of life that the lease wants of the main loop is asked for without allocating.
func TestHotPathPulse(t *testing.T) {
	x := newTalking()
	over := make(chan struct{})
	go func() { defer close(over); x.pulse(t.Context()) }()
	t.Cleanup(func() { <-over })
	answer := raft.RPCResponse{Response: &raft.AppendEntriesResponse{}}
	if n := testing.AllocsPerRun(1000, func() {
		signal(x.feel)
		rpc := <-x.requests
		rpc.RespChan <- answer
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// What the main loop is known to be done with was begun before it was asked.
func TestPulseTellsOfWhatTheMainLoopIsDoneWith(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTalking()
		go x.pulse(t.Context())
		x.votes.begun.Store(5)
		signal(x.feel)
		synctest.Wait()
		x.votes.begun.Store(6) // while it is asked
		if done := x.votes.done.Load(); done != 0 {
			t.Errorf("done with %d before it has answered", done)
		}
		<-x.requests
		synctest.Wait()
		if done := x.votes.done.Load(); done != 5 {
			t.Errorf("done with %d, want 5", done)
		}
	})
}
