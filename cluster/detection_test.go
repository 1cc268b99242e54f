package cluster

import (
	"context"
	"log/slog"
	"slices"
	"sync"
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
	trans *raft.InmemTransport
}

// startVirtual starts a group of three and returns what ends it.
func startVirtual(t *testing.T) (group []virtual, stop func()) {
	t.Helper()
	var peers []Peer
	var servers raft.Configuration
	for _, name := range []string{"lb1", "lb2", "lb3"} {
		_, trans := raft.NewInmemTransportWithTimeout(raft.ServerAddress(name), 200*ms)
		peers = append(peers, Peer{Name: name, Priority: 100})
		servers.Servers = append(servers.Servers, raft.Server{ID: raft.ServerID(name), Address: raft.ServerAddress(name)})
		group = append(group, virtual{trans: trans})
	}
	for i, p := range peers {
		cfg := Config{Node: p.Name, Peers: peers, Heartbeat: 100 * ms, Log: slog.New(slog.DiscardHandler)}
		n := &Node{cfg: cfg, now: bootTime, fsm: &fsm{changed: func() {}}}
		for _, other := range group {
			group[i].trans.Connect(other.trans.LocalAddr(), other.trans)
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
			group, stop := startVirtual(t)
			old := leads(t, group)
			time.Sleep(time.Second)
			for _, v := range group {
				v.trans.Disconnect(old.trans.LocalAddr())
			}
			old.trans.DisconnectAll()
			cut := time.Now()
			rest := slices.DeleteFunc(slices.Clone(group), func(v virtual) bool { return v == old })
			next := leads(t, rest)
			if took := time.Since(cut); took > 150*ms {
				t.Errorf("%s led %s after the cut", next.cfg.Node, took)
			}
			stop()
		}
	})
}
