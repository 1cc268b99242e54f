package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// convergeHook writes down what it was run for. With the file fail beside it it fails, and with
// the file hang it says so and does not end before it is asked to.
const convergeHook = `#!/bin/sh
cd %s
[ "$1 $2" = "$PERCH_STATE $PERCH_TERM" ] || echo "told $* and $PERCH_STATE $PERCH_TERM" >>runs
if [ -e fail ]; then
	echo "fails $*" >>runs
	echo not today >&2
	exit 1
fi
if [ -e hang ]; then
	trap 'echo "asked $*" >>runs; kill $!; exit 1' TERM
	sleep 100000 &
	echo $$ >>hanging
	echo "hangs $*" >>runs
	wait
	exit 1
fi
echo "did $*" >>runs
`

// convergingCluster is a cluster whose nodes have a converge hook.
type convergingCluster struct{ tellingCluster }

// newConvergingCluster writes the files of one, with these beside the hook of each node.
func newConvergingCluster(t *testing.T, beside ...string) convergingCluster {
	t.Helper()
	c := convergingCluster{tellingCluster{newCluster(t, newNetwork(t))}}
	for _, n := range c.Nodes {
		hook := c.file(n, "hook")
		c.must(os.WriteFile(hook, fmt.Appendf(nil, convergeHook, n.Dir), 0o755))
		for _, name := range beside {
			c.must(os.WriteFile(c.file(n, name), nil, 0o600))
		}
		text, err := os.ReadFile(n.ConfigFile())
		c.must(err)
		text = fmt.Appendf(text, "\n[[notify]]\nconverge = [%q]\nuser = \"root\"\ntimeout = \"10m\"\n", hook)
		c.must(os.WriteFile(n.ConfigFile(), text, 0o600))
	}
	t.Cleanup(c.endHooks)
	return c
}

// endHooks kills the hooks that hang still: those of a daemon that is killed go on.
func (c convergingCluster) endHooks() {
	for _, n := range c.Nodes { // first, since another may begin when one is killed
		_ = os.Remove(c.file(n, "hang"))
	}
	for _, n := range c.Nodes {
		for _, line := range c.lines(n, "hanging") {
			pid, err := strconv.Atoi(line)
			must(c.t, err)
			if text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); strings.Contains(string(text), c.file(n, "hook")) {
				must(c.t, unix.Kill(-pid, unix.SIGKILL)) // it leads its group
			}
		}
	}
}

// runs waits until a node has run its hook like this, and returns all that it did until then.
func (c convergingCluster) runs(n *lab.Node, want string) (lines []string) {
	c.t.Helper()
	c.eventually(fmt.Sprintf("the hook of %s %s", n.Name, want), func() bool {
		lines = c.lines(n, "runs")
		return slices.Contains(lines, want)
	})
	return lines
}

func (c convergingCluster) term(n *lab.Node) uint64 {
	c.t.Helper()
	return c.status(n).Cluster.Term
}

// says waits until the status of a node has its hook in a state.
func (c convergingCluster) says(n *lab.Node, state, goal string, term uint64) {
	c.t.Helper()
	c.eventuallySays(fmt.Sprintf("%s says that its hook has %s for %s %d", n.Name, state, goal, term), func() bool {
		hooks := c.status(n).Converge
		return len(hooks) == 1 && hooks[0].State == state && hooks[0].Goal == goal && hooks[0].Term == term
	})
}

