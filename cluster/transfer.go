package cluster

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/raft"

	"github.com/perch-vip/perch/cluster/state"
)

// Errors of Transfer.
var (
	ErrNotLeader    = errors.New("this node does not lead the cluster")
	ErrTransferring = errors.New("another hand-over is under way")
	ErrNoSuccessor  = errors.New("no other node can take over now")
	// ErrGivenUp is returned when the target did not win in time; the old leader
	// holds again if it still leads.
	ErrGivenUp = errors.New("hand-over given up")
)

// Transfer hands leadership to a peer, "" being the best one that is in contact.
// The VIPs are released in between. Only the leader can. It returns the new
// leader's name when that one has won.
func (n *Node) Transfer(to, reason string) (string, error) {
	if !n.transferring.TryLock() {
		return "", ErrTransferring
	}
	defer n.transferring.Unlock()
	r := n.raft.Load()
	if r == nil || r.State() != raft.Leader {
		return "", ErrNotLeader
	}
	term := r.CurrentTerm()
	target, err := n.successor(r, to)
	if err != nil {
		return "", err
	}
	plan := state.Plan{Term: term, From: n.cfg.Node, Reason: reason}
	if err := n.apply(state.Command{Plan: &plan}, n.commitLimit()); err != nil {
		return "", err
	}
	// The plan's entry is committed but perhaps not by the target: the library
	// brings it up to date before it sends TimeoutNow.
	server := raft.ServerAddress(target.Address.String())
	err = waitFuture(r.LeadershipTransferToServer(raft.ServerID(target.Name), server), 2*n.cfg.Heartbeat)
	if !n.leads(term) {
		return target.Name, n.awaitLeader(r, target.Name)
	}
	n.resume()
	return "", fmt.Errorf("%w: %s did not take over within %s (%w)", ErrGivenUp, target.Name, 2*n.cfg.Heartbeat, err)
}

// yield releases the VIPs; this node holds nothing from here on until resume or
// a new term.
func (n *Node) yield() error {
	r := n.raft.Load()
	if r == nil {
		return ErrNotRunning
	}
	n.mu.Lock()
	n.yielded = r.CurrentTerm()
	n.mu.Unlock()
	if err := n.cfg.Release(); err != nil {
		return fmt.Errorf("release before hand-over: %w", err)
	}
	return nil
}

// resume lets this node hold again after a hand-over that did not happen. Only
// answers to requests sent from now on count for its lease: a voter that has
// meanwhile gone over to the target gives none.
func (n *Node) resume() {
	n.mu.Lock()
	n.yielded = 0
	n.lease.restart(n.now())
	n.mu.Unlock()
	n.notify()
}

// successor returns the peer to hand over to. It must be in contact and have
// the whole log, else it could not win.
func (n *Node) successor(r *raft.Raft, to string) (Peer, error) {
	voting := voters(r)
	for _, p := range n.preference() {
		if p.Name == n.cfg.Node || (to != "" && p.Name != to) {
			continue
		}
		obstacle := n.obstacle(p, voting, r.LastIndex())
		if obstacle == "" {
			return p, nil
		}
		if to != "" {
			return Peer{}, fmt.Errorf("%w: %s %s", ErrNoSuccessor, p.Name, obstacle)
		}
	}
	switch {
	case to == n.cfg.Node:
		return Peer{}, fmt.Errorf("%w: %s leads already", ErrNoSuccessor, to)
	case to != "":
		return Peer{}, fmt.Errorf("%w: %s is not a node of this cluster", ErrNoSuccessor, to)
	default:
		return Peer{}, ErrNoSuccessor
	}
}

// obstacle says why p cannot take over now, or "".
func (n *Node) obstacle(p Peer, voting []string, lastIndex uint64) string {
	c := n.contact(p.Name)
	switch {
	case p.Witness:
		return "is a witness"
	case n.Drained(p.Name):
		return "is drained"
	case !slices.Contains(voting, p.Name):
		return "has no vote"
	case c.lost || n.now()-c.sent > n.cfg.Heartbeat/2:
		return "is not in contact"
	case c.match+maxBehind < lastIndex:
		return "is still catching up with the log"
	}
	return ""
}

// maxBehind is how many entries a target may lack: they are sent to it in one
// request before it is told to take over.
const maxBehind = 32

// awaitLeader waits until a leader is known after this node has stepped down,
// and returns an error when it is not the wanted one.
func (n *Node) awaitLeader(r *raft.Raft, want string) error {
	deadline := time.Now().Add(4 * n.cfg.Heartbeat)
	for time.Now().Before(deadline) {
		_, leader := r.LeaderWithID()
		switch string(leader) {
		case want:
			return nil
		case "":
			time.Sleep(time.Millisecond)
		default:
			return fmt.Errorf("hand-over to %s: %s won the election instead", want, leader)
		}
	}
	return fmt.Errorf("hand-over to %s: no new leader within %s", want, 4*n.cfg.Heartbeat)
}
