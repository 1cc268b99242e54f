package cluster

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/raft"
)

// What the nodes say of each other: who leads, who is a member, and whether so many
// have lost their data that nobody is elected any more.

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
	if err := lostMajority(n.electorate(answers), n.cfg.Node, n.member.Load(), n.withoutData(answers)); err != nil {
		return err
	}
	return ErrNoLeader
}

// withoutData returns who answered without being a member, but for those that are about to
// begin: who founds the cluster with this node has the data directory that it was asked with.
func (n *Node) withoutData(answers map[string]answer) map[string]bool {
	founders := map[string]string{}
	if births := n.founders.Load(); births != nil {
		founders = *births
	}
	without := make(map[string]bool)
	for name, a := range answers {
		begins := !a.Late && a.Birth != "" && founders[name] == a.Birth
		without[name] = !a.Member && !begins
	}
	return without
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
func lostMajority(voters []string, self string, member bool, without map[string]bool) error {
	lost := 0
	for _, voter := range voters {
		if without[voter] || voter == self && !member {
			lost++
		}
	}
	if total := len(voters); total > 0 && total-lost <= total/2 {
		return fmt.Errorf("only %d of %d nodes have the cluster's data: %w", total-lost, total, errLostMajority)
	}
	return nil
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
