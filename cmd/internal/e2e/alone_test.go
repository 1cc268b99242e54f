package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// A cluster of one node has nobody to hand over to: it must let go all the same.
func TestNodeAloneLetsGoWhenStopped(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	c := newClusterOn(t, n, []*lab.Host{n.addHost(t, "lb1")})
	c.must(c.StartAll())
	only := c.settled()
	c.terminate(only)
	if c.holdsAny(only) {
		t.Error("a VIP is left behind by a daemon that was stopped in good order")
	}
}

// Drained nodes own nothing, even when no other node is left.
func TestDrainedSurvivorsOwnNothing(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.neverTwoOwners()
	old := c.owner()
	rest := c.others(old)
	for _, n := range rest {
		c.perch(old, "drain", n.Name)
	}
	err := c.refused(old, "drain")
	for _, n := range rest {
		if err != nil && !strings.Contains(err.Error(), n.Name+" is drained") {
			t.Errorf("a drain is refused without a word about %s: %v", n.Name, err)
		}
	}
	c.must(old.Kill())
	c.eventually("the kernel of the dead node lets go", func() bool { return !c.holdsAny(old) })
	c.never("a drained node holds a VIP", 2*time.Second, func() bool { return len(c.holders()) > 0 })
	c.eventuallySays(rest[0].Name+" is not drained", func() bool {
		ctx, cancel := c.limit()
		defer cancel()
		_, err := rest[0].Perch(ctx, "undrain", rest[0].Name)
		return err == nil
	})
	if now := c.movedFrom(old); now != rest[0] {
		t.Errorf("the VIPs went to %s, want %s, which is no longer drained", now.Name, rest[0].Name)
	}
}
