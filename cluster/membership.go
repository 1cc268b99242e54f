package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/hashicorp/raft"

	"github.com/perch-vip/perch/cluster/state"
)

// The membership changes by one node at a time: majorities before and after have a
// node in common, whose grant runs to one leader only. Two changes in a row would not
// do: the grants to an old leader that does not know of either must have ended before
// the second. So a leader waits before each change for as long as any grant lasts, from
// its election and from its last change on. A majority has voted for it or acknowledged
// that change, and has a node in common with whoever granted to the old leader; that
// node has granted to the old leader nothing since, and said how long its grants last.

// Errors of changes of the membership.
var (
	ErrChanging  = errors.New("another change of the membership is under way")
	ErrNotMember = errors.New("not a member of the cluster")
)

// admitLimit bounds one admission: two or three changes, and catching up between.
const admitLimit = 60 * time.Second

// admit makes a node a voter, whose data directory was born as given, and returns the
// index of the entry that says so. Only the leader can. One that is a member already
// has lost its data directory: it is removed and added anew, for it no longer knows
// its votes.
func (n *Node) admit(ctx context.Context, name, birth string, w wish) (uint64, error) {
	address, err := netip.ParseAddrPort(w.Address)
	if err != nil || address.Port() == 0 || address.Addr().IsUnspecified() {
		return 0, fmt.Errorf("admit %s at %q: not an address and a port to connect to", name, w.Address)
	}
	ctx, cancel := context.WithTimeout(ctx, admitLimit)
	defer cancel()
	if !n.changing.TryLock() {
		return 0, ErrChanging
	}
	defer n.changing.Unlock()
	r, term, err := n.leading()
	if err != nil {
		return 0, err
	}
	suffrage, member := suffrageOf(r, name)
	switch {
	case !member && !w.Joining:
		return 0, fmt.Errorf("admit %s: %w: to make it one, run `perch join` there", name, ErrNotMember)
	case !member:
		if err := n.listsReach(ctx, r, name); err != nil {
			return 0, err
		}
	case suffrage == raft.Voter:
		if err := n.drop(ctx, r, term, name); err != nil {
			return 0, err
		}
	}
	id, at := raft.ServerID(name), raft.ServerAddress(address.String())
	if err := n.change(ctx, term, "add "+name, func() raft.IndexFuture { return r.AddNonvoter(id, at, 0, n.commitLimit()) }); err != nil {
		return 0, err
	}
	if err := n.awaitCatchUp(ctx, r, term, name); err != nil {
		return 0, err
	}
	if err := n.awaitChange(ctx, term); err != nil {
		return 0, fmt.Errorf("admit %s: %w", name, err)
	}
	if err := n.invite(ctx, r, term, name, birth); err != nil {
		return 0, err
	}
	if err := n.change(ctx, term, "give a vote to "+name, func() raft.IndexFuture { return r.AddVoter(id, at, 0, n.commitLimit()) }); err != nil {
		return 0, err
	}
	return r.LastIndex(), nil
}

// remove takes a member out of the cluster. Only the leader can. One that is to remove
// itself hands over, and returns ErrNotLeader: its successor can.
func (n *Node) remove(ctx context.Context, name string) error {
	if name == n.cfg.Node {
		if _, err := n.Transfer(Move{Reason: name + " leaves the cluster"}); err != nil {
			return err
		}
		return ErrNotLeader
	}
	ctx, cancel := context.WithTimeout(ctx, admitLimit)
	defer cancel()
	if !n.changing.TryLock() {
		return ErrChanging
	}
	defer n.changing.Unlock()
	r, term, err := n.leading()
	if err != nil {
		return err
	}
	if _, member := suffrageOf(r, name); !member {
		return fmt.Errorf("remove %s: %w", name, ErrNotMember)
	}
	return n.drop(ctx, r, term, name)
}

// drop takes a member out of the configuration, unless the others could not agree to
// anything then. The caller holds changing.
func (n *Node) drop(ctx context.Context, r *raft.Raft, term uint64, name string) error {
	deadline := n.now() + 2*n.cfg.Heartbeat // one that leads since just now has heard nobody yet
	for {
		left, inTouch := n.without(r, name)
		if inTouch > left/2 {
			break
		}
		if n.now() > deadline {
			return fmt.Errorf("remove %s: only %d of the other %d voters are in touch, which is no majority", name, inTouch, left)
		}
		pause(ctx, n.cfg.Heartbeat/20)
		if ctx.Err() != nil {
			return fmt.Errorf("remove %s: %w", name, ctx.Err())
		}
	}
	err := n.change(ctx, term, "remove "+name, func() raft.IndexFuture { return r.RemoveServer(raft.ServerID(name), 0, n.commitLimit()) })
	if linger := n.fsm.linger(name); err == nil && linger > 0 {
		pause(ctx, linger) // its addresses are gone now, and nobody has to wait for them
		_, err = n.apply(state.Command{Linger: &state.Linger{Node: name}}, n.commitLimit())
	}
	return err
}

