package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// The example for three machines, as it stands there but for paths.
func TestExampleOfThreeMachines(t *testing.T) {
	t.Parallel()
	n := emptyNetwork(t)
	c := newCluster(t, n) // first, so that its nodes have the example's addresses
	n.addClients(t)
	for _, node := range c.Nodes {
		path := filepath.Join("../../../deploy/examples/three-nodes", node.Name+".toml")
		text, err := os.ReadFile(path)
		must(t, err)
		rewritten := strings.NewReplacer(
			"/etc/perch/secret", node.SecretFile(),
			"[node]\n", fmt.Sprintf("[node]\ndata_dir = %q\nsocket = %q\n", node.DataDir(), node.Socket()),
		).Replace(string(text))
		must(t, os.WriteFile(node.ConfigFile(), []byte(rewritten), 0o600))
	}
	c.neverTwoOwners()
	c.must(c.StartAll())
	old := c.settled()
	p := c.ping()
	c.perch(c.Nodes[0], "transfer")
	c.movedFrom(old)
	p.answered()
}

// A witness votes, so that one owner and one witness are a majority, and owns
// nothing, even when it is the only other node.
func TestWitnessVotesAndNeverOwns(t *testing.T) {
	t.Parallel()
	c := newCluster(t, newNetwork(t))
	witness := c.Nodes[2]
	for _, node := range c.Nodes {
		text, err := os.ReadFile(node.ConfigFile())
		must(t, err)
		peer := "[[cluster.peer]]\nname = \"" + witness.Name + "\"\n"
		marked := strings.Replace(string(text), peer, peer+"witness = true\n", 1)
		if marked == string(text) {
			t.Fatalf("no such peer in the config: %q", peer)
		}
		must(t, os.WriteFile(node.ConfigFile(), []byte(marked), 0o600))
	}
	c.neverTwoOwners()
	for _, node := range append([]*lab.Node{witness}, c.others(witness)...) {
		c.must(node.Start()) // the witness first, so that it may well lead at first
	}
	old := c.settled()
	if old == witness {
		t.Fatal("the witness owns the VIPs")
	}
	c.terminate(old)
	next := c.movedFrom(old)
	c.must(next.Kill())
	c.never("the witness holds a VIP", time.Second, func() bool { return c.holdsAny(witness) })
}
