package e2e

import (
	"os"
	"slices"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// restart ends a node's daemon in good order and starts it.
func (c *cluster) restart(n *lab.Node) {
	c.t.Helper()
	c.terminate(n)
	c.must(n.Start())
}

// The secret is changed as docs/operations.md says: standbys first, then the owner. The first
// is refused by the others, which costs nothing; with the second the majority goes over.
func TestSecretIsChanged(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.neverTwoOwners()
	owner := c.owner()
	before := c.history(owner)
	standbys := c.others(owner)
	for _, n := range c.Nodes {
		c.must(os.WriteFile(n.SecretFile(), []byte("another-secret-for-tests-0123456789\n"), 0o600))
		c.perch(n, "reload")
		c.warns(n, "cluster.secret_file's contents have changed and take effect at the next start")
	}
	p := c.ping()
	c.restart(standbys[0])
	c.warns(standbys[0], "no majority: "+standbys[0].Name+" reaches 1 of 3 nodes")
	c.warns(owner, "not answering: "+standbys[0].Name)
	if holders := c.holders(); !slices.Equal(holders, []*lab.Node{owner}) {
		t.Errorf("%d nodes hold the VIPs, want %s alone", len(holders), owner.Name)
	}
	p.outageAtMost(brief)

	c.restart(standbys[1])
	successor := c.movedFrom(owner)
	if !slices.Contains(standbys, successor) {
		t.Errorf("%s owns the VIPs, and has the old secret", successor.Name)
	}
	c.warns(owner, "no majority: "+owner.Name+" reaches 1 of 3 nodes")
	c.restart(owner)
	c.votersAre(c.Nodes...)
	c.stillOwnedBy(successor)
	c.soleAnswer(successor)
	for _, n := range c.Nodes {
		c.remembers(n, before)
	}
}

// After the loss of all data directories, configs and secrets that are put back found the
// cluster anew, once all nodes are there.
func TestAllDataIsLost(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	for _, n := range c.Nodes {
		c.terminate(n)
		c.wipe(n)
	}
	c.neverTwoOwners()
	c.must(c.Node("lb1").Start())
	c.must(c.Node("lb2").Start())
	c.warns(c.Node("lb1"), "waits for lb3: a cluster is founded once all nodes of the list are there")
	if holders := c.holders(); len(holders) > 0 {
		t.Errorf("%d nodes hold VIPs before all are there", len(holders))
	}
	c.must(c.Node("lb3").Start())
	owner := c.settled()
	c.soleAnswer(owner)
	if moves := c.history(owner); len(moves) != 1 || moves[0].Reason != "first owner" {
		t.Errorf("the history is %v, want the first owner alone", moves)
	}
}
