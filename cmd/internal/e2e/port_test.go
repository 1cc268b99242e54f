package e2e

import (
	"crypto/rand"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

func (c *cluster) dialPort(n *lab.Node) net.Conn {
	c.t.Helper()
	ctx, cancel := c.limit()
	defer cancel()
	conn, err := c.net.client.Dial(ctx, "tcp", n.Address())
	c.must(err)
	c.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func TestGarbageOnTheRaftPort(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	owner := c.settled()
	term := c.status(owner).Cluster.Term
	p := c.ping()
	garbage := map[string]string{
		"random":       rand.Text() + rand.Text(),
		"HTTP":         "GET / HTTP/1.1\r\nHost: perch\r\n\r\n",
		"raft":         "\x03\x01\x02\x03",
		"half a hello": "\x16\x03\x01\x02\x00\x01\x00",
		"newlines":     strings.Repeat("\n", 1<<16),
	}
	for _, n := range c.Nodes {
		for _, bytes := range garbage {
			// The other side may hang up at the first byte.
			_, _ = c.dialPort(n).Write([]byte(bytes))
		}
	}
	c.eventuallySays("garbage is refused and counted", func() bool {
		return c.status(owner).Cluster.Refused >= 3
	})
	c.undisturbed(owner, term)
	p.outageAtMost(brief)
}

func TestHalfOpenConnectionsOnTheRaftPort(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	owner := c.settled()
	term := c.status(owner).Cluster.Term
	p := c.ping()
	for range 200 {
		c.dialPort(owner)
	}
	c.never("the owner changes", 2*time.Second, func() bool { return c.owner() != owner })
	c.undisturbed(owner, term)
	p.outageAtMost(brief)

	// New peers still get in beside them.
	other := c.others(owner)[0]
	c.terminate(other)
	c.must(other.Start())
	c.settled()
}

func (c *cluster) undisturbed(owner *lab.Node, term uint64) {
	c.t.Helper()
	c.stillOwnedBy(owner)
	if now := c.status(owner).Cluster.Term; now != term {
		c.t.Errorf("term went from %d to %d", term, now)
	}
}
