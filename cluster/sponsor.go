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
// learns of that later. For the lease not to end meanwhile, the leader first asks it
// to grant, and a newcomer grants to such a sponsor and to nobody else.
//
// That is safe though a newcomer may have forgotten what it granted before it lost
// its data. Its sponsor has changed the membership in its term, and so waited until
// no lease of an earlier leader ran (membership.go). A later leader is elected without
// newcomers, by a majority that shares a voter with any other one. A word meant for
// data that is lost since names another birth, and does not count.

// errOtherBirth is returned to a sponsor that means a data directory of old.
var errOtherBirth = errors.New("its data directory is another one by now")

// invitation asks a newcomer to grant.
type invitation struct {
	Birth string `json:"birth"` // of the newcomer's data directory
	Term  uint64 `json:"term"`  // in which the asker leads, and only there
}

// sponsor is the leader that is about to give this node a vote.
type sponsor struct {
	name string
	term uint64
}

// heed makes the named node the sponsor of this one.
func (n *Node) heed(from string, i invitation) error {
	if i.Birth != n.birth {
		return errOtherBirth
	}
	if r := n.raft.Load(); r != nil && i.Term < r.CurrentTerm() {
		return ErrNotLeader // any more: the word came late
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sponsor = sponsor{name: from, term: i.Term}
	return nil
}

// invite asks a member without a vote to grant to the leader of term, and waits until
// the lease would run if it had one. Birth is that of its data directory.
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
			return fmt.Errorf("admit %s: the VIPs would be let go, since %s of the then %d voters do not grant", name, strings.Join(n.silent(voting), ", "), len(voting))
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
