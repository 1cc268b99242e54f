package e2e

import (
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

func TestOneFamilyAlone(t *testing.T) {
	for name, vip := range map[string]string{"IPv4": "198.18.0.100/24", "IPv6": "2001:db8::100/64"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := startCluster(t, vips("eth0", vip))
			c.neverTwoOwners()
			old := c.owner()
			p := c.ping()
			c.handOver(old, wasStopped, func() { c.terminate(old) })
			p.outageAtMost(brief)
		})
	}
}

func TestAddressDeletedByHandIsBack(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	owner := c.owner()
	p := c.ping()
	for _, addr := range c.addresses() {
		c.must(owner.Host.RemoveAddress(addr))
		c.eventually(addr.String()+" is back", func() bool {
			has, err := owner.Host.Has(addr)
			c.must(err)
			return has
		})
	}
	p.outageAtMost(brief)
	for _, vip := range c.status(owner).VIPs {
		if vip.Readded == 0 {
			t.Errorf("%s was put back, and status does not count it", vip.Address)
		}
	}
}

// The cluster talks over the interface that vanishes, so the VIPs move.
func TestInterfaceOfTheClusterRemoved(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.neverTwoOwners()
	old := c.owner()
	c.ping()
	c.must(old.Host.Eth0.Remove())
	c.movedFrom(old)
	c.must(old.Host.Eth0.Insert())
	c.soleAnswer(c.settled())
	c.perch(c.owner(), "transfer", old.Name)
	c.eventually(old.Name+" owns the VIPs again", func() bool { return c.owner() == old })
	c.soleAnswer(old)
}

// The VIPs are on another interface than the cluster: their owner stays, and
// puts them back when it can.
func TestInterfaceOfTheVIPsRemoved(t *testing.T) {
	t.Parallel()
	net := newNetwork(t)
	c := newCluster(t, net, vips("eth1", "198.18.1.100/24", "2001:db8:0:1::100/64"))
	second, err := net.AddSwitch()
	c.must(err)
	eth1 := map[*lab.Node]*lab.Link{}
	for _, n := range c.Nodes {
		eth1[n], err = n.Host.Join(second)
		c.must(err)
	}
	c.must(c.StartAll())
	owner := c.settled()
	c.must(eth1[owner].Remove())
	c.eventuallySays("status says why the VIPs are not held", func() bool {
		for _, vip := range c.status(owner).VIPs {
			if vip.Held || vip.Reason == "" {
				return false
			}
		}
		return true
	})
	c.must(eth1[owner].Insert())
	if now := c.owner(); now != owner {
		t.Errorf("%s owns the VIPs, want %s, whose interface is back", now.Name, owner.Name)
	}
}

func TestAddressLeftByAPredecessorIsSwept(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	old := c.owner()
	c.must(old.Kill())
	c.must(old.Start())
	c.soleAnswer(c.settled())
	if holders := c.holders(); len(holders) != 1 {
		t.Errorf("%d nodes hold VIPs after the killed one came back", len(holders))
	}
}

// added is the VIP that a reload adds.
var added = lab.VIP{Address: netip.MustParsePrefix("198.18.0.101/24"), Interface: "eth0"}

func TestReloadWhilePinged(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.neverTwoOwners()
	owner := c.owner()
	p := c.ping()
	before := c.status(owner).VIPs
	for _, n := range c.Nodes {
		c.must(n.WriteConfig(append(c.Spec.VIPs, added)...))
		c.perch(n, "reload")
	}
	c.eventually("the owner has the new VIP", func() bool { return c.hasOn(owner, added) })
	for _, n := range c.Nodes {
		c.must(n.WriteConfig(c.Spec.VIPs...))
		c.perch(n, "reload")
	}
	c.eventually("the owner has let go of it", func() bool { return !c.hasOn(owner, added) })
	c.stillOwnedBy(owner)
	for i, vip := range c.status(owner).VIPs {
		if !vip.Since.Equal(before[i].Since) {
			t.Errorf("%s was let go by a reload that kept it", vip.Address)
		}
	}
	if moves := c.perch(owner, "history", "-o", "json"); strings.Count(moves, `"to"`) != 1 {
		t.Errorf("the reloads are in the history of moves:\n%s", moves)
	}
	p.outageAtMost(brief)
}

// SIGHUP reloads too, and SIGINT stops as SIGTERM does.
func TestSignals(t *testing.T) {
	t.Parallel()
	c := startCluster(t, failover("wan")) // it is not about time, and wants no election
	c.neverTwoOwners()
	owner := c.owner()
	c.must(owner.WriteConfig(append(c.Spec.VIPs, added)...))
	c.must(owner.Process().Signal(syscall.SIGHUP))
	c.eventually("the owner has the new VIP", func() bool { return c.hasOn(owner, added) })
	c.handOver(owner, wasStopped, func() {
		c.must(owner.Process().Signal(syscall.SIGINT))
		select {
		case <-owner.Process().Done():
			c.must(owner.Process().Err())
		case <-time.After(patience):
			t.Fatal("SIGINT did not end the daemon")
		}
	})
}

func (c *cluster) hasOn(n *lab.Node, vip lab.VIP) bool {
	c.t.Helper()
	has, err := n.Host.Has(vip.Address.Addr())
	c.must(err)
	return has
}

func TestReloadOfABadFileChangesNothing(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	owner := c.owner()
	p := c.ping()
	bad := lab.VIP{Address: netip.PrefixFrom(owner.Address().Addr(), 24), Interface: "eth0"}
	c.must(owner.WriteConfig(bad))
	t.Log(c.refused(owner, "reload"))
	c.stillOwnedBy(owner)
	p.outageAtMost(brief)
}
