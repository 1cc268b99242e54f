package e2e

import (
	"net"
	"os"
	"slices"
	"strings"
	"testing"
)

// A node whose control socket somebody has removed can be commanded again soon, and the others
// say so while it cannot. Nothing moves for that.
func TestControlSocketIsMadeAnew(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	owner := c.owner()
	term := c.status(owner).Cluster.Term
	viewer := c.others(owner)[0]
	deaf := func(n string) bool {
		return slices.ContainsFunc(c.status(viewer).Warnings, func(w string) bool {
			return strings.HasPrefix(w, n+" cannot be commanded, its control socket is not there: ")
		})
	}
	c.must(os.Remove(owner.Socket()))
	c.must(os.Mkdir(owner.Socket(), 0o700))
	c.eventuallySays(viewer.Name+" warns", func() bool { return deaf(owner.Name) })
	c.must(os.Remove(owner.Socket()))
	c.eventuallySays(owner.Name+" has a socket", func() bool {
		conn, err := net.Dial("unix", owner.Socket())
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	c.eventuallySays(viewer.Name+" warns no more", func() bool { return !deaf(owner.Name) })
	if got := c.status(owner).Cluster.Term; got != term {
		t.Errorf("term %d, it was %d", got, term)
	}
	c.stillOwnedBy(owner)
	c.perch(owner, "drain", owner.Name)
	c.movedFrom(owner)
}
