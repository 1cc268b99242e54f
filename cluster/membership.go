package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/hashicorp/raft"
)

// The membership changes by one node at a time: majorities before and after have a
// node in common, whose grant runs to one leader only. Two changes in a row would not
// do: the grants to an old leader that does not know of either must have ended before
// the second. So a leader waits before each change for as long as any grant lasts.

// Errors of changes of the membership.
var (
	ErrChanging  = errors.New("another change of the membership is under way")
	ErrNotMember = errors.New("not a member of the cluster")
)

const (
	// admitLimit bounds one admission: two or three changes, and catching up between.
	admitLimit = 60 * time.Second
	// applyPause lies between two attempts of a newcomer to be admitted.
	applyPause = time.Second
)

// admit makes a node a voter, and returns the index of the entry that says so. Only
// the leader can. One that is a member already has lost its data directory: it is
// removed and added anew, for it no longer knows its votes.
func (n *Node) admit(ctx context.Context, name string, w wish) (uint64, error) {
	address, err := netip.ParseAddrPort(w.Address)
	if err != nil {
		return 0, fmt.Errorf("admit %s at %q: not an address with a port", name, w.Address)
	}
	ctx, cancel := context.WithTimeout(ctx, admitLimit)
	defer cancel()
	if !n.changing.TryLock() {
		return 0, ErrChanging
	}
	defer n.changing.Unlock()
	r, err := n.leading()
	if err != nil {
		return 0, err
	}
	suffrage, member := suffrageOf(r, name)
	switch {
	case !member && !w.Joining:
		return 0, fmt.Errorf("admit %s: %w: to make it one, run `perch join` there", name, ErrNotMember)
	case member && suffrage == raft.Voter:
		if err := n.drop(ctx, r, name); err != nil {
			return 0, err
		}
	}
	id, at := raft.ServerID(name), raft.ServerAddress(address.String())
	if err := n.change(ctx, r, "add "+name, func() raft.IndexFuture { return r.AddNonvoter(id, at, 0, 0) }); err != nil {
		return 0, err
	}
	if err := n.awaitCatchUp(ctx, r, name); err != nil {
		return 0, err
	}
	if err := n.change(ctx, r, "give a vote to "+name, func() raft.IndexFuture { return r.AddVoter(id, at, 0, 0) }); err != nil {
		return 0, err
	}
	return r.LastIndex(), nil
}

// remove takes a member out of the cluster. Only the leader can, and not itself.
func (n *Node) remove(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, admitLimit)
	defer cancel()
	if !n.changing.TryLock() {
		return ErrChanging
	}
	defer n.changing.Unlock()
	r, err := n.leading()
	if err != nil {
		return err
	}
	switch _, member := suffrageOf(r, name); {
	case name == n.cfg.Node:
		return fmt.Errorf("remove %s: it leads the cluster, and must hand over first", name)
	case !member:
		return fmt.Errorf("remove %s: %w", name, ErrNotMember)
	}
	return n.drop(ctx, r, name)
}

// drop takes a member out of the configuration, unless the others could not agree to
// anything then. The caller holds changing.
func (n *Node) drop(ctx context.Context, r *raft.Raft, name string) error {
	var left, inTouch int
	for _, voter := range voters(r) {
		if voter == name {
			continue
		}
		left++
		if c := n.contact(voter); voter == n.cfg.Node || !c.lost && n.now()-c.sent <= n.cfg.Heartbeat {
			inTouch++
		}
	}
	if inTouch <= left/2 {
		return fmt.Errorf("remove %s: only %d of the other %d voters are in touch, which is no majority", name, inTouch, left)
	}
	return n.change(ctx, r, "remove "+name, func() raft.IndexFuture { return r.RemoveServer(raft.ServerID(name), 0, 0) })
}

// leading returns the library if this node leads.
func (n *Node) leading() (*raft.Raft, error) {
	r := n.raft.Load()
	if r == nil || r.State() != raft.Leader {
		return nil, ErrNotLeader
	}
	return r, nil
}

// suffrageOf returns whether a node of the latest configuration votes, and whether
// it is in it at all.
func suffrageOf(r *raft.Raft, name string) (raft.ServerSuffrage, bool) {
	for _, server := range servers(r) {
		if string(server.ID) == name {
			return server.Suffrage, true
		}
	}
	return raft.Nonvoter, false
}

// change carries out one change of the membership, once the grants have ended that
// an older leader may have had before the last one. The caller holds changing.
func (n *Node) change(ctx context.Context, r *raft.Raft, what string, propose func() raft.IndexFuture) error {
	for {
		wait := n.untilChange(r.CurrentTerm())
		if wait <= 0 {
			break
		}
		pause(ctx, wait)
		if ctx.Err() != nil {
			return fmt.Errorf("%s: %w", what, ctx.Err())
		}
	}
	err := waitFuture(propose(), n.commitLimit())
	n.mu.Lock()
	n.changedAt = n.now()
	n.mu.Unlock()
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	n.cfg.Log.Info("membership changed", "what", what)
	n.notify()
	return nil
}

