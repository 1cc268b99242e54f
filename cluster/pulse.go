package cluster

import (
	"context"
	"errors"
	"time"

	"github.com/hashicorp/raft"
)

// A leader whose disk hangs goes on sending heartbeats, beside its main loop: it
// would hold the VIPs and could neither be drained nor step down. So the main loop
// is asked for a sign of life, and without one the leader lets go and falls silent,
// so that another one is elected.

// errHung is why a leader sends nothing to its followers.
var errHung = errors.New("the main loop of raft hangs")

// pulse asks the library's main loop for signs of life whenever somebody wants one,
// until ctx ends.
func (n *Node) pulse(ctx context.Context) {
	request, answers := nudge()
	asked := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.feel:
		}
		if asked {
			select {
			case <-answers:
			default: // not yet: the same is not asked again
				request, answers = nudge()
			}
		}
		asked = true
		n.mu.Lock()
		n.nudged = n.now()
		n.mu.Unlock()
		begun := n.votes.begun.Load() // before the main loop takes the request
		select {
		case <-ctx.Done():
			return
		case n.requests <- request:
		}
		n.votes.done.Store(begun)
		n.mu.Lock()
		n.alive, n.nudged = n.now(), 0
		waiting := n.waiting
		n.mu.Unlock()
		if waiting {
			n.notify()
		}
	}
}

// nudge is a request of no term, which the library answers without doing anything.
func nudge() (raft.RPC, <-chan raft.RPCResponse) {
	answers := make(chan raft.RPCResponse, 1)
	return raft.RPC{
		Command:  &raft.AppendEntriesRequest{RPCHeader: raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax}},
		RespChan: answers,
	}, answers
}

// lively tells whether the main loop of this node, the leader of term, takes what it is
// asked, and wants another sign of life soon. One that was asked for long ago and not
// given tells of a loop that hangs; that nobody has asked tells nothing. The caller
// holds mu.
func (n *Node) lively(term uint64) bool {
	n.began(term)
	now := n.now()
	if n.nudged == 0 {
		if now-n.alive > n.cfg.Heartbeat/8 {
			signal(n.feel)
		}
		return true
	}
	return now-n.nudged <= n.cfg.Heartbeat*3/4
}

// began returns when this node was first seen to lead term. Its main loop was alive
// then. The caller holds mu.
func (n *Node) began(term uint64) time.Duration {
	if n.leadsIn != term {
		now := n.now()
		n.leadsIn, n.ledSince, n.alive = term, now, now
	}
	return n.ledSince
}

// hangs tells whether this node leads term and its main loop hangs.
func (n *Node) hangs(term uint64) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.leadsIn == term && !n.lively(term)
}

// FallSilent has this node send nothing more as a leader, ask for no vote and take over from
// nobody, though it goes on running: the others elect another one meanwhile, for which it may
// vote. It waits for nobody, and is for a daemon that cannot end in order.
func (n *Node) FallSilent() { n.hushed.Store(true) }

// mayStand tells why this node may not ask for votes.
func (n *Node) mayStand() error {
	switch {
	case n.hushed.Load():
		return ErrNotRunning
	case !n.member.Load():
		return errNewcomer
	}
	return nil
}
