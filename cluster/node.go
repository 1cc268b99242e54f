package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"github.com/perch-vip/perch/cluster/state"
)

// ErrNotRunning is returned by operations on a Node before Run has started raft
// or after it has ended.
var ErrNotRunning = errors.New("the cluster is not running yet on this node")

// shutdownLimit bounds the wait for raft's goroutines at the end.
const shutdownLimit = 2 * time.Second

// Node is this machine's part in the cluster.
type Node struct {
	cfg        Config
	self       Peer
	store      storage
	fsm        *fsm
	port       *port
	warm       *warm
	now        func() time.Duration // boot clock
	raft       atomic.Pointer[raft.Raft]
	changed    chan struct{}
	longer     chan struct{} // a signal that the lease has become longer
	remembered chan struct{} // a signal that the cluster may remember something else
	ready      chan struct{} // closed when this node has begun
	readied    func()        // closes ready, once
	fatal      chan error
	entry

	requests   chan raft.RPC // for the library, from relay
	answers    sync.WaitGroup
	errands    chan errand                // for those of answers that are free
	spare      chan chan raft.RPCResponse // for newAnswers
	over       chan struct{}              // closed when the library has ended
	granting   []byte                     // the header of an answer that grants
	taken      []byte                     // and of one that does not
	votes      electorate
	releasing  chan struct{}   // a lock: one release at a time
	gaveUp     chan struct{}   // a signal for regain
	revoked    chan state.Plan // for revoke
	feel       chan struct{}   // a signal for pulse
	undeclared chan struct{}   // a signal for declare

	poll        poll
	elections   elections
	punctuality punctuality
	hushed      atomic.Bool // it sends nothing more, see FallSilent

	transferring sync.Mutex
	changing     sync.Mutex // held while this node, as the leader, changes the membership

	mu        sync.Mutex // guards what follows
	lease     lease
	grants    grants
	called    uint64 // the newest term in which this node was told to take over
	given     uint64 // counts the Ownership given
	released  uint64 // how much of it was released: less means that VIPs may be held
	contacts  map[string]contact
	moving    handOver
	lingering lingering
	words     words         // of those who have led
	waiting   bool          // this node leads and waits for its lease
	ends      end           // of the lease, as it was last evaluated
	recalled  uint64        // the term as whose leader this node knew all that it has in its log
	alive     time.Duration // when the library's main loop last gave a sign of life
	nudged    time.Duration // when it was asked for one that it has not given yet; 0 for none
	leadsIn   uint64        // the term in which this node was last seen to lead
	ledSince  time.Duration // when it was first seen to lead that term
	changedAt time.Duration // when this node last changed the membership
}

// contact is what a leader knows of a follower from its answers.
type contact struct {
	term  uint64        // in which this node leads; what it knew in an older one is void
	sent  time.Duration // when the newest answered request was sent
	lost  bool          // the newest request failed
	grant time.Duration // how long its grants last, 0 if it did not say
	match uint64        // the newest log entry the follower is known to have
}

// Open checks the configuration, opens the store and binds the cluster port. It
// starts nothing; call Run, and nothing else if Run is never called but Close.
func Open(cfg Config) (*Node, error) {
	self, ok := cfg.peer(cfg.Node)
	if !ok {
		return nil, fmt.Errorf("open cluster %s: this node, %q, is not one of its peers", cfg.Name, cfg.Node)
	}
	n := newNode(cfg, self)
	n.port = newPort(cfg, self, n.peers)
	n.warm = newWarm(func(ctx context.Context, peer string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, cfg.rpcTimeout())
		defer cancel()
		return n.port.dial(ctx, protocolRaft, peer)
	})
	n.port.arrived = n.warm.arrived
	if err := n.port.listen(); err != nil {
		return nil, err
	}
	if err := n.openStore(); err != nil {
		return nil, errors.Join(err, n.port.Close())
	}
	return n, nil
}

// openStore opens the store, which must be this node's.
func (n *Node) openStore() error {
	store, err := openStore(n.cfg.Dir, raftLogger(n.cfg.Log), n.fail)
	if err != nil {
		return err
	}
	err = store.belongTo(n.cfg.Name, n.cfg.Node)
	quiet, grantErr := store.longestGrant(n.cfg.grantLength())
	birth, birthErr := store.bornAs()
	if err = errors.Join(err, grantErr, birthErr); err != nil {
		return errors.Join(err, store.Close())
	}
	store.stalls.allow(n.cfg.Heartbeat)
	n.birth = birth
	n.store = store
	n.beQuiet(quiet)
	return nil
}

