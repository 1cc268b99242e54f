package e2e

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// set writes a key of [cluster] into the config of each node.
func (c *cluster) set(line string) {
	c.t.Helper()
	for _, n := range c.Nodes {
		setKey(c.t, n, line)
	}
}

// setKey writes a key of [cluster] into the config of one node.
func setKey(tb testing.TB, n *lab.Node, line string) {
	tb.Helper()
	text, err := os.ReadFile(n.ConfigFile())
	must(tb, err)
	key, _, _ := strings.Cut(line, " ")
	var kept []string
	for old := range strings.Lines(string(text)) {
		if !strings.HasPrefix(old, key+" ") {
			kept = append(kept, old)
		}
	}
	changed := strings.Replace(strings.Join(kept, ""), "[cluster]\n", "[cluster]\n"+line+"\n", 1)
	must(tb, os.WriteFile(n.ConfigFile(), []byte(changed), 0o600))
}

// addTables adds tables to the config of a node.
func addTables(tb testing.TB, n *lab.Node, tables string) {
	tb.Helper()
	text, err := os.ReadFile(n.ConfigFile())
	must(tb, err)
	must(tb, os.WriteFile(n.ConfigFile(), append(text, tables...), 0o600))
}

// The VIPs go back to a node of higher priority, but not while the config says no.
func TestPreemption(t *testing.T) {
	t.Parallel()
	c := newCluster(t, newNetwork(t), priorities(map[string]int{"lb2": 200}))
	c.set(`preempt_delay = "1s"`)
	c.must(c.StartAll())
	c.settled()
	c.neverTwoOwners()
	best, other := c.Node("lb2"), c.Node("lb1")
	owns := func(n *lab.Node) func() bool { return func() bool { return c.owner() == n } }
	c.eventuallySays("the best node owns", owns(best))
	p := c.ping()
	c.perch(best, "transfer", other.Name)
	c.eventuallySays("the VIPs are back at the best node", owns(best))
	if history := c.perch(best, "history"); !strings.Contains(history, "lb2 has a higher priority") {
		t.Errorf("the history does not tell why:\n%s", history)
	}
	p.outageAtMost(brief)

	c.set("preempt = false")
	for _, n := range c.Nodes {
		c.perch(n, "reload")
	}
	c.perch(best, "transfer", other.Name)
	c.movedFrom(best)
	c.never("a node that must not preempt does", 4*time.Second, owns(best))
}
