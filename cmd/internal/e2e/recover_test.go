package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/lab"
)

// When two of three have lost their data nobody owns until the operator decides:
// neither do the two found a second history, nor does the third go on alone.
func TestTwoOfThreeLoseTheirData(t *testing.T) {
	for _, stopped := range []string{"all are stopped", "the third runs"} {
		t.Run(stopped, func(t *testing.T) {
			t.Parallel()
			c := startCluster(t)
			owner := c.owner()
			third := c.others(owner)[0]
			lost := slices.DeleteFunc(slices.Clone(c.Nodes), func(n *lab.Node) bool { return n == third })
			before := c.history(third)
			if stopped == "all are stopped" {
				for _, n := range c.Nodes {
					c.terminate(n)
				}
			}
			for _, n := range lost {
				c.wipe(n)
			}
			c.eventually("the kernels let go", func() bool { return len(c.holders()) == 0 })
			c.neverTwoOwners()
			for _, n := range c.Nodes {
				if !n.Running() {
					c.must(n.Start())
				}
			}
			for _, n := range c.Nodes {
				c.warns(n, "only 1 of 3 nodes have the cluster's data: it has lost its majority and does not come back by itself; see `perch recover`")
			}
			c.never("somebody owns", 2*time.Second, func() bool { return len(c.holders()) > 0 })
			c.recovers(third, lost, before)
		})
	}
}

// recovers makes a cluster again of a node that has data and others that lost theirs.
func (c *cluster) recovers(n *lab.Node, lost []*lab.Node, before []api.Move) {
	c.t.Helper()
	ctx, cancel := c.limit()
	defer cancel()
	if out, err := n.PerchOffline(ctx, "recover", "--cluster", "edge"); err == nil {
		c.t.Errorf("perch recover beside the daemon: %s", out)
	}
	c.terminate(n)
	_, err := n.PerchOffline(ctx, "recover", "--cluster", "edge")
	if err == nil || !strings.Contains(err.Error(), "perch runs on "+lost[0].Name+", "+lost[1].Name+": stop it on all other nodes first") {
		c.t.Errorf("perch recover beside nodes that run: %v", err)
	}
	for _, each := range lost {
		c.terminate(each)
	}
	if out, err := n.PerchOffline(ctx, "recover"); err == nil {
		c.t.Errorf("perch recover asked nobody: %s", out)
	}
	said, err := n.PerchOffline(ctx, "recover", "--cluster", "edge")
	c.must(err)
	if want := n.Name + " is the only member of cluster edge; its old data is in " + n.DataDir() + ".before-recover-"; !strings.Contains(said, want) {
		c.t.Errorf("perch recover says %q", said)
	}
	c.must(n.Start())
	if owner := c.owner(); owner != n {
		c.t.Errorf("%s owns after perch recover on %s", owner.Name, n.Name)
	}
	for _, l := range lost {
		c.must(l.Wipe())
		c.must(l.Start())
		c.warns(l, "run `perch join` there")
		c.perch(l, "join")
	}
	c.votersAre(c.Nodes...)
	c.soleAnswer(c.settled())
	for _, each := range c.Nodes {
		c.remembers(each, before)
	}
}
