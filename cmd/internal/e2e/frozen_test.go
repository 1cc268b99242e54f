package e2e

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// besideAFrozenNode starts a cluster of which a node that is not the owner freezes.
func besideAFrozenNode(t *testing.T) (c *cluster, p *pings, owner, frozen *lab.Node) {
	t.Helper()
	c = startCluster(t)
	c.neverTwoOwners()
	p = c.ping()
	owner = c.owner()
	frozen = c.others(owner)[0]
	c.freeze(frozen)
	return c, p, owner, frozen
}

// An orderly stop hands over to the node that answers, not to a frozen one. What
// is left has no majority once the stopped node is gone.
func TestLeaderSIGTERMBesideAFrozenNode(t *testing.T) {
	t.Parallel()
	c, p, old, frozen := besideAFrozenNode(t)
	c.awaitUnreachable(frozen, old)
	c.terminate(old)
	if want := `msg="handed over" to=` + c.others(old)[1].Name; !strings.Contains(old.LogTail(50), want) {
		t.Errorf("%s was stopped without: %s", old.Name, want)
	}
	c.thaw(frozen)
	c.movedFrom(old)
	p.outageAtMost(2 * brief)
}

// A target that does not answer is given up on before anything is released.
func TestTransferToFrozenNode(t *testing.T) {
	t.Parallel()
	c, p, old, frozen := besideAFrozenNode(t)
	t.Log(c.refused(old, "transfer", frozen.Name))
	if now := c.owner(); now != old {
		t.Errorf("%s owns the VIPs, want %s, which could not hand them over", now.Name, old.Name)
	}
	p.outageAtMost(brief)
	c.thaw(frozen)
	c.soleAnswer(c.settled())
}

// An owner that was frozen while another took over puts nothing back when it goes
// on, although it learns only then that it lost leadership and its addresses.
func TestThawedOwnerTakesNothingBack(t *testing.T) {
	for name, vips := range map[string]option{
		"IPv4": vips("eth0", "198.18.0.100/24"),
		"IPv6": vips("eth0", "2001:db8::100/64"),
		"both": vips("eth0", "198.18.0.100/24", "2001:db8::100/64"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := startCluster(t, failover("fast"), vips)
			for range 3 { // it would be a race each time
				c.freezeAndThaw(c.settled())
			}
		})
	}
}

func (c *cluster) freezeAndThaw(old *lab.Node) {
	c.t.Helper()
	c.freeze(old)
	next := c.movedFrom(old) // alone: the addresses of the frozen one have run out
	end := c.watchOwners()
	untouched := c.touchesNothing(old)
	c.thaw(old)
	c.stillOwnedBy(next)
	untouched()
	end()
	c.soleAnswer(next)
}

// touchesNothing fails the case when a node that has no VIP adds one before end is
// called, for however short a time.
func (c *cluster) touchesNothing(n *lab.Node) (end func()) {
	c.t.Helper()
	watched := map[netip.Addr]*lab.Touches{}
	for _, addr := range c.addresses() {
		touches, err := n.Host.Touches(addr)
		c.must(err)
		watched[addr] = touches
	}
	return func() {
		for addr, touches := range watched {
			count, err := touches.Count()
			c.must(err)
			c.must(touches.Close())
			if count > 0 {
				c.t.Errorf("%s touched %s %d times, and does not own it", n.Name, addr, count)
			}
		}
	}
}
