package e2e

import (
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// A host that has the VIPs before the cluster takes them: nobody waits for it, its
// MAC is in the status of every node, and the client ends up at the owner.
func TestForeignHostHasTheVIPs(t *testing.T) {
	t.Parallel()
	net := newNetwork(t)
	foreign := net.addHost(t, "foreign")
	c := newCluster(t, net)
	for _, vip := range c.Spec.VIPs {
		c.must(foreign.AddAddress(vip.Address))
	}
	p := c.ping() // so far the foreign host answers
	c.must(c.StartAll())
	owner := c.settled()
	for _, n := range c.Nodes {
		c.sayClaimedBy(n, foreign)
	}
	c.clientReaches(owner)
	p.answered()
}

// A host that takes the VIPs later and says so: the owner gets the client back at
// once, and not with its next announcement, which is a minute away.
func TestForeignHostTakesTheVIPs(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	foreign := c.net.addHost(t, "foreign")
	owner := c.owner()
	p := c.ping()
	c.clientReaches(owner)
	c.eventuallySays("the owner has announced the VIPs for the fifth time", func() bool {
		return time.Since(c.status(owner).VIPs[0].Since) > 6*time.Second
	})
	for _, vip := range c.Spec.VIPs {
		c.must(foreign.AddAddress(vip.Address))
		c.must(foreign.Claim(vip.Address.Addr()))
	}
	for _, n := range c.Nodes {
		c.sayClaimedBy(n, foreign)
	}
	c.clientReaches(owner)
	c.stillOwnedBy(owner)
	p.answered()
}

// Two clusters that were given the same VIPs by mistake name each other's owner.
func TestTwoClustersWithTheSameVIPs(t *testing.T) {
	t.Parallel()
	net := newNetwork(t)
	a := newCluster(t, net)
	b := newCluster(t, net, named("core", "another-secret-for-tests-9876543210"))
	a.must(a.StartAll())
	ownerA := a.settled()
	b.must(b.StartAll())
	ownerB := b.settled()
	a.sayClaimedBy(ownerA, ownerB.Host)
	b.sayClaimedBy(ownerB, ownerA.Host)
}

// sayClaimedBy waits until the node's status names the host as a rival for every
// VIP, also as a warning, while the VIPs are held all the same.
func (c *cluster) sayClaimedBy(n *lab.Node, foreign *lab.Host) {
	c.t.Helper()
	c.eventuallySays(n.Name+" says that "+foreign.Name+" claims the VIPs", func() bool {
		status := c.status(n)
		for _, vip := range status.VIPs {
			if x := vip.Conflict; !vip.Held || x == nil || x.MAC != foreign.Eth0.MAC.String() || x.Count == 0 || !x.Ongoing {
				return false
			}
		}
		return len(status.Warnings) >= len(status.VIPs)
	})
}

// The nodes of a cluster are no rivals of each other, however often the VIPs move.
func TestMovesAreNoConflicts(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	p := c.ping()
	for range 2 {
		for _, target := range c.Nodes {
			old := c.owner()
			if target == old {
				continue
			}
			c.perch(old, "transfer", target.Name)
			if now := c.movedFrom(old); now != target {
				t.Errorf("the VIPs went to %s, want %s", now.Name, target.Name)
			}
			c.noConflict(target)
		}
	}
	// Late frames count from a second on, and the owner asks again after two.
	c.never("a conflict is reported after a transfer", 3*time.Second, func() bool { return c.conflicts(c.Nodes[0]) > 0 })
	old := c.owner()
	c.terminate(old)
	c.noConflict(c.movedFrom(old))
	p.answered()
}

func (c *cluster) noConflict(viewer *lab.Node) {
	c.t.Helper()
	for _, vip := range c.status(viewer).VIPs {
		if vip.Conflict != nil {
			c.t.Errorf("%s reports a conflict over %s: %+v", viewer.Name, vip.Address, *vip.Conflict)
		}
	}
}

// conflicts is how many claims of other hosts the node's status counts.
func (c *cluster) conflicts(viewer *lab.Node) (count uint64) {
	c.t.Helper()
	for _, vip := range c.status(viewer).VIPs {
		if vip.Conflict != nil {
			count += vip.Conflict.Count
		}
	}
	return count
}
