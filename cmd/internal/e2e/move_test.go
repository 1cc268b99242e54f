package e2e

import (
	"testing"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

func TestTransferToNamedNode(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.neverTwoOwners()
	p := c.ping()
	old := c.owner()
	for _, target := range append(c.others(old), old) {
		from := c.owner()
		now := c.handOver(from, askedFor, func() { c.perch(c.Nodes[0], "transfer", target.Name) })
		if now != target {
			t.Errorf("the VIPs went to %s, want %s", now.Name, target.Name)
		}
		p.outageAtMost(brief)
	}
}

// Of those that can take over the one with the highest priority gets the VIPs,
// whatever its name.
func TestTransferToBestNode(t *testing.T) {
	t.Parallel()
	c := startCluster(t, priorities(map[string]int{"lb1": 50, "lb2": 150, "lb3": 200}))
	c.neverTwoOwners()
	p := c.ping()
	best, second, last := c.Node("lb3"), c.Node("lb2"), c.Node("lb1")
	old := c.owner()
	if old == best {
		old = c.transferred(old, second)
	}
	c.transferred(old, best)
	c.transferred(best, second)
	p.outageAtMost(brief)

	c.must(best.Kill())
	c.awaitUnreachable(best, second)
	c.transferred(second, last)
	p.outageAtMost(brief)
}

// transferred asks for a hand-over without naming a target, and wants this one.
func (c *cluster) transferred(from, want *lab.Node) *lab.Node {
	c.t.Helper()
	now := c.handOver(from, askedFor, func() { c.perch(from, "transfer") })
	if now != want {
		c.t.Fatalf("the VIPs went from %s to %s, want %s", from.Name, now.Name, want.Name)
	}
	return now
}

func TestTransferToUnknownNode(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	old := c.owner()
	c.refused(old, "transfer", "lb9")
	c.stillOwnedBy(old)
}

func TestDrain(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.neverTwoOwners()
	p := c.ping()
	old := c.owner()
	next := c.handOver(old, wasDrained, func() { c.perch(old, "drain", old.Name) })
	p.outageAtMost(brief)

	// With one node drained and one gone the last may own, and the drained may not.
	last := c.handOver(next, wasStopped, func() { c.terminate(next) })
	if last == old {
		t.Errorf("%s owns the VIPs although it is drained", old.Name)
	}
	c.perch(last, "undrain", old.Name)
	now := c.handOver(last, askedFor, func() { c.perch(last, "transfer", old.Name) })
	if now != old {
		t.Errorf("the VIPs went to %s, want %s, which is no longer drained", now.Name, old.Name)
	}
}
