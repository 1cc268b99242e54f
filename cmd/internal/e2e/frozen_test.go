package e2e

import (
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
	if err := c.refused(frozen, "transfer"); err != nil && !strings.Contains(err.Error(), "does not answer: is it stopped or overloaded?") {
		t.Errorf("a command to the frozen node ends with: %v", err)
	}
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
			c := startCluster(t, vips)
			for rounds := 3; rounds > 0; { // it would be a race each time
				if c.freezeAndThaw(c.settled()) {
					rounds--
				}
			}
		})
	}
}

// freezeAndThaw freezes the owner until another node has taken over. It returns
// false if the VIPs moved once more after that, as they do on a busy machine: then
// the thawed one may have taken them rightly.
func (c *cluster) freezeAndThaw(old *lab.Node) bool {
	c.t.Helper()
	c.freeze(old)
	next := c.movedFrom(old) // alone: the addresses of the frozen one have run out
	term := c.status(next).Cluster.Term
	end := c.watchOwners()
	defer end()
	touched := c.touches(old)
	c.thaw(old)
	if now := c.settled(); c.status(now).Cluster.Term != term {
		c.t.Log("the VIPs moved once more")
		touched()
		return false
	}
	if n := touched(); n > 0 {
		c.t.Errorf("%s touched VIPs %d times, and %s owns them", old.Name, n, next.Name)
	}
	return true
}

// touches counts how often the node adds, refreshes or removes a VIP before end is
// called, for however short a time.
func (c *cluster) touches(n *lab.Node) (end func() int) {
	c.t.Helper()
	var watched []*lab.Touches
	for _, addr := range c.addresses() {
		touches, err := n.Host.Touches(addr)
		c.must(err)
		watched = append(watched, touches)
	}
	return func() (sum int) {
		for _, touches := range watched {
			count, err := touches.Count()
			c.must(err)
			c.must(touches.Close())
			sum += count
		}
		return sum
	}
}
