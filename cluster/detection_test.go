package cluster

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
)

// virtual is a node of a group in virtual time: the library with its own network
// in memory, and the waker.
type virtual struct {
	*Node
	raft  *raft.Raft
	trans *inMemory
}

// inMemory is a network in memory whose pre-votes are sent as the node has it.
type inMemory struct {
	*raft.InmemTransport
	node  *Node
	group []virtual
	slow  bool                          // it takes time, and so does a disk
	lags  atomic.Pointer[raft.ServerID] // who is sent heartbeats, but no log
}

func (m *inMemory) RequestPreVote(
	id raft.ServerID, target raft.ServerAddress, req *raft.RequestPreVoteRequest, resp *raft.RequestPreVoteResponse,
) error {
	return m.node.preVote(string(id), req, resp, func() error {
		m.takes(300 * time.Microsecond)
		err := m.InmemTransport.RequestPreVote(id, target, req, resp)
		resp.Granted = resp.Granted && !m.peer(id).outdone(req)
		return err
	})
}

func (m *inMemory) RequestVote(
	id raft.ServerID, target raft.ServerAddress, req *raft.RequestVoteRequest, resp *raft.RequestVoteResponse,
) error {
	m.node.poll.vote(bid{req.Term, m.node.cfg.Node, m.node.pollLimit()})
	m.takes(3 * ms)
	m.peer(id).poll.vote(bid{req.Term, string(req.ID), m.peer(id).pollLimit()})
	err := m.InmemTransport.RequestVote(id, target, req, resp)
	if !resp.Granted {
		m.peer(id).poll.noVote(string(req.ID), req.Term)
	}
	return err
}

func (m *inMemory) takes(d time.Duration) {
	if m.slow {
		time.Sleep(d)
	}
}

// peer is one of the group.
func (m *inMemory) peer(id raft.ServerID) *Node {
	i := slices.IndexFunc(m.group, func(v virtual) bool { return v.cfg.Node == string(id) })
	return m.group[i].Node
}

func (m *inMemory) AppendEntries(
	id raft.ServerID, target raft.ServerAddress, req *raft.AppendEntriesRequest, resp *raft.AppendEntriesResponse,
) error {
	if lags := m.lags.Load(); lags != nil && *lags == id && !isHeartbeat(req) {
		return errors.New("lost")
	}
	return m.InmemTransport.AppendEntries(id, target, req, resp)
}

func (m *inMemory) AppendEntriesPipeline(raft.ServerID, raft.ServerAddress) (raft.AppendPipeline, error) {
	return nil, raft.ErrPipelineReplicationNotSupported
}

// startVirtual starts a group of so many and returns what ends it.
func startVirtual(t *testing.T, size int, slow bool) (group []virtual, stop func()) {
	t.Helper()
	begin := time.Now()
	var peers []Peer
	var servers raft.Configuration
	for _, name := range []string{"lb1", "lb2", "lb3", "lb4", "lb5"}[:size] {
		_, trans := raft.NewInmemTransportWithTimeout(raft.ServerAddress(name), 200*ms)
		peers = append(peers, Peer{Name: name, Priority: 100})
		servers.Servers = append(servers.Servers, raft.Server{ID: raft.ServerID(name), Address: raft.ServerAddress(name)})
		group = append(group, virtual{trans: &inMemory{InmemTransport: trans, slow: slow}})
	}
	for i, p := range peers {
		cfg := Config{Node: p.Name, Peers: peers, Heartbeat: 100 * ms, Log: slog.New(slog.DiscardHandler)}
		n := &Node{cfg: cfg, now: func() time.Duration { return time.Since(begin) }, fsm: &fsm{changed: func() {}}}
		group[i].trans.node, group[i].trans.group = n, group
		for _, other := range group {
			group[i].trans.Connect(other.trans.LocalAddr(), other.trans.InmemTransport)
		}
		store, snapshots := raft.NewInmemStore(), raft.NewInmemSnapshotStore()
		if err := raft.BootstrapCluster(cfg.raftConfig(), store, store, snapshots, group[i].trans, servers); err != nil {
			t.Fatal(err)
		}
		r, err := raft.NewRaft(cfg.raftConfig(), n.fsm, store, store, snapshots, group[i].trans)
		if err != nil {
			t.Fatal(err)
		}
		n.member.Store(true)
		n.raft.Store(r)
		group[i].Node, group[i].raft = n, r
	}
	var wakers sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	for _, v := range group {
		wakers.Go(func() { v.wake(ctx, v.raft) })
	}
	return group, func() {
		cancel()
		wakers.Wait()
		for _, v := range group {
			if err := v.raft.Shutdown().Error(); err != nil {
				t.Error(err)
			}
			if err := v.trans.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// leads waits until one of the nodes leads.
func leads(t *testing.T, among []virtual) virtual {
	t.Helper()
	for range 10000 {
		for _, v := range among {
			if v.raft.State() == raft.Leader {
				return v
			}
		}
		time.Sleep(ms)
	}
	t.Fatal("no node leads after 10 s")
	return virtual{}
}

// Left to itself the library notices a dead leader after H to 3 H.
func TestDeadLeaderIsReplacedSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 10 {
			group, stop := startVirtual(t, 3, false)
			old := leads(t, group)
			time.Sleep(time.Second)
			next, took := cutOff(t, group, old)
			if took > 150*ms {
				t.Errorf("%s led %s after the cut", next.cfg.Node, took)
			}
			stop()
		}
	})
}

// cutOff cuts a leader off, and returns who leads next, and how much later.
func cutOff(t *testing.T, group []virtual, old virtual) (next virtual, took time.Duration) {
	t.Helper()
	for _, v := range group {
		v.trans.Disconnect(old.trans.LocalAddr())
	}
	old.trans.DisconnectAll()
	cut := time.Now()
	rest := slices.DeleteFunc(slices.Clone(group), func(v virtual) bool { return v == old })
	next = leads(t, rest)
	return next, time.Since(cut)
}

// The best successor has come back a moment ago, and lacks what was written meanwhile.
func TestLaggingSuccessorDoesNotHoldUpTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 10 {
			group, stop := startVirtual(t, 3, false)
			first := leads(t, group)
			time.Sleep(time.Second)
			old := group[2]
			if first != old {
				if err := first.raft.LeadershipTransferToServer("lb3", "lb3").Error(); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(time.Second)
			lags := raft.ServerID("lb1")
			old.trans.lags.Store(&lags)
			if err := old.raft.Apply([]byte("{}"), time.Second).Error(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			next, took := cutOff(t, group, old)
			if next.cfg.Node != "lb2" || took > 150*ms {
				t.Errorf("%s led %s after the cut", next.cfg.Node, took)
			}
			stop()
		}
	})
}

// Survivors have heard of their leader for the last time at different moments, so that any of
// them may be the first to ask, and a vote takes as long as the pause between two askers.
func TestSurvivorsDoNotSplitTheVotes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var slow []time.Duration
		for round := range 150 {
			random := rand.New(rand.NewPCG(0, uint64(round)))
			group, stop := startVirtual(t, 5, true)
			old := leads(t, group)
			time.Sleep(time.Second)
			for _, i := range random.Perm(len(group)) {
				if group[i] != old {
					old.trans.Disconnect(group[i].trans.LocalAddr())
					time.Sleep(time.Duration(random.IntN(int(10 * ms))))
				}
			}
			if _, took := cutOff(t, group, old); took > 170*ms {
				slow = append(slow, took)
			}
			stop()
		}
		if len(slow) > 0 {
			t.Errorf("after %d of 150 cuts it took longer: %v", len(slow), slow)
		}
	})
}
