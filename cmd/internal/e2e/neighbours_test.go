package e2e

import (
	"testing"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// Two clusters with the same peers' names share a segment and need not know of
// each other: neither their names nor their secrets have to differ both.
func TestTwoClustersOnOneSegment(t *testing.T) {
	others := map[string]option{
		"another name":   named("core", "a-secret-for-tests-only-0123456789"),
		"another secret": named("edge", "another-secret-for-tests-9876543210"),
	}
	for name, other := range others {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			net := newNetwork(t)
			a := newCluster(t, net)
			b := newCluster(t, net, other, vips("eth0", "198.18.0.110/24", "2001:db8::110/64"))
			a.neverTwoOwners()
			b.neverTwoOwners()
			a.must(a.StartAll())
			b.must(b.StartAll())
			ownerA, ownerB := a.settled(), b.settled()

			a.terminate(ownerA)
			a.movedFrom(ownerA)
			b.stillOwnedBy(ownerB)
			b.soleAnswer(ownerB)
		})
	}
}

// A node of another cluster that sits on a peer's address is turned away.
func TestForeignNodeOnAPeersAddress(t *testing.T) {
	t.Parallel()
	net := newNetwork(t)
	c := newCluster(t, net)
	var hosts []*lab.Host
	for _, n := range c.Nodes {
		hosts = append(hosts, n.Host)
	}
	c.must(c.StartAll())
	owner := c.settled()
	left := c.others(owner)[0]
	c.terminate(left)
	foreign := newClusterOn(t, net, hosts, named("edge", "another-secret-for-tests-9876543210"))
	c.must(foreign.Node(left.Name).Start())

	c.eventuallySays("the foreign node was refused and counted", func() bool {
		return c.status(owner).Cluster.Refused > 0
	})
	c.stillOwnedBy(owner)
	c.soleAnswer(owner)
}
