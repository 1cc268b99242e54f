package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

// stream carries raft's connections over the cluster port.
type stream struct {
	*queue
	port *port
	warm *warm
	who  func(raft.ServerAddress) string
}

// Dial implements raft.StreamLayer.
func (s *stream) Dial(address raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	peer := s.who(address)
	if conn := s.warm.take(peer); conn != nil {
		return conn, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return s.port.dial(ctx, protocolRaft, peer)
}

// Close implements net.Listener. It also closes what the library has accepted, and
// would go on reading from.
func (s *stream) Close() error {
	defer s.port.guests.leave(s.port.creds.alpn(protocolRaft)) // last: none comes after it
	return s.queue.Close()
}

// transport is the library's network transport with perch's eyes and hands on
// the calls that matter for ownership: answers to AppendEntries extend the
// lease, and TimeoutNow, which gives leadership away, first releases the VIPs.
type transport struct {
	*raft.NetworkTransport
	node     *Node
	taken    chan raft.RPC // snapshots that have come whole
	room     chan struct{} // for those that come
	takes    sync.WaitGroup
	refusals repeats[string]
}

// maxSnapshots bounds how many snapshots may come at once. A leader sends one.
const maxSnapshots = 2

// maxPool is how many idle connections to a peer the library keeps.
const maxPool = 3

func newTransport(n *Node, network raft.StreamLayer, logger hclog.Logger) *transport {
	return &transport{
		node:     n,
		taken:    make(chan raft.RPC),
		room:     make(chan struct{}, maxSnapshots),
		refusals: repeats[string]{interval: repeatInterval},
		NetworkTransport: raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
			Stream:          scanning{network},
			MaxPool:         maxPool,
			MaxRPCsInFlight: 1, // no pipeline: every answer passes through AppendEntries below
			Timeout:         n.cfg.rpcTimeout(),
			Logger:          logger,
		}),
	}
}

// SetHeartbeatHandler does nothing: the library's fast path for heartbeats runs
// beside its main loop and races it for the term.
func (t *transport) SetHeartbeatHandler(func(raft.RPC)) {}

// AppendEntriesPipeline is switched off, see newTransport.
func (t *transport) AppendEntriesPipeline(raft.ServerID, raft.ServerAddress) (raft.AppendPipeline, error) {
	return nil, raft.ErrPipelineReplicationNotSupported
}

// silent tells whether this node ends: the others are to elect another leader at once.
func (t *transport) silent() bool { return t.node.raft.Load() == nil || t.node.hushed.Load() }

// AppendEntries notes when the request was sent, since that is what a lease may
// count from.
func (t *transport) AppendEntries(id raft.ServerID, target raft.ServerAddress, req *raft.AppendEntriesRequest, resp *raft.AppendEntriesResponse) error {
	if t.silent() {
		return ErrNotRunning
	}
	sent := t.node.now()
	if t.node.hangs(req.Term) { // also what replicates would renew the followers' grants
		if !isHeartbeat(req) {
			t.awaitContact(id, req.Term, sent)
		}
		return errHung
	}
	if isHeartbeat(req) {
		t.pace(string(id))
		sent = t.node.now()
	}
	err := t.node.noting(string(id), req, resp, func() error {
		return t.sound(t.NetworkTransport.AppendEntries(id, target, req, resp), &resp.Term)
	})
	if err != nil && !isHeartbeat(req) {
		t.awaitContact(id, req.Term, sent)
	}
	return err
}

// beat sends a first heartbeat of term as soon as this node leads. The library
// begins with log entries, whose answers wait for the followers' disks, and the
// lease waits for the answers.
func (t *transport) beat(peer Peer, term uint64) {
	if peer.Name == t.node.cfg.Node || !t.node.leads(term) || t.silent() {
		return
	}
	req := &raft.AppendEntriesRequest{RPCHeader: t.header(), Term: term}
	t.node.moment("first heartbeat")
	_, err := t.ask(peer.Name, raft.ServerAddress(peer.Address.String()), req)
	t.node.moment("first heartbeat answered")
	if err != nil {
		t.node.cfg.Log.Debug("first heartbeat", "to", peer.Name, "error", err)
	}
}

// pace delays a heartbeat to the next tick of a clock that all peers' heartbeats
// share. The library sends one to each peer every H/10 to H/5; what costs is the
// waking up, and so they are sent less often and together. One that is late
// already, because the last answer took long, is not delayed.
func (t *transport) pace(id string) {
	now, interval := t.node.now(), heartbeatPace(t.node.patience())
	if now-t.node.contact(id).sent < interval {
		wait := interval - now%interval
		time.Sleep(wait)
		t.node.punctuality.note(t.node.now() - now - wait)
	}
}

