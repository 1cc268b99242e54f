package e2e

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// A node must not vote in another one's name.
func TestForeignDataDirectoryIsRefused(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	owner := c.owner()
	n, other := c.others(owner)[0], c.others(owner)[1]
	c.terminate(n)
	text, err := os.ReadFile(n.ConfigFile())
	c.must(err)
	c.refusesToStart(n, strings.Replace(string(text), `name = "edge"`, `name = "inside"`, 1), "belongs to node "+n.Name+" of cluster edge, and this is node "+n.Name+" of cluster inside")
	c.terminate(other)
	c.refusesToStart(n, strings.Replace(string(text), n.DataDir(), other.DataDir(), 1), "belongs to node "+other.Name+" of cluster edge")
	c.must(os.WriteFile(n.ConfigFile(), text, 0o600))
	c.must(n.Start())
	c.settled()
}

// refusesToStart wants that a daemon with this config ends and says why.
func (c *cluster) refusesToStart(n *lab.Node, config, why string) {
	c.t.Helper()
	c.must(os.WriteFile(n.ConfigFile(), []byte(config), 0o600))
	c.must(n.Start())
	select {
	case <-n.Process().Done():
	case <-time.After(patience):
		c.t.Fatalf("%s runs with the data of another", n.Name)
	}
	if log := n.LogTail(3); n.Process().Err() == nil || !strings.Contains(log, why) {
		c.t.Errorf("%s ends with %v and says %s", n.Name, n.Process().Err(), log)
	}
}
