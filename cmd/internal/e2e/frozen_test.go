package e2e

import (
	"strings"
	"syscall"
	"testing"
)

// An orderly stop hands over to the node that answers, not to a frozen one. What
// is left has no majority once the stopped node is gone.
func TestLeaderSIGTERMBesideAFrozenNode(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.neverTwoOwners()
	p := c.ping()
	old := c.owner()
	frozen := c.others(old)[0]
	c.must(frozen.Process().Signal(syscall.SIGSTOP))
	c.eventuallySays("the frozen node is known to be unreachable", func() bool {
		return c.seenBy(old, frozen).Role == "unreachable"
	})
	c.terminate(old)
	if want := `msg="handed over" to=` + c.others(old)[1].Name; !strings.Contains(old.LogTail(50), want) {
		t.Errorf("%s was stopped without: %s", old.Name, want)
	}
	c.must(frozen.Process().Signal(syscall.SIGCONT))
	c.movedFrom(old)
	p.outageAtMost(2 * brief)
}
