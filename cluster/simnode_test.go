package cluster

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// closing is how long after its lease has ended a machine may still answer: what
// closes then is a timer of its kernel, and the lease was read a moment before.
const closing = tick + slack

// simNode is one machine: its disk and clock, and the run of perch on it, if any.
type simNode struct {
	sim  *simulation
	cfg  Config
	rate float64 // of its clock
	disk *memory

	run    *simRun
	frozen bool
	wanted bool         // it is meant to be a member
	knew   []string     // the members by what it knew when it last ran
	busy   atomic.Int64 // for how long the daemon takes no notice of ownership, ns

	mu    sync.Mutex // guards what follows
	until time.Time  // the machine answers for the VIPs until then, dead or alive
	term  uint64
	holds bool // as the trace was told
	lost  int  // how often it ceased to

	removing atomic.Int64           // attempts to remove it
	released atomic.Pointer[func()] // called after a release, if there is one
}

// simRun is one life of perch on a machine.
type simRun struct {
	*Node
	port     *simPort
	cancel   context.CancelFunc
	done     chan error
	busy     sync.WaitGroup  // its operator's commands
	operator context.Context // of some of them
	hangUp   func()          // ends it
	dead     bool            // guarded by simNode.mu: it releases nothing any more
}

// clock is the node's boot clock.
func (n *simNode) clock() time.Duration {
	return time.Hour + time.Duration(float64(time.Since(n.sim.start))*n.rate)
}

// at converts a reading of the node's clock to the time of the simulation.
func (n *simNode) at(reading time.Duration) time.Time {
	return n.sim.start.Add(time.Duration(float64(reading-time.Hour) / n.rate))
}

func (n *simNode) boot() {
	ctx, cancel := context.WithCancel(context.Background())
	self, _ := n.cfg.peer(n.cfg.Node)
	run := &simRun{Node: newNode(n.cfg, self), port: n.sim.net.open(n.cfg.Node), cancel: cancel, done: make(chan error, 1)}
	run.store, run.now, run.birth = n.disk, n.clock, string(n.disk.notes[keyBirth])
	run.operator, run.hangUp = context.WithCancel(context.Background())
	run.ask, run.port.who = run.port.ask, run.at
	run.beQuiet(n.cfg.grantLength())
	n.mu.Lock()
	n.run, n.until, n.holds = run, time.Time{}, false // a new run closes what a dead one left open
	n.mu.Unlock()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return run.runRaft(ctx, g, run.port) })
	g.Go(func() error { return run.port.parley(ctx, run.Node) })
	g.Go(func() error { n.hold(ctx, run); return nil })
	go func() { run.done <- g.Wait() }()
	n.sim.note("%s boots, H = %s, clock at %.3f", n.cfg.Node, n.cfg.Heartbeat, n.rate)
}

// hold does what the daemon does: it follows ownership.
func (n *simNode) hold(ctx context.Context, run *simRun) {
	for ctx.Err() == nil {
		own := n.evaluate(run)
		wait := 20 * ms
		if left := own.Until - run.now(); own.Until > 0 {
			wait = max(min(wait, left), 100*time.Microsecond)
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-run.Changed():
		case <-timer.C:
		}
		timer.Stop()
		time.Sleep(time.Duration(n.busy.Swap(0)))
	}
}

// evaluate asks for ownership, and checks the answer against the whole cluster.
func (n *simNode) evaluate(run *simRun) Ownership {
	n.mu.Lock()
	defer n.mu.Unlock()
	acked := n.sim.acknowledged()
	own := run.Ownership()
	if run.dead {
		return own
	}
	until := time.Time{}
	if own.Leads(run.now()) {
		until = n.at(own.Until).Add(closing + n.cfg.Linger*9/10) // what is told has a margin
	}
	n.until, n.term = until, own.Term
	if now := !until.IsZero(); now != n.holds {
		n.holds = now
		if !now {
			n.lost++
		}
		n.sim.note("%s holds: %t (term %d)", n.cfg.Node, now, own.Term)
		if now {
			n.sim.recalled(run, own.Term, acked)
		}
	}
	if !until.IsZero() {
		n.sim.compare(n)
	}
	return own
}

func (n *simNode) release() error {
	if then := n.released.Load(); then != nil {
		defer (*then)() // last: without the lock
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.run.dead {
		return errors.New("dead")
	}
	if n.until.After(time.Now()) {
		n.sim.note("%s releases", n.cfg.Node)
	}
	n.until, n.holds = time.Time{}, false
	return nil
}

// kill ends the run at once. The machine goes on answering until its lease ends.
func (n *simNode) kill() {
	if n.run == nil {
		return
	}
	n.mu.Lock()
	n.run.dead = true
	n.mu.Unlock()
	n.sim.note("%s is killed", n.cfg.Node)
	n.knew, _ = n.known()
	n.run.hangUp()
	n.run.port.die()
	n.run.busy.Wait() // nobody hears of it: the library leaves a hand-over unanswered that it ends in
	n.run.cancel()
	if err := <-n.run.done; err != nil {
		n.sim.t.Error(err)
	}
	if n.sim.all != nil {
		n.cfg.Peers = n.sim.all // the operator has come by
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.run = nil
}
