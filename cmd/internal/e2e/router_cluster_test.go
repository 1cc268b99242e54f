package e2e

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/lab"
)

// Addresses of the cases in which a cluster and a virtual router run side by side.
const (
	besideVIP    = "198.18.0.100"
	besideRouter = "198.18.0.101"
)

// besideCluster starts a cluster whose nodes have a virtual router, too, of which lb1 is
// the best node, then lb2.
func besideCluster(t *testing.T) *cluster {
	t.Helper()
	c := newCluster(t, newNetwork(t), vips("eth0", besideVIP+"/24"))
	for i, n := range c.Nodes {
		text, err := os.ReadFile(n.ConfigFile())
		c.must(err)
		gw := router("gw", 51, 200-50*i, besideRouter+"/24")
		c.must(os.WriteFile(n.ConfigFile(), append(text, gw...), 0o600))
	}
	c.must(c.StartAll())
	c.settled()
	c.masterIs(c.Nodes[0])
	return c
}

// masterIs waits until the node alone has the address of the virtual router.
func (c *cluster) masterIs(want *lab.Node) {
	c.t.Helper()
	c.eventually(want.Name+" alone is the master", func() bool {
		return slices.Equal(c.running(besideRouter), []*lab.Node{want})
	})
}

// running returns the running nodes that have an address.
func (c *cluster) running(addr string) (nodes []*lab.Node) {
	c.t.Helper()
	for _, n := range c.Nodes {
		if n.Running() && (&station{t: c.t, Daemon: &n.Daemon}).has(addr) {
			nodes = append(nodes, n)
		}
	}
	return nodes
}

// saysBoth waits until every running node's status has the owner and the master.
func (c *cluster) saysBoth(owner, master *lab.Node) {
	c.t.Helper()
	for _, n := range c.Nodes {
		if !n.Running() {
			continue
		}
		want := fmt.Sprintf("%s %s", owner.Name, master.Host.Eth0.IPv4.Addr())
		c.eventuallySays(n.Name+" says: "+want, func() bool {
			st := c.status(n)
			is := map[bool]string{true: api.StateMaster, false: api.StateBackup}[n == master]
			return len(st.VIPs) == 1 && len(st.VRRP) == 1 && st.Cluster.Quorum && st.VIPs[0].Held &&
				fmt.Sprintf("%s %s", st.VIPs[0].Owner, st.VRRP[0].Master) == want &&
				st.VRRP[0].State == is && st.VRRP[0].Addresses[0].Held == (n == master)
		})
	}
}

// takes moves the VIP to the node, which may have it already.
func (c *cluster) takes(n *lab.Node) {
	c.t.Helper()
	if c.owner() != n {
		c.perch(c.Nodes[1], "transfer", n.Name)
		c.eventually(n.Name+" owns", func() bool { return c.owner() == n })
	}
}

// A node that has both loses both, to whichever node is right for each.
func TestRouterBesideClusterKilled(t *testing.T) {
	t.Parallel()
	c := besideCluster(t)
	c.neverTwoAnswers()
	lb1, lb2 := c.Nodes[0], c.Nodes[1]
	c.takes(lb1)
	c.saysBoth(lb1, lb1)
	c.must(lb1.Kill())
	c.masterIs(lb2)
	owner := c.movedFrom(lb1)
	c.saysBoth(owner, lb2)
	c.soleAnswer(owner)
	if hosts := c.answering(netip.MustParseAddr(besideRouter)); !slices.Equal(hosts, []*lab.Host{lb2.Host}) {
		t.Errorf("%v answer for the router's address, want %s alone", hosts, lb2.Name)
	}

	c.must(lb1.Start())
	c.masterIs(lb1) // it preempts; the VIP stays where it is
	c.stillOwnedBy(owner)
	c.saysBoth(owner, lb1)
}

// What moves the VIPs by hand leaves virtual routers alone.
func TestRouterBesideClusterMovedVIP(t *testing.T) {
	t.Parallel()
	c := besideCluster(t)
	c.neverTwoOwners()
	lb1, lb2, lb3 := c.Nodes[0], c.Nodes[1], c.Nodes[2]
	left := departures(t, lb1.Host, besideRouter)
	since := c.status(lb1).VRRP[0].Since
	c.takes(lb1)
	c.perch(lb2, "transfer", "lb3")
	c.eventually("lb3 owns", func() bool { return c.owner() == lb3 })
	c.saysBoth(lb3, lb1)
	c.takes(lb1)
	c.perch(lb1, "drain")
	owner := c.movedFrom(lb1)
	c.saysBoth(owner, lb1)
	c.perch(lb1, "undrain")
	c.perch(lb2, "drain", owner.Name)
	c.saysBoth(c.movedFrom(owner), lb1)
	if now := c.status(lb1).VRRP[0].Since; left() > 0 || !now.Equal(since) {
		t.Errorf("the address of the router went %d times; its master is one since %s, was since %s", left(), now, since)
	}
}

// An orderly end gives up both.
func TestRouterBesideClusterStopped(t *testing.T) {
	t.Parallel()
	c := besideCluster(t)
	c.neverTwoOwners()
	lb1, lb2 := c.Nodes[0], c.Nodes[1]
	c.takes(lb1)
	c.terminate(lb1)
	for _, addr := range []string{besideVIP, besideRouter} {
		if (&station{t: t, Daemon: &lb1.Daemon}).has(addr) {
			t.Errorf("%s was stopped and left %s behind", lb1.Name, addr)
		}
	}
	c.masterIs(lb2)
	c.saysBoth(c.movedFrom(lb1), lb2)
}
