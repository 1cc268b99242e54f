package e2e

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// slower gives one node another profile than the others have.
func (c *cluster) slower(n *lab.Node, than, profile string) {
	c.t.Helper()
	text, err := os.ReadFile(n.ConfigFile())
	c.must(err)
	changed := strings.Replace(string(text), `failover = "`+than+`"`, `failover = "`+profile+`"`, 1)
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

// mixture is a cluster of a profile in which one node has a longer one.
type mixture struct {
	profile, odd       string
	heartbeat, oddBeat string
	// calm is whether the VIPs stay where they are on a busy machine, too. Of profile fast
	// elections may follow each other there, of which none may make a second owner.
	calm bool
}

// Voters that lose patience sooner than their leader expects never elect a second
// owner: a lease lasts as long as they said, not as long as the leader would.
func TestMixedProfilesNeverTwoOwners(t *testing.T) {
	t.Parallel()
	for _, m := range []mixture{
		{"fast", "normal", "100ms", "300ms", false},
		{"normal", "wan", "300ms", "1s", true},
	} {
		t.Run(m.profile+" and "+m.odd, func(t *testing.T) {
			t.Parallel()
			m.neverTwoOwners(t)
		})
	}
}

func (m mixture) neverTwoOwners(t *testing.T) {
	t.Helper()
	c := newCluster(t, newNetwork(t), failover(m.profile))
	odd := c.Nodes[0]
	c.slower(odd, m.profile, m.odd)
	c.must(c.StartAll())
	c.owner()
	for _, n := range c.Nodes {
		want := fmt.Sprintf("%s runs with heartbeat %s, lb2, lb3 with %s: all nodes must have the same failover profile", odd.Name, m.oddBeat, m.heartbeat)
		c.eventuallySays(n.Name+" warns of the mixture", func() bool { return slices.Contains(c.status(n).Warnings, want) })
	}
	c.neverTwoOwners()
	for range 3 {
		c.handTo(odd)
		c.must(odd.Host.Links()[0].Cut())
		c.eventually("another node than "+odd.Name+" holds VIPs", func() bool { return slices.ContainsFunc(c.others(odd), c.holdsAny) })
		if m.calm {
			c.movedFrom(odd)
		}
		c.must(odd.Host.Links()[0].Splice())
		if m.calm {
			c.settled()
		}
	}
}

// handTo has whoever leads transfer the VIPs until a node has them.
func (c *cluster) handTo(to *lab.Node) {
	c.t.Helper()
	c.eventuallySays(to.Name+" is in contact, and takes over", func() bool {
		for _, n := range c.others(to) {
			if c.holdsAny(to) {
				return true
			}
			ctx, cancel := c.limit()
			_, _ = n.Perch(ctx, "transfer", to.Name) // of those that do not lead it is passed on
			cancel()
		}
		return c.holdsAny(to)
	})
}
