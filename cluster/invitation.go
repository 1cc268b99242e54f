package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/raft"
)

// A node counts from the moment in which the leader proposes to give it a vote, and
// hears of that later. So that the lease does not end meanwhile, nor the cluster for good
// should the node die just then, it is invited before: from then on it grants and votes
// like any member, and writes that down.
//
// That is safe though it may have forgotten votes and grants with its data. Its log has
// the entry by which it was added anew, after it was removed if it had a vote: so it votes
// for nobody who has not, and whoever has counts it only by a later entry, once its vote
// was proposed. Those who have not are too few without it, also by a configuration that
// still counts it. And before it is invited the leader has waited until no lease of an
// earlier leader ran (membership.go). An invitation meant for data that is lost since
// names another birth, and one of a leader that was deposed since an older term.

// errOtherBirth is returned to a leader that means a data directory of old.
var errOtherBirth = errors.New("its data directory is another one by now")

// invitation is for a newcomer that has caught up with the log.
type invitation struct {
	Birth string `json:"birth"` // of its data directory
	Term  uint64 `json:"term"`  // in which the asker leads
}

// heed follows an invitation.
func (n *Node) heed(i invitation) error {
	r := n.raft.Load()
	switch {
	case i.Birth != n.birth:
		return errOtherBirth
	case r == nil || i.Term < r.CurrentTerm():
		return ErrNotLeader // any more: the word came late
	case n.member.Load():
		return nil
	}
	return n.takePart()
}

// invite invites a member without a vote as the leader of term, and waits until the
// lease would run if it had one. Birth is that of its data directory.
func (n *Node) invite(ctx context.Context, r *raft.Raft, term uint64, name, birth string) error {
	asking, cancel := context.WithTimeout(ctx, parleyLimit)
	defer cancel()
	if _, err := n.tell(asking, name, question{Birth: n.birth, Invite: &invitation{Birth: birth, Term: term}}); err != nil {
		return fmt.Errorf("admit %s: %w", name, err)
	}
	deadline := n.now() + n.commitLimit()
	voting := append(voters(r), name)
	for !n.leasedBy(term, voting) {
		switch {
		case !n.leads(term):
			return ErrNotLeader
		case n.now() > deadline || ctx.Err() != nil:
			return fmt.Errorf("admit %s: the VIPs would be let go: no grant from %s of the %d voters that there would be", name, strings.Join(n.silent(voting), ", "), len(voting))
		}
		pause(ctx, n.cfg.Heartbeat/20)
	}
	return nil
}

// silent returns those of the voters whose grants do not run, this node among them.
func (n *Node) silent(voting []string) []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := n.now()
	return slices.DeleteFunc(slices.Clone(voting), func(v string) bool {
		if v == n.cfg.Node {
			return n.grants.free(v, now)
		}
		return n.lease.ends[v] > now
	})
}
