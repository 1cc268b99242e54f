package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/raft"

	"github.com/perch-vip/perch/cluster/state"
)

// Errors of Transfer.
var (
	ErrNotLeader    = errors.New("this node does not lead the cluster")
	ErrTransferring = errors.New("another hand-over is under way")
	ErrNoSuccessor  = errors.New("no other node can take over now")
	// ErrGivenUp is returned when the target did not win in time. If it was told, the
	// old leader stands for the next term, and holds again when it wins.
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
	if err := n.awaitCandidate(r, to); err != nil {
		return "", err
	}
	plan := state.Plan{Term: term, From: n.cfg.Node, Reason: reason}
	index, err := n.apply(state.Command{Plan: &plan}, n.commitLimit())
	if err != nil {
		n.withdraw(plan) // it may still be committed
		return "", err
	}
	target, err := n.awaitSuccessor(r, to, index)
	if err != nil {
		n.withdraw(plan)
		return "", err
	}
	address := raft.ServerAddress(target.Address.String())
	n.openHandOver(term)
	err = waitFuture(r.LeadershipTransferToServer(raft.ServerID(target.Name), address), 2*n.cfg.Heartbeat)
	told := n.closeHandOver()
	switch {
	case !n.leads(term):
		return target.Name, n.awaitLeader(r, target.Name)
	case told: // regain stands for the next term
		signal(n.gaveUp)
	default:
		n.withdraw(plan)
	}
	return "", fmt.Errorf("%w: %s did not take over (%w)", ErrGivenUp, target.Name, err)
}

// awaitCandidate waits for a peer that could take over: one that has just come
// back is in contact a moment later.
func (n *Node) awaitCandidate(r *raft.Raft, to string) error {
	deadline := n.now() + 2*n.cfg.Heartbeat
	for {
		_, err := n.successor(r, to)
		if err == nil || n.now() > deadline {
			return err
		}
		time.Sleep(n.cfg.Heartbeat / 20)
	}
}

// awaitSuccessor returns the peer to hand over to once it has acknowledged the
// log up to index, which also proves that it is alive. When the best one does not
// answer in time the next best takes its place, unless it was named.
func (n *Node) awaitSuccessor(r *raft.Raft, to string, index uint64) (Peer, error) {
	deadline := n.now() + n.cfg.Heartbeat/2
	for {
		candidates := n.candidates(r, to)
		if len(candidates) == 0 {
			_, err := n.successor(r, to)
			return Peer{}, err
		}
		ready := func(p Peer) bool { return n.contact(p.Name).match >= index }
		if ready(candidates[0]) {
			return candidates[0], nil
		}
		if n.now() < deadline {
			time.Sleep(200 * time.Microsecond)
			continue
		}
		if i := slices.IndexFunc(candidates, ready); i >= 0 {
			return candidates[i], nil
		}
		return Peer{}, fmt.Errorf("%w: %s does not answer", ErrNoSuccessor, candidates[0].Name)
	}
}

// handOver is the state of the hand-over under way, or of the last one.
type handOver struct {
	open     bool   // Transfer still waits for it
	term     uint64 // in which this node leads and hands over
	yielding bool   // the VIPs are being released for it
	gaveWay  uint64 // the newest term in which a peer may have been told to take over
}

// bars tells whether a leader of term may not hold because of a hand-over.
func (h handOver) bars(term uint64) bool { return h.yielding || h.gaveWay >= term }

// yield releases the VIPs and then lets send tell the target to take over in the
// term after this one. This node never holds in its term again: the word that it
// has released may reach a voter at any time. The library may call late: what
// Transfer no longer waits for is not sent.
func (n *Node) yield(send func(call) error) error {
	r := n.raft.Load()
	if r == nil {
		return ErrNotRunning
	}
	term := r.CurrentTerm()
	if !n.leads(term) || !n.beginYield(term) {
		return ErrGivenUp
	}
	if err := n.letGo(); err != nil {
		n.cancelYield()
		return fmt.Errorf("release before hand-over: %w", err)
	}
	c, ok := n.commitYield(term)
	if !ok {
		n.cancelYield()
		return ErrGivenUp
	}
	return send(c)
}

func (n *Node) beginYield(term uint64) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.moving.open || n.moving.yielding || n.moving.term != term {
		return false // of another term: somebody else may lead already
	}
	n.moving.yielding = true
	return true
}

// cancelYield lets this node hold again: nobody was told.
func (n *Node) cancelYield() {
	defer n.notify()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.moving.yielding = false
}

// commitYield tells whether the target is to be told, and what.
func (n *Node) commitYield(term uint64) (c call, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.moving.open {
		return call{}, false
	}
	n.moving.yielding, n.moving.gaveWay = false, term
	n.grants.released(term)
	return call{term: term, clear: n.settledIn(term)}, true
}