// A hook is run until it succeeds, for the term that it is, on who is the owner and on who is no
// more: at the start, by a transfer, after a restart, and at the end.
func TestConvergeUntilItSucceeds(t *testing.T) {
	t.Parallel()
	c := newConvergingCluster(t, "fail")
	c.must(c.StartAll())
	old := c.settled()
	term := c.term(old)
	c.runs(old, fmt.Sprintf("fails owner %d", term))
	c.says(old, "failing", "owner", term)
	if err := c.status(old).Converge[0].Error; err != "exit code 1: not today" {
		t.Errorf("status says %q", err)
	}
	for _, n := range c.Nodes {
		c.must(os.Remove(c.file(n, "fail")))
	}
	c.runs(old, fmt.Sprintf("did owner %d", term))
	c.says(old, "converged", "owner", term)
	if text := c.perch(old, "status"); !strings.Contains(text, fmt.Sprintf("owner, term %d", term)) {
		t.Errorf("status says\n%s", text)
	}

	next := c.handOver(old, askedFor, func() { c.perch(old, "transfer", c.others(old)[0].Name) })
	newer := c.term(next)
	if newer <= term {
		t.Errorf("the term of the new owner is %d, that of the old one %d", newer, term)
	}
	c.runs(old, fmt.Sprintf("did standby %d", term))
	c.runs(next, fmt.Sprintf("did owner %d", newer))

	c.must(next.Kill())
	last := c.movedFrom(next)
	c.runs(last, fmt.Sprintf("did owner %d", c.term(last)))
	c.must(os.Remove(c.file(next, "runs")))
	c.must(next.Start())
	c.runs(next, "did standby 0")

	last = c.settled()
	term = c.term(last)
	c.runs(last, fmt.Sprintf("did owner %d", term))
	c.terminate(last)
	if lines := c.lines(last, "runs"); lines[len(lines)-1] != fmt.Sprintf("did standby %d", term) {
		t.Errorf("at its end %s has run its hook like this: %q", last.Name, lines)
	}
}

// A hook that runs while its node is frozen is ended when the node goes on, and not run again
// for a term that is over: by then another node has claimed, in a newer one.
func TestConvergeIsNotForAStaleTerm(t *testing.T) {
	t.Parallel()
	c := newConvergingCluster(t, "hang")
	c.must(c.StartAll())
	old := c.settled()
	term := c.term(old)
	c.runs(old, fmt.Sprintf("hangs owner %d", term))
	for _, n := range c.others(old) {
		c.must(os.Remove(c.file(n, "hang")))
	}
	c.freeze(old)
	next := c.movedFrom(old)
	newer := c.term(next)
	if newer <= term {
		t.Errorf("the term of the new owner is %d, that of the frozen one %d", newer, term)
	}
	c.runs(next, fmt.Sprintf("did owner %d", newer)) // while that of the other hangs
	c.must(os.Remove(c.file(old, "hang")))
	before := c.lines(old, "runs")
	c.thaw(old)
	c.runs(old, fmt.Sprintf("asked owner %d", term))
	after := c.runs(old, fmt.Sprintf("did standby %d", term))[len(before):]
	if want := []string{fmt.Sprintf("asked owner %d", term), fmt.Sprintf("did standby %d", term)}; !slices.Equal(after, want) {
		t.Errorf("after it was frozen the hook of %s was run like this: %q, want %q", old.Name, after, want)
	}
}

// A hook that hangs delays neither a transfer nor the end of perch.
func TestConvergeThatHangsKeepsNoVIP(t *testing.T) {
	t.Parallel()
	c := newConvergingCluster(t, "hang")
	c.must(c.StartAll())
	c.neverTwoOwners()
	old := c.settled()
	c.runs(old, fmt.Sprintf("hangs owner %d", c.term(old)))
	p := c.ping()
	next := c.handOver(old, askedFor, func() { c.perch(old, "transfer", c.others(old)[0].Name) })
	c.runs(next, fmt.Sprintf("hangs owner %d", c.term(next)))
	p.answered()
	c.terminate(next)
	c.movedFrom(next)
	p.answered()
	p.outageAtMost(2 * brief)
	leftover, err := filepath.Glob("/proc/[0-9]*/cwd")
	c.must(err)
	for _, link := range leftover {
		if at, _ := os.Readlink(link); at == next.Dir {
			t.Errorf("a hook of %s goes on after its end: %s", next.Name, link)
		}
	}
}
