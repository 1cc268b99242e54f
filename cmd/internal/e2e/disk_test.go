package e2e

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

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

// Where a data directory is not where it was, or cannot be written any more, all nodes say so
// before anything is to be written. Nothing moves for that alone.
func TestDataDirectoryAstray(t *testing.T) {
	t.Parallel()
	c := newCluster(t, newNetwork(t))
	for _, n := range c.Nodes {
		_, err := n.Host.MountDisk(n.DataDir(), 8<<20)
		c.must(err)
	}
	c.must(c.StartAll())
	old := c.settled()
	raft, term := filepath.Join(old.DataDir(), "raft"), c.status(old).Cluster.Term
	do := func(f func() error) { c.must(old.Host.Do(f)) }
	says := func(words string) {
		for _, n := range c.Nodes {
			c.eventuallySays(n.Name+" warns of what "+words, func() bool {
				return slices.ContainsFunc(c.status(n).Warnings, func(w string) bool {
					return strings.HasPrefix(w, old.Name+" cannot write its log: "+filepath.Join(raft, "ballot")+" "+words)
				})
			})
		}
	}
	do(func() error { return os.Rename(raft, raft+".away") })
	says("has been removed or moved")
	do(func() error { return os.Rename(raft+".away", raft) })
	c.nobodyWarns()
	do(func() error {
		return errors.Join(unix.Mount(raft, raft, "", unix.MS_BIND, ""), unix.Mount("", raft, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""))
	})
	says("cannot be written: read-only file system")
	do(func() error { return unix.Unmount(raft, unix.MNT_DETACH) })
	c.nobodyWarns()
	c.stillOwnedBy(old)
	if got := c.status(old).Cluster.Term; got != term {
		t.Errorf("term %d, it was %d", got, term)
	}
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
