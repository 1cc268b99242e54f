package e2e

import (
	"crypto/rand"
	"crypto/tls"
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
	c := startCluster(t, failover("wan")) // whose nodes no busy machine parts
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
		c.goSilent(n)
	}
	for _, n := range c.Nodes {
		c.eventuallySays(n.Name+" refuses and counts each of them", func() bool {
			return c.status(n).Cluster.Refused == uint64(len(garbage))+1
		})
	}
	c.undisturbed(owner, term)
	p.outageAtMost(brief)
}

// goSilent begins a TLS handshake as a peer would and says nothing more once the
// node has shown its certificate.
func (c *cluster) goSilent(n *lab.Node) {
	c.t.Helper()
	client := tls.Client(&mute{Conn: c.dialPort(n)}, &tls.Config{
		InsecureSkipVerify: true,
		NextProtos:         []string{"perch-raft/1 " + c.Spec.Name},
	})
	ctx, cancel := c.limit()
	defer cancel()
	c.must(client.HandshakeContext(ctx)) // as far as this side can tell
}

// mute swallows what is written after the first time, the ClientHello.
type mute struct {
	net.Conn
	spoke bool
}

func (m *mute) Write(b []byte) (int, error) {
	if m.spoke {
		return len(b), nil
	}
	m.spoke = true
	return m.Conn.Write(b)
}

func TestHalfOpenConnectionsOnTheRaftPort(t *testing.T) {
	t.Parallel()
	c := startCluster(t, failover("wan")) // whose nodes no busy machine parts
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
