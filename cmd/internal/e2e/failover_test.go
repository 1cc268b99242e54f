package e2e

import (
	"strings"
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
	c.handOver(old, wasStopped, func() { c.terminate(old) })
	p.outageAtMost(brief)
	c.must(old.Start())
	c.settled()
	p.outageAtMost(brief)
}

// What an owner does at its end would take the processor from the one that takes over: it holds
// nothing any more, and stays until that one has written down that it owns.
func TestStoppedOwnerStaysForTheClaim(t *testing.T) {
	t.Parallel()
	c := startCluster(t, failover("wan"))
	c.neverTwoOwners()
	for range 3 { // on a busy machine the claim may take longer than is waited for it
		old := c.owner()
		c.handOver(old, wasStopped, func() { c.terminate(old) })
		if strings.Contains(old.LogTail(1000), `what="claim seen"`) {
			return
		}
		c.must(old.Start())
		c.settled()
	}
	t.Error("no owner that was stopped has seen the claim of its successor")
}

// A killed perch leaves its addresses to the kernel, which lets them run out.
func TestLeaderSIGKILL(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	old := c.owner()
	p := c.ping()
	c.must(old.Kill())
	c.movedFrom(old) // alone: the killed node's kernel has let go
	c.neverTwoOwners()
	c.must(old.Start())
	c.settled()
	p.outageAtMost(brief)
}

// However a leader loses the network, it lets go before another takes over, and
// comes back as a follower.
func TestLeaderCutOff(t *testing.T) {
	type fault = func(*lab.Link) error
	tests := map[string]struct {
		profile string
		fail    []fault
		mend    fault
		nft     bool // whether the fault needs nft(8)
	}{
		"link cut":           {"fast", []fault{(*lab.Link).Cut}, (*lab.Link).Splice, false},
		"isolated by switch": {"normal", []fault{(*lab.Link).Isolate}, (*lab.Link).Rejoin, false},
		"cannot send":        {"normal", []fault{(*lab.Link).Mute}, (*lab.Link).Restore, true},
		"cannot receive":     {"normal", []fault{(*lab.Link).Deafen}, (*lab.Link).Restore, true},
		"neither":            {"normal", []fault{(*lab.Link).Mute, (*lab.Link).Deafen}, (*lab.Link).Restore, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tt.nft {
				lab.NeedNft(t)
			}
			c := startCluster(t, failover(tt.profile))
			c.neverTwoOwners()
			old := c.owner()
			p := c.ping()
			for _, fail := range tt.fail {
				c.must(fail(old.Host.Eth0))
			}
			c.movedFrom(old)
			p.outageAtMost(brief)
			c.must(tt.mend(old.Host.Eth0))
			c.soleAnswer(c.settled())
		})
	}
}

// Peers that meet over IPv6 hand over and fail over like any others.
func TestPeersOverIPv6(t *testing.T) {
	t.Parallel()
	c := startCluster(t, overIPv6)
	c.neverTwoOwners()
	p := c.ping()
	stopped := c.owner()
	old := c.handOver(stopped, wasStopped, func() { c.terminate(stopped) })
	p.outageAtMost(brief)
	c.must(stopped.Start())
	c.settled()

	c.must(old.Host.Eth0.Cut())
	c.movedFrom(old)
	p.outageAtMost(brief)
	c.must(old.Host.Eth0.Splice())
	c.soleAnswer(c.settled())
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
