package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/raft"
)

// A node's own way into the cluster and out of it. Whether it is a member is for the
// leader to say: one that was removed while it did not run, or before the word of it
// came, knows only an older membership.

// Errors of a node's own way into the cluster.
var (
	ErrNotYet   = errors.New("not a member yet")
	ErrNoLeader = errors.New("the cluster has no leader at the moment")
	// ErrViaCA is returned where the name of the node at an address would have to be
	// known, since an operator's CA may sign others, too.
	ErrViaCA = errors.New("only where secret_file proves membership can a node be asked by its address alone: list a member as [[cluster.peer]] instead")
)

// applyPause lies between two attempts of a node to be admitted, or to find out
// whether it is still a member.
const applyPause = time.Second

// wayBack is what a node waits for that is no member any more.
const wayBack = "is no member of it any more, it left or was removed: run `perch join` here to come back"

// seek looks after this node's membership until ctx ends: it asks to be admitted
// while it is no member, by itself where the cluster still counts it among its own and
// for one that is none once Join was called; and a member that hears of no leader
// asks whether it still is one.
func (n *Node) seek(ctx context.Context) error {
	for ctx.Err() == nil {
		var err error
		next := applyPause
		switch {
		case !n.member.Load():
			err = n.request(ctx)
		case n.joining.Load(), n.voiceless():
			err = n.confirm(ctx)
		default:
			err = n.doubt(ctx)
			if n.leader() != "" {
				next = 5 * applyPause // nothing to find out
			}
		}
		if err != nil {
			return err
		}
		select {
		case <-n.seeking:
		case <-time.After(next):
		case <-ctx.Done():
		}
	}
	return nil
}

// voiceless tells whether this node has no vote by what it knows.
func (n *Node) voiceless() bool {
	r := n.raft.Load()
	if r == nil {
		return false
	}
	suffrage, member := suffrageOf(r, n.cfg.Node)
	return member && suffrage != raft.Voter
}

// confirm asks the leader whether this node, a member by what it knows, votes and is
// called where it listens, and to be admitted if not.
func (n *Node) confirm(ctx context.Context) error {
	answers, leader, err := n.findLeader(ctx)
	if err != nil {
		n.hinder(err)
		return nil
	}
	switch a := answers[leader]; {
	case leader == n.cfg.Node, a.Standing == votes && n.calledRight(a.Members):
		n.joining.Store(false)
		n.say("")
		return nil
	case a.Standing == noVoice:
		n.hinder(ErrNoLeader)
		return nil
	case a.Standing == listens:
		return n.request(ctx)
	}
	if err := n.resign(); err != nil { // it votes again when it is admitted
		return err
	}
	return n.request(ctx)
}

// doubt finds out whether this node, which hears of no leader, still is a member.
func (n *Node) doubt(ctx context.Context) error {
	if n.leader() != "" {
		n.stick(nil)
		if n.Waiting() != "" {
			n.say("")
		}
		return nil
	}
	answers, _, err := n.findLeader(ctx)
	n.stick(err)
	for _, name := range sortedKeys(answers) {
		switch a := answers[name]; {
		case a.Standing == outside && n.leader() == "": // else it may have been admitted since
			return n.resign()
		case a.Standing == votes && !n.calledRight(a.Members):
			n.say(fmt.Sprintf("listens at %s, and is known elsewhere to the members: run `perch join` here", n.self.Address))
		}
	}
	return nil
}

// calledRight tells whether members know this node where it listens.
func (n *Node) calledRight(members []Member) bool {
	return slices.ContainsFunc(members, func(m Member) bool { return m.Name == n.cfg.Node && m.Address == n.self.Address })
}

// request asks to be admitted, once.
func (n *Node) request(ctx context.Context) error {
	answers, leader, err := n.findLeader(ctx)
	if err == nil && leader == n.cfg.Node {
		err = ErrNoLeader // it is not one any more
	}
	if err == nil {
		if s := answers[leader].Standing; s == votes || s == listens {
			n.joining.Store(true) // also if the leader fails after it has removed the lost one
		}
		if n.left.Load() && !n.joining.Load() {
			n.say(wayBack)
			return nil
		}
		var index uint64
		wish := &wish{Address: n.self.Address.String(), Joining: n.joining.Load()}
		if index, err = n.tell(ctx, leader, question{Birth: n.birth, Admit: wish}); err == nil {
			return n.admitted(ctx, index)
		}
	}
	if ctx.Err() == nil {
		n.hinder(err)
		n.say(n.whyOutside(err))
	}
	return nil
}

