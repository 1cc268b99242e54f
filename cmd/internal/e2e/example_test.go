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

const examples = "../../../deploy/examples"

// example returns a file of an example with other addresses and paths: each odd argument is
// there, and becomes the next one.
func example(t *testing.T, file string, oldnew ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(examples, file))
	must(t, err)
	for i := 0; i < len(oldnew); i += 2 {
		if !strings.Contains(string(text), oldnew[i]) {
			t.Fatalf("%s has no %q", file, oldnew[i])
		}
	}
	return strings.NewReplacer(oldnew...).Replace(string(text))
}

// exampleFor returns the config that an example has for a node: one of its name, or one for
// all, which tells them by their host names.
func exampleFor(t *testing.T, folder, name, dataDir, socket string, oldnew ...string) string {
	t.Helper()
	paths := fmt.Sprintf("data_dir = %q\nsocket = %q\n", dataDir, socket)
	file := filepath.Join(folder, name+".toml")
	if _, err := os.Stat(filepath.Join(examples, file)); err == nil {
		return example(t, file, append([]string{"[node]\n", "[node]\n" + paths}, oldnew...)...)
	}
	return fmt.Sprintf("[node]\nname = %q\n%s", name, paths) + example(t, filepath.Join(folder, "perch.toml"), oldnew...)
}

// useExample gives a node the config that an example has for it, as it stands there but for
// paths, and what else is to be replaced.
func (c *cluster) useExample(n *lab.Node, folder string, oldnew ...string) {
	c.t.Helper()
	oldnew = append([]string{"/etc/perch/secret", n.SecretFile()}, oldnew...)
	text := exampleFor(c.t, folder, n.Name, n.DataDir(), n.Socket(), oldnew...)
	c.must(os.WriteFile(n.ConfigFile(), []byte(text), 0o600))
}

// newExample returns a cluster whose hosts have the addresses of the examples' nodes, and a
// network with clients.
func newExample(t *testing.T, opts ...option) *cluster {
	t.Helper()
	n := emptyNetwork(t)
	c := newCluster(t, n, opts...) // first, for the addresses
	n.addClients(t)
	return c
}

func TestExampleOfThreeMachines(t *testing.T) {
	t.Parallel()
	c := newExample(t)
	for _, node := range c.Nodes {
		c.useExample(node, "three-nodes")
	}
	c.neverTwoOwners()
	c.must(c.StartAll())
	old := c.settled()
	p := c.ping()
	c.perch(c.Nodes[0], "transfer")
	c.movedFrom(old)
	p.answered()
}

// Either of two nodes can go on with the witness, which owns nothing.
func TestExampleOfWitness(t *testing.T) {
	t.Parallel()
	c := newExample(t, vips("eth0", "198.18.0.100/24"))
	witness := c.Nodes[2]
	witness.Name = "witness"
	for _, node := range c.Nodes {
		c.useExample(node, "witness")
	}
	c.neverTwoOwners()
	c.must(c.StartAll())
	first := c.settled()
	c.must(first.Host.Eth0.Cut())
	second := c.movedFrom(first)
	c.must(first.Kill())
	c.never("the witness holds the VIP", time.Second, func() bool { return c.holdsAny(witness) })

	c.must(first.Host.Eth0.Splice())
	c.must(first.Start())
	c.stillOwnedBy(second)
	c.must(second.Host.Eth0.Cut())
	if now := c.movedFrom(second); now != first {
		t.Errorf("%s owns the VIP, want %s", now.Name, first.Name)
	}
	c.must(first.Host.Eth0.Cut())
	c.eventually("nobody holds the VIP", func() bool { return len(c.holders()) == 0 })
	c.never("the witness, which is alone, holds the VIP", 2*time.Second, func() bool { return c.holdsAny(witness) })
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
