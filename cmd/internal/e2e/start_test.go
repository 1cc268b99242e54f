package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestStartInEachOrder(t *testing.T) {
	for _, order := range []string{
		"lb1 lb2 lb3", "lb1 lb3 lb2", "lb2 lb1 lb3", "lb2 lb3 lb1", "lb3 lb1 lb2", "lb3 lb2 lb1",
	} {
		t.Run(order, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, newNetwork(t))
			c.neverTwoOwners()
			for _, name := range strings.Fields(order) {
				n := c.Node(name)
				c.must(n.Start())
				c.eventuallySays(name+" answers commands", func() bool {
					_, err := n.Status(t.Context())
					return err == nil
				})
			}
			c.soleAnswer(c.settled())
		})
	}
}

// The first time all nodes must be there, and those that are say whom they wait for.
func TestTwoOfThreeFoundNothing(t *testing.T) {
	t.Parallel()
	c := newCluster(t, newNetwork(t))
	c.neverTwoOwners()
	c.must(c.Node("lb1").Start())
	c.must(c.Node("lb3").Start())
	c.eventuallySays("lb1 waits for lb2", func() bool {
		st, err := c.Node("lb1").Status(t.Context())
		return err == nil && slices.ContainsFunc(st.Warnings, func(w string) bool { return strings.Contains(w, "waits for lb2: ") })
	})
	if holders := c.holders(); len(holders) > 0 {
		t.Errorf("%d nodes hold VIPs before the cluster was founded", len(holders))
	}
	c.must(c.Node("lb2").Start())
	c.soleAnswer(c.settled())
}

func TestLateThirdNode(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	for _, n := range c.Nodes {
		c.terminate(n)
	}
	c.neverTwoOwners()
	c.must(c.Node("lb1").Start())
	c.must(c.Node("lb3").Start())
	owner := c.settled()
	p := c.ping()
	c.must(c.Node("lb2").Start())
	c.stillOwnedBy(owner)
	p.outageAtMost(brief)
}

func TestRestartKeepsState(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.perch(c.Nodes[0], "drain", "lb3")
	before := c.status(c.Nodes[0]).Cluster.Term
	history := c.perch(c.Nodes[0], "history")
	for _, n := range c.Nodes {
		c.terminate(n)
	}
	if holders := c.holders(); len(holders) != 0 {
		t.Errorf("%d nodes hold VIPs after all were stopped", len(holders))
	}
	c.must(c.StartAll())
	owner := c.settled()
	after := c.status(owner)
	for _, n := range after.Cluster.Nodes {
		if n.Drained != (n.Name == "lb3") {
			t.Errorf("drained of %s is %v after a restart", n.Name, n.Drained)
		}
	}
	if after.Cluster.Term <= before {
		t.Errorf("term %d after a restart, was %d before", after.Cluster.Term, before)
	}
	if now := c.perch(owner, "history"); !strings.HasPrefix(words(now), words(history)) {
		t.Errorf("history after a restart:\n%s\nwant it to begin with\n%s", now, history)
	}
}

// words are those of a table, however wide its columns are.
func words(table string) string { return strings.Join(strings.Fields(table), " ") }

func TestOneNodeOfThreeNeverOwns(t *testing.T) {
	t.Parallel()
	c := newCluster(t, newNetwork(t))
	c.must(c.Node("lb2").Start())
	c.never("a node without a majority holds a VIP", 4*time.Second, func() bool {
		return len(c.holders()) > 0
	})
}

func TestLastNodeOfThreeLetsGo(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	owner := c.settled()
	for _, n := range c.others(owner) {
		c.must(n.Kill())
	}
	c.eventually("the last node lets go", func() bool { return len(c.holders()) == 0 })
	c.never("a node without a majority holds a VIP", 3*time.Second, func() bool {
		return len(c.holders()) > 0
	})
}

// A daemon started by mistake beside the one that runs ends before it touches
// anything.
func TestSecondDaemonOfANodeChangesNothing(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	owner := c.owner()
	text, err := os.ReadFile(owner.ConfigFile())
	c.must(err)
	dir := tempDir(t)
	second := filepath.Join(dir, "perch.toml")
	other := strings.NewReplacer(owner.DataDir(), filepath.Join(dir, "data"), owner.Socket(), filepath.Join(dir, "sock")).Replace(string(text))
	c.must(os.WriteFile(second, []byte(other), 0o600))
	var stderr bytes.Buffer
	cmd := exec.Command(c.Spec.Binary, "serve", "-c", second)
	cmd.Stderr = &stderr
	process, err := owner.Host.Start(cmd)
	c.must(err)
	<-process.Done()
	if said := stderr.String(); !strings.Contains(said, "another perch runs in this network namespace") {
		t.Errorf("a second daemon says %q", said)
	}
	for _, vip := range c.status(owner).VIPs {
		if vip.Readded > 0 || !vip.Held {
			t.Errorf("%s was removed by the second daemon", vip.Address)
		}
	}
}

// Who owns after all were stopped, one after the other, did not take back anything.
func TestHistoryAfterAllWereStopped(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	for range 2 {
		c.lastClaim(c.settled())
		for range c.Nodes[1:] {
			c.terminate(c.owner())
		}
		for _, n := range c.Nodes {
			if n.Running() {
				c.terminate(n)
			}
		}
		c.must(c.StartAll())
		owner := c.settled()
		c.eventuallySays("the history has the new owner", func() bool {
			return !slices.Contains([]string{"took over just now", owner.Name + " was just started, and is yet to be told why"}, c.status(owner).VIPs[0].Reason)
		})
		moves, err := owner.History(t.Context())
		c.must(err)
		for _, m := range moves {
			t.Logf("term %d: %s -> %s: %s", m.Term, m.From, m.To, m.Reason)
			if strings.Contains(m.Reason, "took back") {
				t.Error("nobody did so")
			}
		}
	}
}

// A node that was just started waits to be told the history. It never says that there was none,
// also where nobody is left to tell it.
func TestHistoryOfANodeThatWasJustStarted(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	owner := c.settled()
	c.lastClaim(owner)
	n := c.others(owner)[0]
	for range 3 {
		c.terminate(n)
		c.must(n.Start())
		c.eventuallySays("the daemon answers", func() bool {
			moves, err := n.History(t.Context())
			if err == nil && len(moves) == 0 {
				t.Error("it says that the VIPs have had no owner")
			}
			return err == nil
		})
	}
	for _, other := range c.Nodes {
		if other.Running() {
			c.terminate(other)
		}
	}
	c.must(n.Start())
	c.eventuallySays("it says that it does not know", func() bool {
		_, err := n.History(t.Context())
		return err != nil && strings.Contains(err.Error(), "this node does not know the history: no leader has told it since it was started")
	})
}