func (n *Node) openHandOver(term uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.moving.open, n.moving.term = true, term
}

// closeHandOver ends the hand-over under way. It returns whether the target may
// have been told; if not it never is.
func (n *Node) closeHandOver() (told bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.moving.open = false
	return n.moving.gaveWay == n.moving.term
}

// regain makes this node a candidate for the next term whenever it gave way to a
// peer that did not take over, with the right that it gave to the peer: whoever of
// the two gets a majority owns. It runs until ctx ends.
func (n *Node) regain(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.gaveUp:
		}
		for term, left := n.leftOver(); left && ctx.Err() == nil; term, left = n.leftOver() {
			n.stand(term)
			pause(ctx, time.Millisecond)
		}
	}
}

// leftOver tells whether this node leads a term in which it gave way for nothing.
func (n *Node) leftOver() (term uint64, left bool) {
	n.mu.Lock()
	moving := n.moving
	n.mu.Unlock()
	return moving.gaveWay, !moving.open && moving.gaveWay > 0 && n.leads(moving.gaveWay)
}

// stand tells the library to take over in the term after the given one, unless it
// is busy: it might lose leadership with what it is busy with.
func (n *Node) stand(term uint64) {
	n.mu.Lock()
	n.called = max(n.called, term)
	if n.settledIn(term) {
		n.lingering.cleared = max(n.lingering.cleared, term)
	}
	n.mu.Unlock()
	call := raft.RPC{
		Command:  &raft.TimeoutNowRequest{RPCHeader: raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax}},
		RespChan: make(chan raft.RPCResponse, 1),
	}
	select {
	case n.requests <- call:
	default:
	}
}

// withdraw has a plan taken back that came to nothing, so that it does not explain a
// later failure.
func (n *Node) withdraw(plan state.Plan) {
	plan.Reason = ""
	select {
	case n.revoked <- plan:
	default: // one of this term is to be taken back already, and a term has one plan at a time
	}
}

// revoke takes back plans that came to nothing, as long as this node leads the terms
// that they are of, until ctx ends. The VIPs never moved: should it not work the
// history is a little wrong, no more.
func (n *Node) revoke(ctx context.Context) {
	for {
		var plan state.Plan
		select {
		case <-ctx.Done():
			return
		case plan = <-n.revoked:
		}
		for ctx.Err() == nil && n.leads(plan.Term) {
			_, err := n.apply(state.Command{Plan: &plan}, n.commitLimit())
			if err == nil {
				break
			}
			n.cfg.Log.Warn("withdrawing a planned hand-over", "error", err)
			pause(ctx, n.cfg.Heartbeat)
		}
	}
}

// candidates returns the peers that could be handed over to now, best first: the
// named one, or any.
func (n *Node) candidates(r *raft.Raft, to string) []Peer {
	voting := voters(r)
	return slices.DeleteFunc(n.preference(), func(p Peer) bool {
		return p.Name == n.cfg.Node || (to != "" && p.Name != to) || n.obstacle(p, voting, r.LastIndex()) != ""
	})
}

// successor returns the best candidate, or says why there is none.
func (n *Node) successor(r *raft.Raft, to string) (Peer, error) {
	if candidates := n.candidates(r, to); len(candidates) > 0 {
		return candidates[0], nil
	}
	peer, known := n.peer(to)
	switch {
	case to == n.cfg.Node:
		return Peer{}, fmt.Errorf("%w: %s leads already", ErrNoSuccessor, to)
	case known:
		return Peer{}, fmt.Errorf("%w: %s %s", ErrNoSuccessor, to, n.obstacle(peer, voters(r), r.LastIndex()))
	case to != "":
		return Peer{}, fmt.Errorf("%w: %s is not a node of this cluster", ErrNoSuccessor, to)
	default:
		return Peer{}, n.nobody(r)
	}
}

// nobody says of each peer why it cannot take over now.
func (n *Node) nobody(r *raft.Raft) error {
	var why []string
	voting := voters(r)
	for _, p := range n.preference() {
		if p.Name == n.cfg.Node {
			continue
		}
		why = append(why, p.Name+" "+cmp.Or(n.obstacle(p, voting, r.LastIndex()), "could not a moment ago"))
	}
	if len(why) == 0 {
		return fmt.Errorf("%w: this cluster has no other", ErrNoSuccessor)
	}
	return fmt.Errorf("%w: %s", ErrNoSuccessor, strings.Join(why, ", "))
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

// Better returns the node of the highest priority above this one's that could take
// over now, or "". Only a leader knows one.
func (n *Node) Better() string {
	r := n.raft.Load()
	if r == nil || r.State() != raft.Leader {
		return ""
	}
	self, _ := n.peer(n.cfg.Node)
	candidates := n.candidates(r, "")
	if len(candidates) == 0 || candidates[0].Priority <= self.Priority {
		return ""
	}
	return candidates[0].Name
}
