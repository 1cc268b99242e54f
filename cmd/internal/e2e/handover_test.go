package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/lab"
)

// Reasons of planned moves, as the history has them.
const (
	askedFor   = "transfer asked for by the operator"
	wasStopped = " was stopped"
	wasDrained = " was drained"
)

// handOver does a planned move of the VIPs from old and returns the new owner. It
// must be a hand-over, for that reason and into the very next term: to a client an
// election that comes of silence may look no different.
func (c *cluster) handOver(old *lab.Node, reason string, move func()) *lab.Node {
	c.t.Helper()
	term := c.status(old).Cluster.Term
	move()
	next := c.movedFrom(old)
	c.wasHandedOver(old, next, reason, term)
	return next
}

// wasHandedOver wants the VIPs to have been handed over, into the term after that one. On a busy
// machine the new owner may have lost and regained them since.
func (c *cluster) wasHandedOver(old, next *lab.Node, reason string, term uint64) {
	c.t.Helper()
	got := c.claimAfter(next, term)
	if got.From != old.Name || !strings.HasSuffix(got.Reason, reason) || got.Term != term+1 {
		c.t.Errorf("the VIPs went from %s to %s in term %d, because: %s; want from %s in term %d, because: …%s",
			got.From, got.To, got.Term, got.Reason, old.Name, term+1, reason)
	}
}

// claimAfter waits until the history has a move in a later term than that one, and returns the
// first.
func (c *cluster) claimAfter(viewer *lab.Node, term uint64) (claim api.Move) {
	c.t.Helper()
	c.eventuallySays(fmt.Sprintf("the history has a move after term %d", term), func() bool {
		ctx, cancel := c.limit()
		defer cancel()
		moves, err := viewer.History(ctx)
		i := slices.IndexFunc(moves, func(m api.Move) bool { return m.Term > term })
		if err != nil || i < 0 {
			return false
		}
		claim = moves[i]
		return true
	})
	return claim
}

// lastClaim waits until the last move of the history is one to owner, and returns it.
func (c *cluster) lastClaim(owner *lab.Node) (claim api.Move) {
	c.t.Helper()
	c.eventuallySays("the history names "+owner.Name+" as the owner", func() bool {
		ctx, cancel := c.limit()
		defer cancel()
		moves, err := owner.History(ctx)
		if err != nil || len(moves) == 0 {
			return false
		}
		claim = moves[len(moves)-1]
		return claim.To == owner.Name
	})
	return claim
}

// freeze stops the daemon of a node, but not its kernel. On a busy machine it takes
// some milliseconds until the last of its threads stands still.
func (c *cluster) freeze(n *lab.Node) {
	c.t.Helper()
	c.must(n.Process().Signal(syscall.SIGSTOP))
	c.eventually(n.Name+" stands still", func() bool {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", n.Process().PID()))
		c.must(err)
		return !slices.ContainsFunc(threads, func(path string) bool {
			stat, err := os.ReadFile(path)
			_, state, _ := bytes.Cut(stat, []byte(") "))
			return err == nil && !bytes.HasPrefix(state, []byte("T"))
		})
	})
}

func (c *cluster) thaw(n *lab.Node) {
	c.t.Helper()
	c.must(n.Process().Signal(syscall.SIGCONT))
}

// awaitUnreachable waits until viewer knows that it cannot reach n.
func (c *cluster) awaitUnreachable(n, viewer *lab.Node) {
	c.t.Helper()
	c.eventuallySays(n.Name+" is known to be unreachable", func() bool {
		return c.seenBy(viewer, n).Role == api.RoleUnreachable
	})
}

// lastMoveFrom returns the last move from a node in the history, which a busy machine may have
// made go on. It is empty if there is none.
func (c *cluster) lastMoveFrom(viewer, from *lab.Node) (last api.Move) {
	c.t.Helper()
	ctx, cancel := c.limit()
	defer cancel()
	moves, err := viewer.History(ctx)
	c.must(err)
	for _, m := range moves {
		if m.From == from.Name {
			last = m
		}
	}
	return last
}