// heartbeatPace is the usual time between two heartbeats to a peer whose grants
// last for the given time: the lease outlasts two of them and detection three.
func heartbeatPace(grant time.Duration) time.Duration { return grant * 3 / 10 }

// awaitContact holds the error of a replication request back until heartbeats
// get through again or this node no longer leads. The library backs off up to
// 10 s after repeated errors, and a peer that came back would wait so long for
// its log, and could not be handed leadership. One that was removed is not waited for:
// the library would go on sending it heartbeats, and it would take itself for a member.
func (t *transport) awaitContact(id raft.ServerID, term uint64, since time.Duration) {
	ticker := time.NewTicker(t.node.cfg.Heartbeat / 2)
	defer ticker.Stop()
	for !t.IsShutdown() && t.node.leads(term) && t.node.counts(string(id)) && t.node.contact(string(id)).sent <= since {
		<-ticker.C
	}
}

// TimeoutNow asks a peer to take over at once. The VIPs are released before it
// leaves, and when that fails it does not leave.
func (t *transport) TimeoutNow(id raft.ServerID, target raft.ServerAddress, req *raft.TimeoutNowRequest, resp *raft.TimeoutNowResponse) error {
	if err := t.brief(id, target); err != nil {
		return err
	}
	t.node.moment("successor knows what is committed")
	return t.node.yield(func(c call) error {
		return t.NetworkTransport.TimeoutNow(id, target, calling(req, c), resp)
	})
}

// RequestPreVote implements raft.WithPreVote.
func (t *transport) RequestPreVote(id raft.ServerID, target raft.ServerAddress, req *raft.RequestPreVoteRequest, resp *raft.RequestPreVoteResponse) error {
	return t.node.preVote(string(id), req, resp, func() error {
		return again(func() error { return t.sound(t.NetworkTransport.RequestPreVote(id, target, req, resp), &resp.Term) })
	})
}

// RequestVote implements raft.Transport. A candidate holds nothing: its request may
// tell a voter so.
func (t *transport) RequestVote(id raft.ServerID, target raft.ServerAddress, req *raft.RequestVoteRequest, resp *raft.RequestVoteResponse) error {
	if err := t.node.mayStand(); err != nil {
		return err
	}
	if err := t.node.letGo(); err != nil {
		return fmt.Errorf("release before an election: %w", err)
	}
	req = t.node.withoutStalePrivilege(req)
	t.node.poll.vote(bid{req.Term, t.node.cfg.Node, t.node.pollLimit()}) // a candidate has its own
	t.node.moment("vote asked")
	defer t.node.moment("vote answered")
	sent := t.node.now()
	err := again(func() error { return t.sound(t.NetworkTransport.RequestVote(id, target, req, resp), &resp.Term) })
	if err == nil {
		t.node.elected(string(id), sent, req, resp)
	}
	return err
}

// InstallSnapshot implements raft.Transport.
func (t *transport) InstallSnapshot(id raft.ServerID, target raft.ServerAddress, req *raft.InstallSnapshotRequest, resp *raft.InstallSnapshotResponse, data io.Reader) error {
	if t.silent() { // a snapshot, too, is a sign of a leader
		return ErrNotRunning
	}
	return t.sound(t.NetworkTransport.InstallSnapshot(id, target, req, resp, data), &resp.Term)
}

// sound returns the error of a request, or that its answer is of a term that no node
// can be in.
func (t *transport) sound(err error, term *uint64) error {
	return cmp.Or(err, t.node.place().vetAnswer(*term))
}

// again repeats a request that can do no harm twice, as long as connections
// fail that a peer had closed while they were idle, and at last on a new one.
// The library itself asks again only after its next election timeout.
func again(request func() error) error {
	var err error
	for range maxPool + 2 {
		if err = request(); err == nil || timedOut(err) {
			return err
		}
	}
	return err
}

// timedOut looks also into an error of the library's codec, which does not unwrap.
func timedOut(err error) bool {
	if decoding, ok := errors.AsType[interface {
		error
		Cause() error
	}](err); ok {
		err = decoding.Cause()
	}
	var netErr net.Error
	return errors.As(err, &netErr) && netErr.Timeout()
}

// isHeartbeat recognises the requests that the library sends beside replication.
func isHeartbeat(req *raft.AppendEntriesRequest) bool {
	return req.PrevLogEntry == 0 && req.PrevLogTerm == 0 && len(req.Entries) == 0 && req.LeaderCommitIndex == 0
}