// untilChange returns how long the leader of term waits before it may change the
// membership: until the longest grant has ended that any voter can have given before
// the last change, or before this leader was elected.
func (n *Node) untilChange(term uint64) time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lively(term)
	longest := n.cfg.grantLength()
	for _, c := range n.contacts {
		longest = max(longest, c.grant)
	}
	longest += longest/clockDrift + tick + slack // their clocks may be slower
	return max(n.ledSince, n.changedAt) + longest - n.now()
}

// awaitCatchUp waits until a member has all entries that were in the log when it was
// added.
func (n *Node) awaitCatchUp(ctx context.Context, r *raft.Raft, name string) error {
	index := r.LastIndex()
	for n.contact(name).match < index {
		pause(ctx, n.cfg.Heartbeat/10)
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("admit %s: it does not catch up with the log: %w", name, ctx.Err())
		case r.State() != raft.Leader:
			return ErrNotLeader
		}
	}
	return nil
}

// seek asks to be admitted until this node is a member, or ctx ends. It does so by
// itself where the cluster still counts this node among its members, and for one
// that is none once Join was called.
func (n *Node) seek(ctx context.Context) error {
	for !n.member.Load() {
		index, err := n.askLeader(ctx, question{Birth: n.birth, Admit: &wish{Address: n.self.Address.String(), Joining: n.joining.Load()}})
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			n.say("waits to be admitted: " + err.Error())
		default:
			if err := n.admitted(ctx, index); err != nil {
				return err
			}
			continue
		}
		select {
		case <-n.seeking:
		case <-time.After(applyPause):
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

// admitted makes this node a member once it has the entry in its log that says so:
// from now on it votes.
func (n *Node) admitted(ctx context.Context, index uint64) error {
	r := n.raft.Load()
	if r == nil {
		return nil
	}
	for r.LastIndex() < index {
		pause(ctx, n.cfg.Heartbeat/10)
		if ctx.Err() != nil {
			return nil
		}
	}
	if err := n.store.setNote(keyStage, stageMember); err != nil {
		return err
	}
	n.member.Store(true)
	n.say("")
	n.cfg.Log.Info("this node was admitted to the cluster")
	return nil
}

// askLeader puts a question to whatever node leads, and returns the index that the
// answer names.
func (n *Node) askLeader(ctx context.Context, q question) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, admitLimit)
	defer cancel()
	leader := n.leader()
	if leader == "" || leader == n.cfg.Node {
		answers, failures := n.askAll(ctx)
		if leader = leaderOf(answers); leader == "" {
			return 0, noLeader(answers, failures)
		}
	}
	a, err := n.ask(ctx, leader, q)
	switch {
	case err != nil:
		return 0, err
	case a.Error != "":
		return 0, errors.New(a.Error)
	}
	return a.Index, nil
}

// leaderOf returns the leader that most of the answers name, or "".
func leaderOf(answers map[string]answer) string {
	votes := make(map[string]int)
	best := ""
	for _, name := range sortedKeys(answers) {
		if leader := answers[name].Leader; leader != "" && answers[name].Member {
			votes[leader]++
			if votes[leader] > votes[best] {
				best = leader
			}
		}
	}
	return best
}

// noLeader says why there is nobody to be admitted by.
func noLeader(answers map[string]answer, failures map[string]error) error {
	members := 0
	for _, a := range answers {
		if a.Member {
			members++
		}
	}
	total := len(answers) + len(failures) + 1
	if len(failures) == 0 && members <= total/2 {
		return fmt.Errorf("only %d of %d nodes have the cluster's data: it has lost its majority and does not come back by itself; see `perch recover`", members, total)
	}
	return errors.New("the cluster has no leader at the moment")
}

// Join makes this node a member of the cluster at work, and returns when it is one.
func (n *Node) Join(ctx context.Context) error {
	n.joining.Store(true)
	signal(n.seeking)
	if n.member.Load() { // it has been one, and kept its data
		if r := n.raft.Load(); r != nil {
			if suffrage, member := suffrageOf(r, n.cfg.Node); member && suffrage == raft.Voter && n.leader() != "" {
				return nil
			}
		}
		_, err := n.askLeader(ctx, question{Birth: n.birth, Admit: &wish{Address: n.self.Address.String(), Joining: true}})
		return err
	}
	for !n.member.Load() {
		pause(ctx, 10*time.Millisecond)
		if ctx.Err() != nil {
			return fmt.Errorf("not admitted yet: %s", n.Waiting())
		}
	}
	return nil
}

// Remove takes a member out of the cluster, from any node of it. One that leads hands
// over before it removes itself.
func (n *Node) Remove(ctx context.Context, name string) error {
	if n.leader() == n.cfg.Node {
		if name != n.cfg.Node {
			return n.remove(ctx, name)
		}
		if _, err := n.Transfer("", name+" leaves the cluster"); err != nil {
			return err
		}
	}
	_, err := n.askLeader(ctx, question{Birth: n.birth, Remove: name})
	return err
}