// listsReach returns an error unless each voter's own list has so many of the members,
// once the named node is one of them, that it meets every majority. A voter that loses
// its data asks those on its list: were they too few, it could find nobody of a cluster
// at work, and found another one.
func (n *Node) listsReach(ctx context.Context, r *raft.Raft, name string) error {
	ctx, cancel := context.WithTimeout(ctx, parleyLimit)
	defer cancel()
	now := append(voters(r), name)
	for _, voter := range voters(r) {
		listed := n.cfg.listed()
		if voter != n.cfg.Node {
			a, err := n.ask(ctx, voter, question{Birth: n.birth})
			if err != nil {
				return fmt.Errorf("add %s: %s must be there, or be removed first: %w", name, voter, err)
			}
			listed = a.Listed
		}
		if reached := overlap(listed, now); reached < (len(now)+1)/2 {
			return fmt.Errorf("add %s: the config of %s lists only %d of the then %d members, and could not find the others should it lose its data: add them there, and restart %s, first",
				name, voter, reached, len(now), voter)
		}
	}
	return nil
}

// overlap counts the names of a that are in b.
func overlap(a, b []string) int {
	count := 0
	for _, name := range a {
		if slices.Contains(b, name) {
			count++
		}
	}
	return count
}

// without counts the voters but one, and those of them that are in touch.
func (n *Node) without(r *raft.Raft, name string) (left, inTouch int) {
	for _, voter := range voters(r) {
		if voter == name {
			continue
		}
		left++
		if c := n.contact(voter); voter == n.cfg.Node || !c.lost && n.now()-c.sent <= n.cfg.Heartbeat {
			inTouch++
		}
	}
	return left, inTouch
}

// leading returns the library and the term if this node leads.
func (n *Node) leading() (*raft.Raft, uint64, error) {
	r := n.raft.Load()
	if r == nil {
		return nil, 0, ErrNotLeader
	}
	if term := r.CurrentTerm(); n.leads(term) {
		return r, term, nil
	}
	return nil, 0, ErrNotLeader
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

// counts tells whether a node is in the latest configuration.
func (n *Node) counts(name string) bool {
	r := n.raft.Load()
	if r == nil {
		return false
	}
	_, member := suffrageOf(r, name)
	return member
}

// change carries out one change of the membership as the leader of term, once that is
// allowed. The caller holds changing.
func (n *Node) change(ctx context.Context, term uint64, what string, propose func() raft.IndexFuture) error {
	if err := n.awaitChange(ctx, term); err != nil {
		return fmt.Errorf("%s: %w", what, err)
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

// awaitChange waits until the grants have ended that an older leader may have had
// before the last change. What was begun in a term is not gone on with in a later one:
// others may have changed the membership meanwhile.
func (n *Node) awaitChange(ctx context.Context, term uint64) error {
	for {
		if !n.leads(term) {
			return ErrNotLeader
		}
		wait := n.untilChange(term)
		if wait <= 0 || ctx.Err() != nil {
			return ctx.Err()
		}
		pause(ctx, wait)
	}
}

// untilChange returns how long the leader of term waits before it may change the
// membership: until the longest grant has ended that any voter can have given before
// the last change, or before this leader was elected.
func (n *Node) untilChange(term uint64) time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	longest := n.cfg.grantLength()
	for _, c := range n.contacts {
		longest = max(longest, c.grant)
	}
	longest += longest/clockDrift + tick + slack // their clocks may be slower
	return max(n.began(term), n.changedAt) + longest - n.now()
}

// awaitCatchUp waits until a member has all entries that were in the log when it was
// added. What it had in an older term may be another history, and lost since.
func (n *Node) awaitCatchUp(ctx context.Context, r *raft.Raft, term uint64, name string) error {
	index := r.LastIndex()
	for c := n.contact(name); c.term != term || c.match < index; c = n.contact(name) {
		pause(ctx, n.cfg.Heartbeat/10)
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("admit %s: it does not catch up with the log: %w", name, ctx.Err())
		case !n.leads(term):
			return ErrNotLeader
		}
	}
	return nil
}
