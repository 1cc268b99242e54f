package e2e

import (
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// seize has a process of somebody else own a table that the fence of a node needs: no
// other can change it then. What it returns ends that process, and the kernel deletes
// the table.
func (c *cluster) seize(n *lab.Node) (giveBack func()) {
	c.t.Helper()
	owner := exec.Command("nft", "-i")
	stdin, err := owner.StdinPipe()
	c.must(err)
	process, err := n.Host.Start(owner)
	c.must(err)
	_, err = io.WriteString(stdin, "delete table inet perch; add table inet perch { flags owner; }\n")
	c.must(err)
	return func() {
		c.must(stdin.Close())
		<-process.Done()
	}
}

// saysUnfenced waits until viewer says, to people and to programs, that the fence of n
// does not hold.
func (c *cluster) saysUnfenced(viewer, n *lab.Node) {
	c.t.Helper()
	c.eventuallySays(viewer.Name+" says that the fence of "+n.Name+" does not hold", func() bool {
		seen := c.seenBy(viewer, n)
		return !seen.Healthy && strings.Contains(seen.Unfenced, "make the nftables tables perch: ")
	})
	want := "warning: " + n.Name + " may not hold VIPs, its fence does not hold: make the nftables tables perch: "
	if text := c.perch(viewer, "status"); !strings.Contains(text, want) {
		c.t.Errorf("status of %s lacks %q:\n%s", viewer.Name, want, text)
	}
}

// An owner whose fence cannot be mended hands over.
func TestOwnerWithABrokenFenceHandsOver(t *testing.T) {
	t.Parallel()
	c := startCluster(t, fence("nftables"))
	c.neverTwoAnswers()
	c.ping()
	old := c.owner()
	giveBack := c.seize(old)
	next := c.movedFrom(old)
	if got := c.lastClaim(next).Reason; got != "the fence of "+old.Name+" does not hold" {
		t.Errorf("the history says: %s", got)
	}
	for _, viewer := range c.Nodes {
		c.saysUnfenced(viewer, old)
	}
	giveBack()
	c.eventuallySays("the fence is mended", func() bool {
		seen := c.seenBy(next, old)
		return seen.Healthy && seen.Unfenced == "" && seen.Mended != nil
	})
	c.handBack(next, old)
	c.movedFrom(next)
}

// Where nobody else may own, the VIPs are let go until the fence is mended.
func TestBrokenFenceOfTheOnlyOwner(t *testing.T) {
	t.Parallel()
	c := startCluster(t, fence("nftables"))
	c.neverTwoAnswers()
	p := c.ping()
	owner := c.owner()
	for _, n := range c.others(owner) {
		c.perch(owner, "drain", n.Name)
	}
	giveBack := c.seize(owner)
	c.eventually(owner.Name+" lets go", func() bool { return !c.holdsAny(owner) })
	for _, viewer := range c.Nodes {
		c.saysUnfenced(viewer, owner)
		want := owner.Name + " leads but its fence does not hold: make the nftables tables perch: "
		for _, vip := range c.status(viewer).VIPs {
			if vip.Held || vip.Owner != "" || !strings.HasPrefix(vip.Reason, want) {
				t.Errorf("%s says %+v", viewer.Name, vip)
			}
		}
	}
	giveBack()
	c.stillOwnedBy(owner)
	p.answered()
	c.soleAnswer(owner)
}
