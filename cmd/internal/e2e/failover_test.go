package e2e

import (
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// terminate stops perch in an orderly way; it must exit with 0.
func (c *cluster) terminate(n *lab.Node) {
	c.t.Helper()
	ctx, cancel := c.limit()
	defer cancel()
	c.must(n.Terminate(ctx))
}

func TestLeaderSIGTERM(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.neverTwoOwners()
	old := c.owner()
	p := c.ping()
	c.terminate(old)
	c.movedFrom(old)
	p.outageAtMost(brief)
	c.must(old.Start())
	c.settled()
	p.outageAtMost(brief)
}

// A killed perch leaves its addresses to the kernel, which lets them run out.
func TestLeaderSIGKILL(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	old := c.owner()
	p := c.ping()
	c.must(old.Kill())
	killed := time.Now()
	c.movedFrom(old)
	if took := time.Since(killed); took > 8*time.Second {
		t.Errorf("the killed node's kernel let go after %s", took)
	}
	c.neverTwoOwners()
	c.must(old.Start())
	c.settled()
	p.outageAtMost(brief)
}

func TestLeaderLinkCut(t *testing.T) {
	t.Parallel()
	c := startCluster(t, failover("fast"))
	c.neverTwoOwners()
	old := c.owner()
	p := c.ping()
	c.must(old.Host.Eth0.Cut())
	c.movedFrom(old)
	p.outageAtMost(brief)
	c.must(old.Host.Eth0.Splice())
	c.soleAnswer(c.settled())
}

func TestLeaderIsolatedBySwitch(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.neverTwoOwners()
	old := c.owner()
	c.ping()
	c.must(old.Host.Eth0.Isolate())
	c.movedFrom(old)
	c.must(old.Host.Eth0.Rejoin())
	c.soleAnswer(c.settled())
}

func TestLeaderIsolatedByNftables(t *testing.T) {
	faults := map[string][]func(*lab.Link) error{
		"cannot send":    {(*lab.Link).Mute},
		"cannot receive": {(*lab.Link).Deafen},
		"neither":        {(*lab.Link).Mute, (*lab.Link).Deafen},
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			needNft(t)
			c := startCluster(t)
			c.neverTwoOwners()
			old := c.owner()
			c.ping()
			for _, fail := range fault {
				c.must(fail(old.Host.Eth0))
			}
			c.movedFrom(old)
			c.must(old.Host.Eth0.Restore())
			c.soleAnswer(c.settled())
		})
	}
}

func TestMinoritySideNeverOwns(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.neverTwoOwners()
	old := c.owner()
	c.must(old.Host.Eth0.Isolate())
	c.movedFrom(old)
	c.never("the node that is alone holds a VIP", 3*time.Second, func() bool {
		return c.holdsAny(old)
	})
	c.must(old.Host.Eth0.Rejoin())
	c.soleAnswer(c.settled())
}

func TestNobodyOwnsWithoutAnyMajority(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.neverTwoOwners()
	for _, n := range c.Nodes {
		c.must(n.Host.Eth0.Isolate())
	}
	c.eventually("every node lets go", func() bool { return len(c.holders()) == 0 })
	c.never("a node that is alone holds a VIP", 3*time.Second, func() bool {
		return len(c.holders()) > 0
	})
	for _, n := range c.Nodes {
		c.must(n.Host.Eth0.Rejoin())
	}
	c.soleAnswer(c.settled())
}
