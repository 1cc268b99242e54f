package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/lab"
)

// votersAre waits until every one of the nodes counts exactly these nodes as voters.
func (c *cluster) votersAre(nodes ...*lab.Node) {
	c.t.Helper()
	var want []string
	for _, n := range nodes {
		want = append(want, n.Name)
	}
	slices.Sort(want)
	c.eventuallySays("the voters are "+strings.Join(want, ", "), func() bool {
		return !slices.ContainsFunc(nodes, func(n *lab.Node) bool {
			st, err := n.Status(c.t.Context())
			return err != nil || !slices.Equal(voters(st), want)
		})
	})
}

func voters(st api.Status) []string {
	var names []string
	for _, n := range st.Cluster.Nodes {
		if n.Voter {
			names = append(names, n.Name)
		}
	}
	slices.Sort(names)
	return names
}

// warns waits until a node's status has a warning with text in it.
func (c *cluster) warns(n *lab.Node, text string) {
	c.t.Helper()
	c.eventuallySays(n.Name+" warns: "+text, func() bool {
		st, err := n.Status(c.t.Context())
		return err == nil && slices.ContainsFunc(st.Warnings, func(w string) bool { return strings.Contains(w, text) })
	})
}

// grow starts one more node, whose config lists peers and itself.
func (c *cluster) grow(peers ...*lab.Node) *lab.Node {
	c.t.Helper()
	n, err := c.AddNode(c.net.addHost(c.t, "lb"+string(rune('1'+len(c.Nodes)))), peers...)
	c.must(err)
	c.must(n.Start())
	c.eventuallySays(n.Name+" answers commands", func() bool {
		_, err := n.Status(c.t.Context())
		return err == nil
	})
	return n
}

// wipe ends a node's daemon and empties its data directory.
func (c *cluster) wipe(n *lab.Node) {
	c.t.Helper()
	if n.Running() {
		c.must(n.Kill())
	}
	c.must(n.Wipe())
}

// remembers waits until a node's history begins with these moves.
func (c *cluster) remembers(n *lab.Node, before []api.Move) {
	c.t.Helper()
	c.eventuallySays(n.Name+" remembers the history", func() bool {
		now, err := n.History(c.t.Context())
		return err == nil && len(now) >= len(before) && slices.Equal(now[:len(before)], before)
	})
}

// history returns what a node remembers, which is something.
func (c *cluster) history(n *lab.Node) (moves []api.Move) {
	c.t.Helper()
	c.eventuallySays("the first move is recorded", func() bool {
		var err error
		moves, err = n.History(c.t.Context())
		return err == nil && len(moves) > 0
	})
	return moves
}

// A standby with an empty disk comes back by itself, and nobody notices.
func TestNodeThatLostItsDataIsAdmittedAnew(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.neverTwoOwners()
	owner := c.owner()
	lost, other := c.others(owner)[0], c.others(owner)[1]
	before := c.history(owner)
	p := c.ping()
	c.wipe(lost)
	c.must(lost.Start())
	c.votersAre(c.Nodes...)
	c.remembers(lost, before)
	c.stillOwnedBy(owner)
	p.outageAtMost(brief)

	// Its vote counts again.
	c.terminate(other)
	c.stillOwnedBy(owner)
	c.perch(owner, "transfer", lost.Name)
	c.movedFrom(owner)
	p.outageAtMost(brief)
}

// A cluster of three becomes one of five and one of three again. The lists of the
// first three name only the three all the time.
func TestClusterGrowsAndShrinks(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.neverTwoOwners()
	first := slices.Clone(c.Nodes)
	owner := c.owner()
	before := c.history(owner)
	p := c.ping()

	lb4 := c.grow(first...)
	c.warns(lb4, "perch join")
	c.perch(lb4, "join")
	lb5 := c.grow(first[0]) // it learns of the others from the members
	c.perch(lb5, "join", "--via", first[1].Address().String())
	c.votersAre(c.Nodes...)
	c.remembers(lb5, before)
	c.warns(first[0], "lb5 is a member of the cluster but not in the config of lb1")
	c.stillOwnedBy(owner)
	p.outageAtMost(brief)

	// It survives the end of two now.
	gone := c.others(owner)[:2]
	for _, n := range gone {
		c.terminate(n)
	}
	c.stillOwnedBy(owner)
	for _, n := range gone {
		c.must(n.Start())
	}
	c.settled()
	p.outageAtMost(brief)

	standby := c.others(owner)[0]
	c.perch(lb4, "remove", standby.Name)
	c.perch(owner, "leave")
	c.movedFrom(owner)
	left := slices.DeleteFunc(slices.Clone(c.Nodes), func(n *lab.Node) bool { return n == owner || n == standby })
	c.votersAre(left...)
	p.outageAtMost(brief)
	c.warns(owner, "run `perch join` here to come back")
	c.warns(standby, "run `perch join` here to come back")

	// Who was removed holds nothing and disturbs nobody, also after another start.
	now := c.owner()
	term := c.status(now).Cluster.Term
	for _, n := range []*lab.Node{owner, standby} {
		c.terminate(n)
		c.must(n.Start())
		c.warns(n, "run `perch join` here to come back")
		if st := c.status(n); st.Cluster.State != api.StateLeft {
			t.Errorf("%s says that the cluster is %q", n.Name, st.Cluster.State)
		}
	}
	c.never("a node that left disturbs the owner", 2*time.Second, func() bool { return !c.holdsAll(now) || len(c.holders()) != 1 })
	if after := c.status(now).Cluster.Term; after != term {
		t.Errorf("term %d after the start of nodes that left, %d before", after, term)
	}
	p.outageAtMost(brief)
	c.soleAnswer(now)
}

// A dead node is removed for good, from any node.
func TestRemoveDeadNode(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.neverTwoOwners()
	owner := c.owner()
	dead, other := c.others(owner)[0], c.others(owner)[1]
	p := c.ping()
	c.must(dead.Kill())
	c.perch(other, "remove", dead.Name)
	c.votersAre(owner, other)
	t.Log(c.refused(other, "remove", dead.Name))
	t.Log(c.refused(other, "remove", "lb9"))
	if c.holdsAny(dead) {
		t.Errorf("%s holds a VIP", dead.Name)
	}
	p.outageAtMost(brief)

	// It finds out when it comes back, and does not disturb the others before.
	term := c.status(owner).Cluster.Term
	c.must(dead.Start())
	c.warns(dead, "run `perch join` here to come back")
	if now := c.status(owner).Cluster.Term; now != term {
		t.Errorf("term %d after a removed node came back, %d before", now, term)
	}
	c.perch(dead, "join")
	c.votersAre(c.Nodes...)
	c.stillOwnedBy(owner)
	p.outageAtMost(brief)

	// Without a majority nobody can be removed.
	c.must(dead.Kill())
	c.must(other.Kill())
	c.eventually("the last node lets go", func() bool { return !c.holdsAny(owner) })
	t.Log(c.refused(owner, "remove", other.Name))
}

// Who owns can be removed from elsewhere: it hands over first.
func TestRemoveOwnerFromElsewhere(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.neverTwoOwners()
	owner := c.owner()
	others := c.others(owner)
	p := c.ping()
	c.perch(others[0], "remove", owner.Name)
	c.movedFrom(owner)
	c.votersAre(others...)
	c.warns(owner, "run `perch join` here to come back")
	p.outageAtMost(brief)
	c.perch(owner, "join")
	c.votersAre(c.Nodes...)
	c.perch(others[1], "transfer", owner.Name)
	c.eventually("it owns again", func() bool { return c.owner() == owner })
	p.outageAtMost(brief)
}
