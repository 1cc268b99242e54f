package e2e

import (
	"context"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// network is a lab with one switch, a client on it, and a host that asks who has
// an address so that the client's neighbour cache stays as it is.
type network struct {
	*lab.Lab
	sw     *lab.Switch
	client *lab.Host
	asker  *lab.Host
	dir    string // removed when all that runs in the network has ended
}

func newNetwork(t *testing.T) *network {
	t.Helper()
	n := emptyNetwork(t)
	n.addClients(t)
	return n
}

// emptyNetwork returns a network without hosts, for a case whose nodes must be
// the first.
func emptyNetwork(t *testing.T) *network {
	t.Helper()
	lab.NeedRoot(t)
	dir := tempDir(t)
	must(t, os.Chmod(dir, 0o755)) // some daemons have a user of their own
	l, err := lab.New()
	must(t, err)
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	n := &network{Lab: l, dir: dir}
	n.sw, err = l.AddSwitch()
	must(t, err)
	return n
}

// tempDir is a folder for what runs in the network, which may write into it until it ends.
func (n *network) tempDir(tb testing.TB) string {
	tb.Helper()
	dir, err := os.MkdirTemp(n.dir, "")
	must(tb, err)
	return dir
}

func (n *network) addClients(t *testing.T) {
	t.Helper()
	n.client, n.asker = n.addHost(t, "client"), n.addHost(t, "asker")
}

func (n *network) addHost(t *testing.T, name string) *lab.Host {
	t.Helper()
	h, err := n.AddHost(name, n.sw)
	must(t, err)
	return h
}

// cluster is a perch cluster under test.
type cluster struct {
	*lab.Cluster
	t      *testing.T
	net    *network
	pinged bool // so the client has the VIPs in its neighbour cache
}

// option changes the cluster of a case from the usual one: three nodes named
// lb1, lb2 and lb3, profile normal, one VIP of each family on eth0.
type option func(*lab.ClusterSpec)

func failover(profile string) option {
	return func(s *lab.ClusterSpec) { s.Failover = profile }
}

func named(name, secret string) option {
	return func(s *lab.ClusterSpec) { s.Name, s.Secret = name, secret }
}

// vips sets the VIPs, each with its prefix length, on an interface.
func vips(iface string, prefixes ...string) option {
	return func(s *lab.ClusterSpec) {
		s.VIPs = nil
		for _, p := range prefixes {
			s.VIPs = append(s.VIPs, lab.VIP{Address: netip.MustParsePrefix(p), Interface: iface})
		}
	}
}

func priorities(byNode map[string]int) option {
	return func(s *lab.ClusterSpec) { s.Priority = byNode }
}

// overIPv6 lets the peers meet over IPv6.
func overIPv6(s *lab.ClusterSpec) { s.IPv6 = true }

// newCluster writes the files of a cluster of three new hosts and starts nothing.
func newCluster(t *testing.T, n *network, opts ...option) *cluster {
	t.Helper()
	var hosts []*lab.Host
	for _, name := range []string{"lb1", "lb2", "lb3"} {
		hosts = append(hosts, n.addHost(t, name))
	}
	return newClusterOn(t, n, hosts, opts...)
}

func newClusterOn(t *testing.T, n *network, hosts []*lab.Host, opts ...option) *cluster {
	t.Helper()
	spec := lab.ClusterSpec{
		Binary:   perchBinary(t),
		Dir:      n.tempDir(t),
		Name:     "edge",
		Secret:   "a-secret-for-tests-only-0123456789",
		Failover: "normal",
	}
	vips("eth0", "198.18.0.100/24", "2001:db8::100/64")(&spec)
	for _, opt := range opts {
		opt(&spec)
	}
	lc, err := lab.NewCluster(spec, hosts...)
	must(t, err)
	c := &cluster{Cluster: lc, t: t, net: n}
	t.Cleanup(c.explainFailure)
	return c
}

// tempDir is short, unlike that of testing: a socket's path has 107 bytes.
func tempDir(tb testing.TB) string {
	tb.Helper()
	dir, err := os.MkdirTemp("", "perch-e2e-")
	must(tb, err)
	tb.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			tb.Error(err)
		}
	})
	return dir
}

// startCluster starts a cluster in a network of its own and waits until it has
// an owner that all nodes follow.
func startCluster(t *testing.T, opts ...option) *cluster {
	t.Helper()
	c := newCluster(t, newNetwork(t), opts...)
	c.must(c.StartAll())
	c.settled()
	return c
}

// explainFailure shows all there is to know about a case that failed.
func (c *cluster) explainFailure() {
	if !c.t.Failed() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for _, n := range c.Nodes {
		c.t.Logf("%s of cluster %s at %s", n.Name, c.Spec.Name, n.Address())
		if n.Running() {
			status, err := n.Perch(ctx, "status")
			c.t.Logf("status of %s (%v):\n%s", n.Name, err, status)
		} else {
			c.t.Logf("%s does not run", n.Name)
		}
		c.t.Logf("log of %s:\n%s", n.Name, n.LogTail(40))
	}
}

func (c *cluster) must(err error) {
	c.t.Helper()
	must(c.t, err)
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// perch runs a command of perch on a node and returns what it printed.
func (c *cluster) perch(n *lab.Node, args ...string) string {
	c.t.Helper()
	ctx, cancel := c.limit()
	defer cancel()
	out, err := n.Perch(ctx, args...)
	c.must(err)
	return out
}

// refused runs a command of perch that a node must refuse, and returns why.
func (c *cluster) refused(n *lab.Node, args ...string) error {
	c.t.Helper()
	ctx, cancel := c.limit()
	defer cancel()
	out, err := n.Perch(ctx, args...)
	if err == nil {
		c.t.Errorf("perch %s on %s was done, and should not have been: %s", strings.Join(args, " "), n.Name, out)
	}
	return err
}

// stillOwnedBy waits until the cluster is settled, and wants the owner it had.
func (c *cluster) stillOwnedBy(owner *lab.Node) {
	c.t.Helper()
	if now := c.settled(); now != owner {
		c.t.Errorf("%s owns the VIPs, want %s still", now.Name, owner.Name)
	}
}

// patience is how long a case waits for what should happen soon, on a machine that has more to do.
const patience = 30 * time.Second

func (c *cluster) limit() (context.Context, context.CancelFunc) {
	return context.WithTimeout(c.t.Context(), patience)
}

// How often eventually looks: at the kernels, which costs little, or by running
// a command, which takes its time from the other cases.
const (
	byLooking = 5 * time.Millisecond
	byCommand = 100 * time.Millisecond
)

// eventually waits until done is true, which looks at the kernels.
func (c *cluster) eventually(what string, done func() bool) {
	c.t.Helper()
	c.wait(byLooking, what, done)
}

// eventuallySays waits until done is true, which runs commands.
func (c *cluster) eventuallySays(what string, done func() bool) {
	c.t.Helper()
	c.wait(byCommand, what, done)
}

func (c *cluster) wait(interval time.Duration, what string, done func() bool) {
	c.t.Helper()
	deadline := time.Now().Add(patience)
	for !done() {
		if time.Now().After(deadline) {
			c.t.Fatalf("still not after %s: %s", patience, what)
		}
		time.Sleep(interval)
	}
}

// never watches for a while that bad is not true.
func (c *cluster) never(what string, during time.Duration, bad func() bool) {
	c.t.Helper()
	for end := time.Now().Add(during); time.Now().Before(end); time.Sleep(byLooking) {
		if bad() {
			c.t.Fatalf("within %s: %s", during, what)
		}
	}
}
