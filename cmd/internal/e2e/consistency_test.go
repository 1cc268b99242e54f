package e2e

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// allWarn waits until the status of each node has a warning.
func (c *cluster) allWarn(want string) {
	c.t.Helper()
	for _, n := range c.Nodes {
		c.eventuallySays(n.Name+" warns: "+want, func() bool { return slices.Contains(c.status(n).Warnings, want) })
	}
}

// nobodyWarns waits until no node warns of anything.
func (c *cluster) nobodyWarns() {
	c.t.Helper()
	for _, n := range c.Nodes {
		c.eventuallySays(n.Name+" warns of nothing", func() bool { return len(c.status(n).Warnings) == 0 })
	}
}

// Each node says which of them has another list of VIPs, and how to mend it. During a reload of
// one node after the other it is so, and ends by itself.
func TestStatusWarnsOfOtherVIPs(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.nobodyWarns()
	more := append(slices.Clone(c.Spec.VIPs), lab.VIP{Address: netip.MustParsePrefix("198.18.0.101/24"), Interface: "eth0"})
	reload := func(n *lab.Node) {
		c.must(n.WriteConfig(more...))
		c.perch(n, "reload")
	}
	reload(c.Nodes[0])
	c.allWarn("lb1 has 198.18.0.101/24, which lb2 has not: its config lists 3 VIPs, that of lb2 2; make the files alike and run `perch reload` on lb1")
	reload(c.Nodes[1])
	c.allWarn("lb3 has no 198.18.0.101/24: its config lists 2 VIPs, that of lb1 3; make the files alike and run `perch reload` on lb3")
	reload(c.Nodes[2])
	c.nobodyWarns()
}

// A setting of the cluster that one node has otherwise is named, with who has which.
func TestStatusWarnsOfOtherSettings(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	setKey(t, c.Node("lb2"), `when_unhealthy = "release"`)
	c.perch(c.Node("lb2"), "reload")
	c.allWarn("cluster.when_unhealthy is keep on lb1, lb3, release on lb2: make the files alike and run `perch reload`")
	c.must(c.Node("lb2").WriteConfig(c.Spec.VIPs...))
	c.perch(c.Node("lb2"), "reload")
	c.nobodyWarns()
}

// So are the peers, of a node that was started with another list.
func TestStatusWarnsOfOtherPeers(t *testing.T) {
	t.Parallel()
	c := newCluster(t, newNetwork(t))
	lb3 := c.Node("lb3")
	c.Spec.Priority = map[string]int{"lb1": 7}
	c.must(lb3.WriteConfig(c.Spec.VIPs...))
	c.must(c.StartAll())
	c.settled()
	want := "lb3 has other values of lb1 (" + c.Node("lb1").Address().String() + ", priority 7; on lb1 " +
		c.Node("lb1").Address().String() + ", priority 100): make the lists of peers alike and restart perch on lb3"
	c.allWarn(want)
	if text := c.perch(lb3, "status"); !strings.Contains(text, "warning: "+want) {
		t.Errorf("the status for people lacks the warning:\n%s", text)
	}
}
