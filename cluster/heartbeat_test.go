package cluster

import (
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

// dialing is a raft.StreamLayer without a network: what it dials is the queue to.
type dialing struct {
	*queue
	to *queue
}

func (d dialing) Dial(raft.ServerAddress, time.Duration) (net.Conn, error) {
	near, far := net.Pipe()
	go d.to.put(far, nil)
	return near, nil
}

// The library can let heartbeats pass its main loop by, and would then answer in a
// term that the main loop is about to leave.
func TestHeartbeatsGoThroughTheMainLoop(t *testing.T) {
	self := Peer{Name: "lb1", Address: netip.MustParseAddrPort("127.0.0.1:1")}
	cfg := Config{Node: "lb1", Peers: []Peer{self}, Heartbeat: 300 * ms, Log: slog.New(slog.DiscardHandler)}
	n := newNode(cfg, self)
	network := newQueue(net.TCPAddrFromAddrPort(self.Address))
	receiver := newTransport(n, dialing{network, nil}, hclog.NewNullLogger())
	go receiver.relay(t.Context())
	defer receiver.Close()
	passedBy := make(chan struct{})
	receiver.SetHeartbeatHandler(func(raft.RPC) { close(passedBy) })

	sender := raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
		Stream:  dialing{newQueue(nil), network},
		Timeout: 10 * time.Second,
		Logger:  hclog.NewNullLogger(),
	})
	defer sender.Close()
	answered := make(chan error, 1)
	go func() {
		heartbeat := &raft.AppendEntriesRequest{Term: 7, RPCHeader: raft.RPCHeader{ID: []byte("lb2"), Addr: []byte("lb2")}}
		answered <- sender.AppendEntries("lb1", "lb1", heartbeat, &raft.AppendEntriesResponse{})
	}()
	var rpc raft.RPC
	select {
	case rpc = <-receiver.Consumer():
	case <-passedBy:
		t.Fatal("a heartbeat passed the main loop by")
	}
	if req, ok := rpc.Command.(*raft.AppendEntriesRequest); !ok || !isHeartbeat(req) {
		t.Fatalf("got %+v, want a heartbeat", rpc.Command)
	}
	rpc.Respond(&raft.AppendEntriesResponse{Term: 7, Success: true}, nil)
	if err := <-answered; err != nil {
		t.Error(err)
	}
}

// What the library sends in a pipeline is answered past the lease.
func TestNoPipeline(t *testing.T) {
	self := Peer{Name: "lb1", Address: netip.MustParseAddrPort("127.0.0.1:1")}
	cfg := Config{Node: "lb1", Peers: []Peer{self}, Heartbeat: 300 * ms, Log: slog.New(slog.DiscardHandler)}
	network := newQueue(net.TCPAddrFromAddrPort(self.Address))
	trans := newTransport(newNode(cfg, self), dialing{network, network}, hclog.NewNullLogger())
	defer trans.Close()
	if _, err := trans.AppendEntriesPipeline("lb2", "lb2"); !errors.Is(err, raft.ErrPipelineReplicationNotSupported) {
		t.Errorf("a pipeline: %v", err)
	}
}

// BenchmarkHeartbeat measures a heartbeat and its answer between two transports, without
// a network and without raft.
func BenchmarkHeartbeat(b *testing.B) {
	x := newBeating(b)
	b.ReportAllocs()
	for b.Loop() {
		if err := x.beat(); err != nil {
			b.Fatal(err)
		}
	}
}
