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

// Move is a planned move of the VIPs to another node.
type Move struct {
	// To names the nodes that may take over, best first; empty for any, by priority.
	To     []string
	Reason string // for the history
	Cause  string // likewise, see state.Plan
}

// Transfer hands leadership to the best peer of those that m allows and that are in
// contact. The VIPs are released in between. Only the leader can. It returns the new
// leader's name when that one has won.
func (n *Node) Transfer(m Move) (string, error) {
	if !n.transferring.TryLock() {
		return "", ErrTransferring
	}
	defer n.transferring.Unlock()
	r := n.raft.Load()
	if r == nil || r.State() != raft.Leader {
		return "", ErrNotLeader
	}
	n.moment("hand-over asked for")
	term := r.CurrentTerm()
	if err := n.awaitCandidate(r, m.To); err != nil {
		return "", err
	}
	plan := state.Plan{Term: term, From: n.cfg.Node, Reason: m.Reason, Cause: m.Cause}
	index, err := n.apply(state.Command{Plan: &plan}, n.commitLimit())
	if err != nil {
		n.withdraw(plan) // it may still be committed
		return "", err
	}
	n.moment("plan committed")
	target, err := n.awaitSuccessor(r, m.To, index)
	if err != nil {
		n.withdraw(plan)
		return "", err
	}
	n.moment("successor has the log")
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
func (n *Node) awaitCandidate(r *raft.Raft, to []string) error {
	deadline := n.now() + 2*n.cfg.Heartbeat
	for len(n.candidates(r, to)) == 0 {
		if n.now() > deadline {
			return n.nobody(r, to)
		}
		time.Sleep(n.cfg.Heartbeat / 20)
	}
	return nil
}

// awaitSuccessor returns the peer to hand over to once it has acknowledged the
// log up to index, which also proves that it is alive. When the best one does not
// answer in time the next best takes its place.
func (n *Node) awaitSuccessor(r *raft.Raft, to []string, index uint64) (Peer, error) {
	deadline := n.now() + n.cfg.Heartbeat/2
	for {
		candidates := n.candidates(r, to)
		if len(candidates) == 0 {
			return Peer{}, n.nobody(r, to)
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
	n.moment("release begins")
	if err := n.letGo(); err != nil {
		n.cancelYield()
		return fmt.Errorf("release before hand-over: %w", err)
	}
	c, ok := n.commitYield(term)
	if !ok {
		n.cancelYield()
		return ErrGivenUp
	}
	n.moment("released")
	defer n.moment("told")
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

// Candidates returns the names of the peers that could take over now, best first by
// priority. Only a leader knows any.
func (n *Node) Candidates() []string {
	r := n.raft.Load()
	if r == nil || r.State() != raft.Leader {
		return nil
	}
	var names []string
	for _, p := range n.candidates(r, nil) {
		names = append(names, p.Name)
	}
	return names
}

// candidates returns those of the named peers that could be handed over to now, in
// the order of their names in to, or of any peer by preference.
func (n *Node) candidates(r *raft.Raft, to []string) []Peer {
	var able []Peer
	voting := voters(r)
	for _, name := range n.allowed(to) {
		p, known := n.peer(name)
		if known && name != n.cfg.Node && n.obstacle(p, voting, r.LastIndex()) == "" {
			able = append(able, p)
		}
	}
	return able
}

// allowed returns the names of those that a move may go to, which are all peers if it
// names none.
func (n *Node) allowed(to []string) []string {
	if len(to) > 0 {
		return to
	}
	var names []string
	for _, p := range n.preference() {
		if p.Name != n.cfg.Node {
			names = append(names, p.Name)
		}
	}
	return names
}

// nobody says of each node that a move may go to why it cannot take over now.
func (n *Node) nobody(r *raft.Raft, to []string) error {
	var why []string
	voting := voters(r)
	for _, name := range n.allowed(to) {
		p, known := n.peer(name)
		switch {
		case name == n.cfg.Node:
			why = append(why, name+" leads already")
		case !known:
			why = append(why, name+" is not a node of this cluster")
		default:
			why = append(why, name+" "+cmp.Or(n.obstacle(p, voting, r.LastIndex()), "could not a moment ago"))
		}
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
