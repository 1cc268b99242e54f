package e2e

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/lab"
)

// addresses returns the cluster's VIPs without their prefix lengths.
func (c *cluster) addresses() []netip.Addr {
	var addrs []netip.Addr
	for _, vip := range c.Spec.VIPs {
		if vip.Kind != "" {
			addrs = append(addrs, sampled(vip.Address)...)
			continue
		}
		addrs = append(addrs, vip.Address.Addr())
	}
	return addrs
}

// holders returns the nodes that hold any VIP in their kernels, whether or not
// they run.
func (c *cluster) holders() []*lab.Node {
	c.t.Helper()
	var holders []*lab.Node
	for _, addr := range c.addresses() {
		holding, err := c.Holding(addr)
		c.must(err)
		for _, n := range holding {
			if !slices.Contains(holders, n) {
				holders = append(holders, n)
			}
		}
	}
	return holders
}

// holdsAll reports whether the node's kernel has every VIP.
func (c *cluster) holdsAll(n *lab.Node) bool {
	c.t.Helper()
	return !slices.ContainsFunc(c.addresses(), func(addr netip.Addr) bool {
		has, err := n.Host.Has(addr)
		c.must(err)
		return !has
	})
}

// holdsAny reports whether the node's kernel has any VIP.
func (c *cluster) holdsAny(n *lab.Node) bool {
	c.t.Helper()
	for _, addr := range c.addresses() {
		has, err := n.Host.Has(addr)
		c.must(err)
		if has {
			return true
		}
	}
	return false
}

// owner waits until one running node alone holds every VIP, and returns it.
func (c *cluster) owner() (owner *lab.Node) {
	c.t.Helper()
	c.eventually("one node alone holds all VIPs", func() bool {
		holders := c.holders()
		if len(holders) != 1 || !holders[0].Running() {
			return false
		}
		owner = holders[0]
		return c.holdsAll(owner)
	})
	return owner
}

// settled waits until there is an owner and every running node agrees on it, and
// returns the owner.
func (c *cluster) settled() (owner *lab.Node) {
	c.t.Helper()
	c.eventuallySays("all running nodes agree on the owner", func() bool {
		owner = c.owner()
		return !slices.ContainsFunc(c.Nodes, func(n *lab.Node) bool {
			return n.Running() && !c.agrees(n, owner)
		})
	})
	return owner
}

// agrees reports whether the node's status names the owner, and shows every
// running node in a role.
func (c *cluster) agrees(n, owner *lab.Node) bool {
	ctx, cancel := c.limit()
	defer cancel()
	status, err := n.Status(ctx)
	if err != nil || status.Cluster == nil || status.Cluster.Leader != owner.Name {
		return false
	}
	for _, vip := range status.VIPs {
		if vip.Owner != owner.Name || !vip.Held {
			return false
		}
	}
	return !slices.ContainsFunc(status.Cluster.Nodes, func(seen api.Node) bool {
		return seen.Role == api.RoleUnreachable && c.Node(seen.Name).Running()
	})
}

// status returns what the node says of the cluster.
func (c *cluster) status(n *lab.Node) api.Status {
	c.t.Helper()
	ctx, cancel := c.limit()
	defer cancel()
	status, err := n.Status(ctx)
	c.must(err)
	return status
}

// seenBy returns what one node says of another.
func (c *cluster) seenBy(viewer, n *lab.Node) api.Node {
	c.t.Helper()
	for _, seen := range c.status(viewer).Cluster.Nodes {
		if seen.Name == n.Name {
			return seen
		}
	}
	c.t.Fatalf("%s does not know of %s", viewer.Name, n.Name)
	return api.Node{}
}

// movedFrom waits until another node than old owns the VIPs, checks that the
// client has noticed, and returns the new owner. Old may be cut off or dead: it
// must have let go too.
func (c *cluster) movedFrom(old *lab.Node) (owner *lab.Node) {
	c.t.Helper()
	c.eventually("another node than "+old.Name+" owns the VIPs", func() bool {
		owner = c.owner()
		return owner != old
	})
	c.clientReaches(owner)
	c.soleAnswer(owner)
	return owner
}

// clientReaches waits until the client's neighbour cache names the node for every
// VIP, if the client ever used them.
func (c *cluster) clientReaches(n *lab.Node) {
	c.t.Helper()
	if !c.pinged {
		return
	}
	for _, addr := range c.addresses() {
		c.eventually("the client takes "+n.Name+" for the owner of "+addr.String(), func() bool {
			host, err := c.net.client.Neighbor(addr)
			c.must(err)
			return host == n.Host
		})
	}
}

// soleAnswer asks the whole segment for every VIP and wants one answer: of the named
// node, or of the owner if the VIPs moved on meanwhile, as they do on a busy machine.
func (c *cluster) soleAnswer(want *lab.Node) {
	c.t.Helper()
	for _, addr := range c.addresses() {
		hosts := c.answering(addr)
		for moves := 0; moves < 3 && len(hosts) == 1 && hosts[0] != want.Host; moves++ {
			want = c.owner()
			hosts = c.answering(addr)
		}
		if len(hosts) != 1 || hosts[0] != want.Host {
			c.t.Errorf("%s is answered for by %s, want %s alone", addr, hostNames(hosts), want.Name)
		}
	}
}

// answering returns who answers for addr. A busy machine may keep the owner from its
// lease for a moment.
func (c *cluster) answering(addr netip.Addr) (hosts []*lab.Host) {
	c.t.Helper()
	for range 20 {
		var err error
		hosts, err = c.net.asker.Answering(addr, 100*time.Millisecond)
		c.must(err)
		if len(hosts) > 0 {
			break
		}
	}
	return hosts
}

func hostNames(hosts []*lab.Host) string {
	var list []string
	for _, h := range hosts {
		list = append(list, h.Name)
	}
	return "[" + strings.Join(list, " ") + "]"
}

// neverTwoOwners fails the case when two nodes ever hold a VIP at once from now
// until its end.
func (c *cluster) neverTwoOwners() { c.t.Cleanup(c.watchOwners()) }

// watchOwners fails the case when two nodes hold a VIP at once before end is called.
func (c *cluster) watchOwners() (end func()) {
	watches := map[netip.Addr]*lab.Watch{}
	for _, addr := range c.addresses() {
		watches[addr] = c.net.Watch(addr)
	}
	return func() {
		for addr, w := range watches {
			if err := w.Close(); err != nil {
				c.t.Error(err)
			}
			if found := w.Overlaps(time.Time{}); len(found) > 0 {
				first, last := found[0], found[len(found)-1]
				c.t.Errorf("%s was held by %s and %s at once, %d times within %s", addr,
					first.First.Name, first.Second.Name, len(found), last.At.Sub(first.At))
			}
		}
	}
}

// others returns the nodes but one.
func (c *cluster) others(than *lab.Node) []*lab.Node {
	return slices.DeleteFunc(slices.Clone(c.Nodes), func(n *lab.Node) bool { return n == than })
}
