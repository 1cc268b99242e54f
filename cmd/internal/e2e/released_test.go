package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/lab"
)

// oldData is what nodes of released versions wrote; its README.md says how it was made.
const oldData = "../../../cluster/testdata/released"

// A cluster whose nodes have the data of a released version goes on with it: owner, history,
// drains and orders for servers are those of before.
func TestUpgradeOfData(t *testing.T) {
	t.Parallel()
	versions, err := filepath.Glob(filepath.Join(oldData, "*", "lb1.json"))
	if err != nil || len(versions) == 0 {
		t.Fatalf("no data of a released version in %s (%v)", oldData, err)
	}
	for _, path := range versions {
		dir := filepath.Dir(path)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, newNetwork(t))
			for _, n := range c.Nodes {
				c.hasDataOf(n, dir)
			}
			c.must(c.StartAll())
			c.goesOnAs(dir)
		})
	}
}

// hasDataOf gives a node that does not run what the one of its name wrote.
func (c *cluster) hasDataOf(n *lab.Node, dir string) {
	c.t.Helper()
	unpack := exec.Command("tar", "-xzf", filepath.Join(dir, n.Name+".tar.gz"), "-C", n.DataDir())
	if out, err := unpack.CombinedOutput(); err != nil {
		c.t.Fatalf("unpack the data of %s: %v\n%s", n.Name, err, out)
	}
	addTables(c.t, n, `
[[service]]
name = "web"
address = "198.18.0.100:80"
protocol = "tcp"
forward = "nat"
[[service.server]]
address = "10.0.0.11:80"
[[service.server]]
address = "10.0.0.12:80"
`)
}

// goesOnAs wants the cluster to know what it knew, and to move its VIPs.
func (c *cluster) goesOnAs(dir string) {
	c.t.Helper()
	c.neverTwoOwners()
	var old struct{ Memory struct{ History []api.Move } }
	text, err := os.ReadFile(filepath.Join(dir, "lb2.json"))
	c.must(err)
	c.must(json.Unmarshal(text, &old))
	owner := c.settled()
	for _, n := range c.Nodes {
		c.remembers(n, old.Memory.History)
		c.eventuallySays(n.Name+" knows what operators want", func() bool {
			st := c.status(n)
			drained := slices.ContainsFunc(st.Cluster.Nodes, func(of api.Node) bool { return of.Name == "lb3" && of.Drained })
			return drained && len(st.Services) == 1 && ordered(st.Services[0]) == [2]uint32{3, 7}
		})
	}
	drained := c.Node("lb3")
	if owner == drained {
		c.t.Error("the node that is drained owns the VIPs")
	}
	c.perch(owner, "undrain", drained.Name)
	c.handOver(owner, askedFor, func() { c.perch(owner, "transfer", drained.Name) })
}

// ordered returns the weights that were ordered for the two servers of a service.
func ordered(s api.Service) (weights [2]uint32) {
	for i := range min(len(weights), len(s.Servers)) {
		if w := s.Servers[i].OrderedWeight; w != nil {
			weights[i] = *w
		}
	}
	return weights
}