// whyOutside says what a node that is no member waits for.
func (n *Node) whyOutside(err error) string {
	if n.left.Load() && !n.joining.Load() {
		return wayBack
	}
	return "waits to be admitted: " + err.Error()
}

// admitted ends the way of this node into the cluster, once it has the entry in its log
// that says so. Should that not come it asks again: it may be removed by now.
func (n *Node) admitted(ctx context.Context, index uint64) error {
	r := n.raft.Load()
	if r == nil {
		return nil
	}
	deadline := n.now() + n.commitLimit()
	for r.LastIndex() < index {
		pause(ctx, n.cfg.Heartbeat/10)
		if ctx.Err() != nil || n.now() > deadline {
			return nil
		}
	}
	if err := n.takePart(); err != nil {
		return err
	}
	n.joining.Store(false)
	n.via.Store(nil)
	n.stick(nil)
	n.say("")
	n.cfg.Log.Info("this node was admitted to the cluster")
	return nil
}

// takePart makes this node one that votes and grants, for good.
func (n *Node) takePart() error {
	n.staging.Lock()
	defer n.staging.Unlock()
	if err := n.store.setNote(keyStage, stageMember); err != nil {
		return err
	}
	n.left.Store(false)
	n.setMember(true)
	return nil
}

// resign makes this node one that is no member: it has no vote from now on.
func (n *Node) resign() error {
	n.staging.Lock()
	defer n.staging.Unlock()
	n.outside()
	return n.store.setNote(keyStage, stageLeft)
}

// outside takes the vote of a node that is no member any more.
func (n *Node) outside() {
	n.setMember(false)
	n.left.Store(true)
	n.say(wayBack)
}

// hinder notes why Join is not done yet.
func (n *Node) hinder(err error) {
	text := err.Error()
	n.hindered.Store(&text)
}

// tell puts a question to the named node, and returns the index that the answer names.
func (n *Node) tell(ctx context.Context, leader string, q question) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, admitLimit)
	defer cancel()
	a, err := n.ask(ctx, leader, q)
	if err != nil {
		return 0, err
	}
	return a.Index, a.err()
}

// Join makes this node a member of the cluster at work, and returns when it is one,
// or when ctx ends with ErrNotYet: the node then goes on asking until it is one, or
// Remove is called. Via is the address of a member, HOST:PORT, for a node whose list
// has none that can be reached, or "".
func (n *Node) Join(ctx context.Context, via string) error {
	if via != "" {
		if n.cfg.Credentials.dated {
			return ErrViaCA
		}
		n.via.Store(&via)
	}
	n.joining.Store(true)
	signal(n.seeking)
	for n.joining.Load() || !n.member.Load() { // neither after Remove
		pause(ctx, 10*time.Millisecond)
		if ctx.Err() != nil {
			return fmt.Errorf("%w: %s", ErrNotYet, n.hindrance())
		}
	}
	return nil
}

// hindrance says why Join is not done yet.
func (n *Node) hindrance() string {
	if waiting := n.Waiting(); waiting != "" {
		return n.cfg.Node + " " + waiting
	}
	if why := n.hindered.Load(); why != nil {
		return *why
	}
	return "the others have not answered yet"
}

// Remove takes a member out of the cluster, from any node. One that leads hands over
// first, and the error is ErrNotLeader: ask again. One that has left has no vote, and
// asks for none until Join is called.
func (n *Node) Remove(ctx context.Context, name string) error {
	self := name == n.cfg.Node
	if self {
		n.joining.Store(false)
	}
	_, leader, err := n.findLeader(ctx)
	switch {
	case err != nil:
	case leader == n.cfg.Node:
		err = n.remove(ctx, name)
	default:
		_, err = n.tell(ctx, leader, question{Birth: n.birth, Remove: name})
	}
	if self && (err == nil || errors.Is(err, ErrNotMember)) {
		n.joining.Store(false) // it may have asked to be admitted meanwhile
		if n.member.Load() {
			return errors.Join(n.resign(), err)
		}
	}
	return err
}
