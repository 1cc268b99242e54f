package e2e

import (
	"syscall"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/api"
)

func TestTransferToNamedNode(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.neverTwoOwners()
	p := c.ping()
	old := c.owner()
	for _, target := range append(c.others(old), old) {
		from := c.owner()
		c.perch(c.Nodes[0], "transfer", target.Name)
		if now := c.movedFrom(from); now != target {
			t.Errorf("the VIPs went to %s, want %s", now.Name, target.Name)
		}
		p.outageAtMost(brief)
	}
}

func TestTransferToBestNode(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.neverTwoOwners()
	p := c.ping()
	old := c.owner()
	gone := c.others(old)[0]
	c.must(gone.Kill())
	c.eventuallySays("the dead node is known to be unreachable", func() bool {
		return c.seenBy(old, gone).Role == api.RoleUnreachable
	})
	c.perch(old, "transfer")
	if now := c.movedFrom(old); now == gone {
		t.Errorf("the VIPs went to %s, which is dead", now.Name)
	}
	p.outageAtMost(brief)
}

// A target that does not win in time is given up on, and the VIPs come back.
func TestTransferToFrozenNode(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.neverTwoOwners()
	p := c.ping()
	old := c.owner()
	frozen := c.others(old)[0]
	c.must(frozen.Process().Signal(syscall.SIGSTOP))
	t.Log(c.refused(old, "transfer", frozen.Name))
	if now := c.owner(); now != old {
		t.Errorf("%s owns the VIPs, want %s, which could not hand them over", now.Name, old.Name)
	}
	p.outageAtMost(brief)
	c.must(frozen.Process().Signal(syscall.SIGCONT))
	c.soleAnswer(c.settled())
}

func TestTransferToUnknownNode(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	old := c.owner()
	c.refused(old, "transfer", "lb9")
	c.stillOwnedBy(old)
}

func TestDrain(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.neverTwoOwners()
	p := c.ping()
	old := c.owner()
	c.perch(old, "drain", old.Name)
	next := c.movedFrom(old)
	p.outageAtMost(brief)

	// With one node drained and one gone the last may own, and the drained may not.
	c.terminate(next)
	last := c.movedFrom(next)
	if last == old {
		t.Errorf("%s owns the VIPs although it is drained", old.Name)
	}
	c.perch(last, "undrain", old.Name)
	c.perch(last, "transfer", old.Name)
	if now := c.movedFrom(last); now != old {
		t.Errorf("the VIPs went to %s, want %s, which is no longer drained", now.Name, old.Name)
	}
}
