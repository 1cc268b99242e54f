package e2e

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// slower gives one node another profile than the others have.
func (c *cluster) slower(n *lab.Node, profile string) {
	c.t.Helper()
	text, err := os.ReadFile(n.ConfigFile())
	c.must(err)
	changed := strings.Replace(string(text), `failover = "normal"`, `failover = "`+profile+`"`, 1)
	if changed == string(text) {
		c.t.Fatalf("no failover profile in %s", n.ConfigFile())
	}
	c.must(os.WriteFile(n.ConfigFile(), []byte(changed), 0o600))
}

// handBack transfers the VIPs to a node as soon as it is in contact.
func (c *cluster) handBack(from, to *lab.Node) {
	c.t.Helper()
	c.eventuallySays(to.Name+" is in contact, and takes over", func() bool {
		ctx, cancel := c.limit()
		defer cancel()
		_, err := from.Perch(ctx, "transfer", to.Name)
		return err == nil || c.holdsAny(to)
	})
}

// Voters that lose patience sooner than their leader expects never elect a second
// owner: a lease lasts as long as they said, not as long as the leader would.
func TestMixedProfilesNeverTwoOwners(t *testing.T) {
	t.Parallel()
	c := newCluster(t, newNetwork(t)) // of fast, elections would follow each other on a busy machine
	odd := c.Nodes[0]
	c.slower(odd, "wan")
	c.must(c.StartAll())
	c.settled()
	for _, n := range c.Nodes {
		want := odd.Name + " runs with heartbeat 1s, lb2, lb3 with 300ms: all nodes must have the same failover profile"
		c.eventuallySays(n.Name+" warns of the mixture", func() bool { return slices.Contains(c.status(n).Warnings, want) })
	}
	c.neverTwoOwners()
	for range 3 {
		if owner := c.owner(); owner != odd {
			c.handBack(owner, odd)
			c.movedFrom(owner)
		}
		c.must(odd.Host.Links()[0].Cut())
		c.movedFrom(odd)
		c.must(odd.Host.Links()[0].Splice())
		c.settled()
	}
}
