//go:build ipvs

package balance

import (
	"context"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/lab"
)

// cluster is perch on both directors, and on a witness.
type cluster struct {
	*lab.Cluster
	bed *bed
}

// newCluster writes the files of a cluster that owns the VIPs, and has further tables in
// the config of its directors. It starts nothing.
func (b *bed) newCluster(tables string, vips ...netip.Prefix) *cluster {
	b.t.Helper()
	if *perchBinary == "" {
		b.t.Fatal("needs -perch")
	}
	spec := lab.ClusterSpec{
		Binary:   *perchBinary,
		Dir:      tempDir(b.t),
		Name:     "edge",
		Secret:   "a-secret-for-tests-only-0123456789",
		Failover: "wan", // the kernel is slow
		Fence:    b.fence,
		Witness:  "lb3",
	}
	for _, vip := range vips {
		spec.VIPs = append(spec.VIPs, lab.VIP{Address: vip, Interface: "eth0"})
	}
	lc, err := lab.NewCluster(spec, b.directors[0].Host, b.directors[1].Host, b.witness)
	must(b.t, err)
	c := &cluster{Cluster: lc, bed: b}
	for _, n := range c.Nodes[:2] {
		c.addTables(n, tables)
	}
	b.t.Cleanup(c.explainFailure)
	return c
}

// folderOfNode stands for the folder of a node in the tables that are added to its config.
const folderOfNode = "NODE-DIR"

// addTables adds tables to the config of a node.
func (c *cluster) addTables(n *lab.Node, tables string) {
	c.bed.t.Helper()
	text, err := os.ReadFile(n.ConfigFile())
	must(c.bed.t, err)
	must(c.bed.t, os.WriteFile(n.ConfigFile(), append(text, strings.ReplaceAll(tables, folderOfNode, n.Dir)...), 0o600))
}

func (c *cluster) explainFailure() {
	if !c.bed.t.Failed() {
		return
	}
	for _, n := range c.Nodes {
		c.bed.t.Logf("log of %s:\n%s", n.Name, n.LogTail(40))
	}
}

// status asks a node by its socket, as that is quicker than to run perch there.
func (c *cluster) status(n *lab.Node) (api.Status, error) {
	ctx, cancel := context.WithTimeout(c.bed.t.Context(), 5*time.Second)
	defer cancel()
	return api.NewClient(n.Socket()).Status(ctx)
}

// director returns the one that a node runs on.
func (c *cluster) director(n *lab.Node) *director {
	for _, d := range c.bed.directors {
		if d.Host == n.Host {
			return d
		}
	}
	return nil
}

// owner waits until a node says that it owns and holds all VIPs, and returns it.
func (c *cluster) owner(among ...*lab.Node) (owner *lab.Node) {
	c.bed.t.Helper()
	eventually(c.bed.t, "a node holds all VIPs", func() bool {
		for _, n := range among {
			if c.holds(n) {
				owner = n
				return true
			}
		}
		return false
	})
	return owner
}

func (c *cluster) holds(n *lab.Node) bool {
	status, err := c.status(n)
	if err != nil || len(status.VIPs) != len(c.Spec.VIPs) {
		return false
	}
	for _, v := range status.VIPs {
		if v.Owner != n.Name || !v.Held {
			return false
		}
	}
	return true
}

// die is the end of a director and of perch there, as by the loss of its power.
func (c *cluster) die(n *lab.Node) {
	c.bed.t.Helper()
	must(c.bed.t, n.Host.Eth0.Cut())
	must(c.bed.t, n.Kill())
}
