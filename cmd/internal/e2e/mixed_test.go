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
	changed := strings.Replace(string(text), `failover = "fast"`, `failover = "`+profile+`"`, 1)
	if changed == string(text) {
		c.t.Fatalf("no failover profile in %s", n.ConfigFile())
	}
	c.must(os.WriteFile(n.ConfigFile(), []byte(changed), 0o600))
}

// Voters that lose patience sooner than their leader expects never elect a second
// owner: a lease lasts as long as they said, not as long as the leader would.
func TestMixedProfilesNeverTwoOwners(t *testing.T) {
	t.Parallel()
	c := newCluster(t, newNetwork(t), failover("fast"))
	odd := c.Nodes[0]
	c.slower(odd, "normal")
	c.must(c.StartAll())
	c.settled()
	for _, n := range c.Nodes {
		want := odd.Name + " runs with heartbeat 300ms, lb2, lb3 with 100ms: all nodes must have the same failover profile"
		c.eventuallySays(n.Name+" warns of the mixture", func() bool { return slices.Contains(c.status(n).Warnings, want) })
	}
	c.neverTwoOwners()
	for range 3 {
		if owner := c.owner(); owner != odd {
			c.eventuallySays(odd.Name+" is in contact, and takes over", func() bool {
				ctx, cancel := c.limit()
				defer cancel()
				_, err := owner.Perch(ctx, "transfer", odd.Name)
				return err == nil || c.holdsAny(odd)
			})
			c.movedFrom(owner)
		}
		c.must(odd.Host.Links()[0].Cut())
		c.movedFrom(odd)
		c.must(odd.Host.Links()[0].Splice())
		c.settled()
	}
}
