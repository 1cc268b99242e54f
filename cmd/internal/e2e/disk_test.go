package e2e

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// However perch takes a disk that is full, its VIPs must go where one can write.
func TestFullDiskOfTheLeader(t *testing.T) {
	t.Parallel()
	c := newCluster(t, newNetwork(t))
	c.neverTwoOwners()
	disks := map[*lab.Node]*lab.Disk{}
	for _, n := range c.Nodes {
		disk, err := n.Host.MountDisk(n.DataDir(), 8<<20)
		c.must(err)
		disks[n] = disk
	}
	c.must(c.StartAll())
	old := c.settled()
	c.ping()
	c.must(disks[old].Fill())
	c.writeUntilMoved(old)
	c.movedFrom(old)
	c.must(disks[old].Empty())
	if !old.Running() {
		c.must(old.Start())
	}
	c.soleAnswer(c.settled())
}

// writeUntilMoved makes the cluster write to its log, so that a full disk is
// noticed. The commands may fail: their node may just be losing leadership.
func (c *cluster) writeUntilMoved(old *lab.Node) {
	c.t.Helper()
	idle := c.others(old)[0]
	commands := []string{"drain", "undrain"}
	for i := range 2000 {
		if holders := c.holders(); len(holders) == 1 && holders[0] != old {
			break
		}
		ctx, cancel := c.limit()
		_, _ = idle.Perch(ctx, commands[i%2], idle.Name)
		cancel()
	}
	c.eventuallySays("the idle node is not drained", func() bool {
		ctx, cancel := c.limit()
		defer cancel()
		_, err := idle.Perch(ctx, "undrain", idle.Name)
		return err == nil
	})
}

// A disk that hangs keeps raft's main loop waiting in fsync, while heartbeats would go
// on beside it. The VIPs go to another node.
func TestHangingDiskOfTheOwner(t *testing.T) {
	lab.NeedRoot(t)
	lab.NeedLoop(t)
	t.Parallel()
	c := newCluster(t, newNetwork(t), failover("fast"))
	images := map[*lab.Node]*lab.Image{}
	for _, n := range c.Nodes {
		image, err := n.Host.MountImage(n.DataDir(), filepath.Join(n.Dir, "image"))
		c.must(err)
		images[n] = image
	}
	c.must(c.StartAll())
	c.settled()
	c.neverTwoAnswers()
	c.ping()
	old := c.owner()
	s := c.stubborn(old)
	c.must(images[old].Freeze())
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	idle := c.others(old)[0]
	_, err := idle.Perch(ctx, "drain", idle.Name) // has the owner write
	t.Log(err)
	moved := c.served(old)
	time.Sleep(time.Second)
	if n := s.answers(moved); n > 0 {
		t.Errorf("%d pings sent to the MAC of %s were answered after the move", n, old.Name)
	}
	c.must(images[old].Thaw())
	c.settled()
}
