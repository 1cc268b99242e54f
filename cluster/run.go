package cluster

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/hashicorp/raft"
	"golang.org/x/sync/errgroup"
)

// Run takes part in the cluster until ctx ends, or the disk fails. It closes
// the store. It neither hands over nor releases first.
func (n *Node) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return n.port.serve(ctx) })
	g.Go(func() error { return n.parley(ctx) })
	g.Go(func() error { n.warm.follow(ctx, n.port.names); return nil })
	stream := &stream{queue: n.port.raft, port: n.port, warm: n.warm, who: n.at}
	g.Go(func() error { return n.runRaft(ctx, g, stream) })
	defer n.port.api.Close() // after the error that ended Run, which its listener must not hide
	return g.Wait()
}

// runRaft starts the library on a network, and stops it when ctx ends.
func (n *Node) runRaft(ctx context.Context, g *errgroup.Group, network raft.StreamLayer) error {
	trans := newTransport(n, network, raftLogger(n.cfg.Log))
	r, err := n.startRaft(ctx, trans)
	if ctx.Err() != nil && err != nil {
		err = nil // stopped before it took part
	}
	if r == nil {
		return errors.Join(err, trans.Close(), n.store.Close())
	}
	n.raft.Store(r)
	n.readied()
	relaying, stopRelay := context.WithCancel(ctx)
	defer stopRelay()
	relayed := make(chan struct{})
	g.Go(func() error { defer close(relayed); trans.relay(relaying); return nil })
	g.Go(func() error { return n.seek(ctx) })
	g.Go(func() error { n.wake(ctx, r); return nil })
	go n.store.watch(ctx)
	g.Go(func() error { n.regain(ctx); return nil })
	g.Go(func() error { n.revoke(ctx); return nil })
	g.Go(func() error { n.pulse(ctx); return nil })
	g.Go(func() error { n.declare(ctx); return nil })
	g.Go(func() error { n.watchLeadership(ctx, r, trans); return nil })
	n.notify()

	select {
	case <-ctx.Done():
	case err = <-n.fatal:
	}
	n.raft.Store(nil)
	n.notify()
	stopped := waitFuture(r.Shutdown(), shutdownLimit)
	if stopped != nil {
		n.cfg.Log.Warn("stopping raft", "error", stopped)
	}
	trans.CloseStreams()
	closed := trans.Close()
	stopRelay()
	<-relayed
	close(n.over)
	if stopped == nil { // else raft may still use it, and owe answers
		n.answers.Wait()
		closed = errors.Join(closed, n.store.Close())
	}
	return errors.Join(err, closed)
}

// startRaft starts the library, as soon as it is known how this node begins.
func (n *Node) startRaft(ctx context.Context, trans raft.Transport) (*raft.Raft, error) {
	rc := n.cfg.raftConfig()
	if err := n.begin(ctx, rc, trans); err != nil {
		return nil, err
	}
	loose := n.reloadable(raft.ReloadableConfig{})
	rc.HeartbeatTimeout, rc.ElectionTimeout = loose.HeartbeatTimeout, loose.ElectionTimeout
	var r *raft.Raft
	err := careful(func() (err error) { // it panics where it cannot read the log
		memory := heralding{n.store, &n.votes}
		r, err = raft.NewRaft(rc, n.fsm, memory, n.store, memory, trans)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("start raft of cluster %s: %w", n.cfg.Name, err)
	}
	n.store.begin()
	return r, nil
}

// watchLeadership turns the library's channel into a signal. The channel may
// swallow a change, so its value is not used, and it tells of the loss of
// leadership only after a write to disk: an observer of the state tells before.
func (n *Node) watchLeadership(ctx context.Context, r *raft.Raft, trans *transport) {
	var beats sync.WaitGroup
	defer beats.Wait()
	states := make(chan raft.Observation, 1)
	observer := raft.NewObserver(states, false, func(o *raft.Observation) bool {
		n.elections.note(o.Data)
		_, isState := o.Data.(raft.RaftState)
		return isState
	})
	r.RegisterObserver(observer)
	defer r.DeregisterObserver(observer)
	for {
		select {
		case <-ctx.Done():
			return
		case <-states:
			n.moment("state " + r.State().String())
			n.notify()
			continue
		case <-r.LeaderCh():
			n.moment("leaderch")
			n.notify()
		}
		if term := r.CurrentTerm(); r.State() == raft.Leader && !n.granted(r, term) {
			for _, peer := range n.members() {
				beats.Go(func() { trans.beat(peer, term) })
			}
		}
	}
}