// newNode makes a node that has neither a disk nor a network yet.
func newNode(cfg Config, self Peer) *Node {
	n := &Node{
		cfg:        cfg,
		self:       self,
		now:        bootTime,
		changed:    make(chan struct{}, 1),
		longer:     make(chan struct{}, 1),
		remembered: make(chan struct{}, 1),
		ready:      make(chan struct{}),
		entry:      entry{seeking: make(chan struct{}, 1), callers: callers{came: make(chan struct{}, 1)}},
		fatal:      make(chan error, 1),
		requests:   make(chan raft.RPC),
		errands:    make(chan errand),
		spare:      make(chan chan raft.RPCResponse, maxSpare),
		over:       make(chan struct{}),
		granting:   marked(markGrant, cfg.grantLength()),
		taken:      marked(markTaken, cfg.grantLength()),
		releasing:  make(chan struct{}, 1),
		gaveUp:     make(chan struct{}, 1),
		revoked:    make(chan state.Plan, 1),
		feel:       make(chan struct{}, 1),
		undeclared: make(chan struct{}, 1),
		contacts:   make(map[string]contact),
	}
	n.fsm = &fsm{
		changed: func() {
			n.notify()
			signal(n.remembered)
		},
		skipped: tellOfNewer(cfg.Log),
	}
	n.ask = n.askPort
	n.readied = sync.OnceFunc(func() { close(n.ready) })
	return n
}

// tellOfNewer returns what logs, once, that an entry of the log was skipped: what came of it at
// nodes of newer versions is not known here, nor in the snapshots that are taken here.
func tellOfNewer(log *slog.Logger) func(index uint64) {
	var once sync.Once
	return func(index uint64) {
		once.Do(func() {
			log.Warn("an entry of the log was skipped that only a newer perch knows: install that version here, too", "index", index)
		})
	}
}

// beQuiet lets a node that starts grant nothing for a while, the length of the
// longest grant that an earlier run may have given: nobody knows to whom.
func (n *Node) beQuiet(length time.Duration) { n.grants.until = n.now() + length }

// Close closes a node that was opened but never run.
func (n *Node) Close() error { return errors.Join(n.port.Close(), n.store.Close()) }

// end ends ownership and makes Run return err.
func (n *Node) end(err error) {
	n.raft.Store(nil)
	select {
	case n.fatal <- err:
	default:
	}
	n.notify()
}

// fail is end for a goroutine that may wait until the VIPs are released.
func (n *Node) fail(err error) {
	n.end(err)
	if err := n.cfg.Release(); err != nil {
		n.cfg.Log.Error("releasing because of the disk", "error", err)
	}
}

// Ready is closed once this node takes part in the cluster, or waits to: its data
// directory was read and found good.
func (n *Node) Ready() <-chan struct{} { return n.ready }

// Changed signals that Ownership, View or State may have changed. Signals
// coalesce; there is one receiver.
func (n *Node) Changed() <-chan struct{} { return n.changed }

// Extended signals, a few times a lease, that the lease has become longer. Signals
// coalesce; there is one receiver.
func (n *Node) Extended() <-chan struct{} { return n.longer }

func (n *Node) notify() { signal(n.changed) }

// signal puts a signal into a channel of capacity one, unless it has one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// State returns a copy of what the cluster remembers, as far as this node knows.
func (n *Node) State() state.State { return n.fsm.read() }

// Drained tells whether the cluster remembers the node as drained.
func (n *Node) Drained(node string) bool {
	n.fsm.mu.Lock()
	defer n.fsm.mu.Unlock()
	return n.fsm.state.IsDrained(node)
}

// PeerListener yields the peers' connections to the peer API.
func (n *Node) PeerListener() net.Listener { return n.port.api }

// DialPeer connects to the peer API of a node.
func (n *Node) DialPeer(ctx context.Context, node string) (net.Conn, error) {
	return n.port.dial(ctx, protocolAPI, node)
}

// Refused counts the connections to the cluster port that were turned away.
func (n *Node) Refused() uint64 { return n.port.refused.Load() }

// preference returns the peers, the one that should own first.
func (n *Node) preference() []Peer {
	return byPreference(n.members(), n.Drained, n.cfg.sick)
}

// apply commits a command within limit and returns the index of its log entry.
// Only a leader can.
func (n *Node) apply(c state.Command, limit time.Duration) (uint64, error) {
	r := n.raft.Load()
	if r == nil {
		return 0, ErrNotRunning
	}
	entry, err := state.Encode(c)
	if err != nil {
		return 0, err
	}
	future := r.Apply(entry, limit)
	switch err := waitFuture(future, limit); {
	case errors.Is(err, errLimit), errors.Is(err, raft.ErrLeadershipLost):
		return 0, fmt.Errorf("commit to the cluster: %w; it may still take effect", err)
	case err != nil:
		return 0, fmt.Errorf("commit to the cluster: %w", err)
	}
	if err, ok := future.Response().(error); ok && err != nil {
		return 0, err
	}
	return future.Index(), nil
}

// errLimit is what a future that takes too long is given up with.
var errLimit = errors.New("no answer in time")

// waitFuture waits for a future of the library, but not for ever: some never
// end when a goroutine of the library is stuck.
func waitFuture(future raft.Future, limit time.Duration) error {
	done := make(chan error, 1)
	go func() { done <- future.Error() }()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-timer.C:
		return fmt.Errorf("%w (%s)", errLimit, limit)
	}
}
