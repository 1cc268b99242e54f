package e2e

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	"golang.org/x/sys/unix"
)

// bareNode is hashicorp/raft by itself: no TLS, no VIPs, the library's own
// transport and store. It is what planned moves are compared with.
type bareNode struct {
	*raft.Raft
	id      raft.ServerID
	address raft.ServerAddress
	close   func()
}

type nothing struct{}

func (nothing) Apply(*raft.Log) any                 { return nil }
func (nothing) Snapshot() (raft.FSMSnapshot, error) { return nothing{}, nil }
func (nothing) Restore(r io.ReadCloser) error       { return r.Close() }
func (nothing) Persist(s raft.SnapshotSink) error   { return s.Close() }
func (nothing) Release()                            {}

// bareCluster starts three bare nodes on loopback whose logs are below dir.
func bareCluster(tb testing.TB, dir string, heartbeat time.Duration) []*bareNode {
	tb.Helper()
	logger := hclog.NewNullLogger()
	var nodes []*bareNode
	var configuration raft.Configuration
	var starts []func() error
	for i := range 3 {
		trans, err := raft.NewTCPTransportWithLogger("127.0.0.1:0", nil, 3, 2*heartbeat, logger)
		if err != nil {
			tb.Fatal(err)
		}
		store, err := raftboltdb.NewBoltStore(filepath.Join(dir, fmt.Sprintf("bare%d.db", i)))
		if err != nil {
			tb.Fatal(err)
		}
		n := &bareNode{id: raft.ServerID(fmt.Sprint(i)), address: trans.LocalAddr()}
		nodes = append(nodes, n)
		configuration.Servers = append(configuration.Servers, raft.Server{ID: n.id, Address: n.address})
		starts = append(starts, func() error {
			rc := raft.DefaultConfig()
			rc.LocalID, rc.Logger = n.id, logger
			rc.HeartbeatTimeout, rc.ElectionTimeout, rc.LeaderLeaseTimeout = heartbeat, heartbeat, heartbeat
			snapshots := raft.NewDiscardSnapshotStore()
			if err := raft.BootstrapCluster(rc, store, store, snapshots, trans, configuration); err != nil {
				return err
			}
			n.Raft, err = raft.NewRaft(rc, nothing{}, store, store, snapshots, trans)
			n.close = func() {
				n.Shutdown().Error()
				trans.CloseStreams()
				trans.Close()
				store.Close()
			}
			return err
		})
	}
	for _, start := range starts {
		if err := start(); err != nil {
			tb.Fatal(err)
		}
	}
	tb.Cleanup(func() {
		for _, n := range nodes {
			n.close()
		}
	})
	return nodes
}

// bareGroup is a cluster of bare nodes whose leadership is handed round.
type bareGroup struct{ nodes []*bareNode }

const bareName = "bare library: LeadershipTransfer, no VIP, no TLS"

// leader waits for the index of the leader.
func (g bareGroup) leader() (int, error) {
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		for i, n := range g.nodes {
			if n.State() == raft.Leader && n.VerifyLeader().Error() == nil {
				return i, nil
			}
		}
	}
	return 0, errors.New("the bare cluster has no leader")
}

// transfer measures how long a transfer to the next node takes, from the call to the new
// leader's word that it leads.
func (g bareGroup) transfer(heartbeat time.Duration) (time.Duration, error) {
	from, err := g.leader()
	if err != nil {
		return 0, err
	}
	to := g.nodes[(from+1)%len(g.nodes)]
	g.nodes[from].Barrier(time.Second).Error()
	time.Sleep(2 * heartbeat)
	for len(to.LeaderCh()) > 0 {
		<-to.LeaderCh()
	}
	begin := time.Now()
	future := g.nodes[from].LeadershipTransferToServer(to.id, to.address)
	defer future.Error()
	select {
	case <-to.LeaderCh():
		return time.Since(begin), nil
	case <-time.After(5 * time.Second):
		return 0, errors.New("no new leader within 5s")
	}
}

// bareTransfers measures many transfers of a bare cluster.
func bareTransfers(tb testing.TB, heartbeat time.Duration, rounds int) figure {
	tb.Helper()
	g := bareGroup{bareCluster(tb, tb.TempDir(), heartbeat)}
	f := figure{name: bareName}
	for range rounds {
		took, err := g.transfer(heartbeat)
		f.add(tb, took, err)
	}
	return f
}

// fdatasyncs measures the disk below dir.
func fdatasyncs(tb testing.TB, dir string) []time.Duration {
	tb.Helper()
	f, err := os.Create(filepath.Join(dir, "fdatasync"))
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	block := make([]byte, 4096)
	var took []time.Duration
	for i := range 200 {
		if _, err := f.WriteAt(block, int64(i%16)*4096); err != nil {
			tb.Fatal(err)
		}
		begin := time.Now()
		if err := unix.Fdatasync(int(f.Fd())); err != nil {
			tb.Fatal(err)
		}
		took = append(took, time.Since(begin))
	}
	return took
}
