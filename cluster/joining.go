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

// standing is what a leader says of another node.
type standing string

const (
	noVoice standing = ""          // it does not lead, or cannot tell just now
	votes   standing = "voter"     // in the latest configuration
	listens standing = "no vote"   // a member that has no vote yet
	outside standing = "no member" // by a configuration that is committed
)

// standingOf returns the standing of a node, if this one leads and its lease runs.
// That a node is no member counts only when it is committed: what a leader has taken
// to its log and then lost again must not cost a vote.
func (n *Node) standingOf(r *raft.Raft, name string) standing {
	if r.State() != raft.Leader || !n.leased(r) {
		return noVoice
	}
	suffrage, member := suffrageOf(r, name)
	switch {
	case member && suffrage == raft.Voter:
		return votes
	case member:
		return listens
	case r.CommitIndex() >= r.LastIndex(): // in this order, after the configuration
		return outside
	}
	return noVoice
}

// seek looks after this node's membership until ctx ends: it asks to be admitted
// while it is no member, by itself where the cluster still counts it among its own and
// for one that is none once Join was called; and a member that hears of no leader
// asks whether it still is one.
func (n *Node) seek(ctx context.Context) error {
	for ctx.Err() == nil {
		var err error
		switch {
		case n.member.Load() && n.joining.Load():
			err = n.confirm(ctx)
		case n.member.Load():
			err = n.doubt(ctx)
		default:
			err = n.request(ctx)
		}
		if err != nil {
			return err
		}
		select {
		case <-n.seeking:
		case <-time.After(applyPause):
		case <-ctx.Done():
		}
	}
	return nil
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
	}
	if err := n.resign(); err != nil { // it votes again when it is admitted
		return err
	}
	n.joining.Store(true)
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
		case a.Standing == outside:
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
	n.left.Store(false)
	n.joining.Store(false)
	n.member.Store(true)
	n.via.Store(nil)
	n.stick(nil)
	n.say("")
	n.cfg.Log.Info("this node was admitted to the cluster")
	return nil
}

// resign makes this node one that is no member: it has no vote from now on.
func (n *Node) resign() error {
	n.joining.Store(false)
	n.outside()
	return n.store.setNote(keyStage, stageLeft)
}

// outside takes the vote of a node that is no member any more.
func (n *Node) outside() {
	n.member.Store(false)
	n.left.Store(true)
	n.say(wayBack)
}

// stick notes whether the group has lost its majority for good.
func (n *Node) stick(err error) {
	if !errors.Is(err, errLostMajority) {
		err = nil
	}
	if before := n.stuck.Swap(&err); (before != nil && *before != nil) != (err != nil) {
		if err != nil {
			n.cfg.Log.Error("the cluster elects nobody any more", "reason", err)
		}
		n.notify()
	}
}

// Stuck says why the group elects nobody any more, or "".
func (n *Node) Stuck() string {
	if err := n.stuck.Load(); err != nil && *err != nil {
		return (*err).Error()
	}
	return ""
}

// hinder notes why Join is not done yet.
func (n *Node) hinder(err error) {
	text := err.Error()
	n.hindered.Store(&text)
}

// findLeader asks all nodes, and returns their answers and the name of the leader.
func (n *Node) findLeader(ctx context.Context) (map[string]answer, string, error) {
	answers, failures := n.askAll(ctx)
	leader := leaderOf(answers)
	if n.leader() == n.cfg.Node {
		leader = n.cfg.Node
	}
	if leader == "" {
		err := n.noLeader(answers, failures)
		n.stick(err)
		return answers, "", err
	}
	return answers, leader, nil
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
func (n *Node) noLeader(answers map[string]answer, failures map[string]error) error {
	if names := sortedKeys(failures); len(answers) == 0 && len(names) > 0 {
		return fmt.Errorf("no node of the cluster answers: %w", failures[names[0]])
	}
	if err := lostMajority(n.electorate(answers), n.cfg.Node, n.member.Load(), answers); err != nil {
		return err
	}
	return ErrNoLeader
}

// electorate returns the voters that this node knows of, or has been told of.
func (n *Node) electorate(answers map[string]answer) []string {
	if r := n.raft.Load(); r != nil && n.member.Load() {
		return voters(r)
	}
	var told []string
	for _, name := range sortedKeys(answers) {
		var names []string
		for _, m := range answers[name].Members {
			if m.Voter {
				names = append(names, m.Name)
			}
		}
		if len(names) > len(told) {
			told = names
		}
	}
	return told
}

// errLostMajority is a group that elects nobody again, whoever comes back.
var errLostMajority = errors.New("it has lost its majority and does not come back by itself; see `perch recover`")

// lostMajority returns errLostMajority if so many of the voters have no data any more
// that the others, should all of them come back, are no majority.
func lostMajority(voters []string, self string, member bool, answers map[string]answer) error {
	lost := 0
	for _, voter := range voters {
		a, answered := answers[voter]
		if answered && !a.Member || voter == self && !member {
			lost++
		}
	}
	if total := len(voters); total > 0 && total-lost <= total/2 {
		return fmt.Errorf("only %d of %d nodes have the cluster's data: %w", total-lost, total, errLostMajority)
	}
	return nil
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
	if self && (err == nil || errors.Is(err, ErrNotMember)) && n.member.Load() {
		return errors.Join(n.resign(), err)
	}
	return err
}
