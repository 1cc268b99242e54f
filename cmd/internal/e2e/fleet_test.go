package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/lab"
)

// A fleet of keepalived becomes a cluster of perch on the way that docs/from-keepalived.md
// tells, node by node, under the eyes of a client: keepalived, perch with the same file, the
// cluster beside the virtual routers, the cluster alone.
func TestVRRPFleetBecomesACluster(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	best, others := f.nodes[0], f.nodes[1:]
	leaderLast := append(slices.Clone(others), best)
	fromTheLast := []*fleetNode{f.nodes[2], f.nodes[1], f.nodes[0]}

	for _, n := range f.nodes {
		must(t, n.daemon.Start())
	}
	f.owns(best)
	pings, err := f.net.client.Ping(fleetVIP.Addr())
	must(t, err)
	observer, err := f.net.client.Observe(fleetVIP.Addr())
	must(t, err)
	since := time.Now()

	for _, n := range fromTheLast {
		n.isNotReplacedYet()
		n.replace("serve", "--keepalived", n.file("keepalived.conf"))
		f.owns(best)
	}
	for _, n := range fromTheLast {
		n.importTo("both")
		n.replace("serve", "-c", n.file("perch.toml"))
		f.owns(best)
	}
	f.leads(best)
	f.turns("raft", leaderLast, best)
	out := pings.Since(since)
	t.Logf("longest silence %s, %d of %d pings lost", out.Gap, out.Lost, out.Sent)
	if clean := 2 * time.Second; out.Gap > clean { // without a farewell it is more than 3 s
		t.Errorf("the address was silent for %s, want at most %s", out.Gap, clean)
	}
	f.oneAnswers(observer)

	since = time.Now()
	f.turns("both", f.nodes, best) // the way back, the leader first
	out = pings.Since(since)
	t.Logf("longest silence on the way back %s", out.Gap)
	if most := 8 * time.Second; out.Gap > most { // what a virtual router waits for a master, on a busy machine
		t.Errorf("the address was silent for %s on the way back, want at most %s", out.Gap, most)
	}
	f.turns("raft", leaderLast, best)

	must(t, best.daemon.Kill())
	f.eventually("another node owns the address", func() bool { return f.has(others[0]) || f.has(others[1]) })
}

// turns reloads the nodes with what their files become, in this order, and wants the owner to
// stay the same.
func (f *fleet) turns(stage string, nodes []*fleetNode, owner *fleetNode) {
	f.t.Helper()
	for _, n := range nodes {
		n.importTo(stage)
		n.perch("reload")
		f.owns(owner)
	}
}

var fleetVIP = netip.MustParsePrefix("198.18.0.100/24")

type fleet struct {
	t     *testing.T
	net   *network
	nodes []*fleetNode
}

type fleetNode struct {
	f      *fleet
	name   string
	dir    string
	host   *lab.Host
	daemon *lab.Daemon
}

// newFleet returns three nodes with a keepalived each, the first of the highest priority.
func newFleet(t *testing.T) *fleet {
	t.Helper()
	lab.NeedPeers(t)
	f := &fleet{t: t, net: emptyNetwork(t)}
	dir := f.net.tempDir(t)
	for i := range 3 {
		name := fmt.Sprintf("lb%d", i+1)
		n := &fleetNode{f: f, name: name, dir: filepath.Join(dir, name), host: f.net.addHost(t, name)}
		must(t, n.host.Hide("/run", "/var/lib"))
		f.nodes = append(f.nodes, n)
	}
	f.net.addClients(t)
	for i, n := range f.nodes {
		var err error
		n.daemon, err = lab.NewKeepalived(n.host, n.dir, f.conf(n, 150-10*i))
		must(t, err)
		must(t, os.WriteFile(n.file("secret"), []byte(strings.Repeat("secret", 10)), 0o600))
	}
	t.Cleanup(f.explain)
	return f
}

func (f *fleet) conf(n *fleetNode, priority int) string {
	var peers strings.Builder
	for _, other := range f.nodes {
		if other != n {
			fmt.Fprintf(&peers, "        %s\n", other.host.Eth0.IPv4.Addr())
		}
	}
	return fmt.Sprintf(`vrrp_instance web {
    interface eth0
    virtual_router_id 51
    priority %d
    advert_int 1
    unicast_src_ip %s
    unicast_peer {
%s    }
    authentication {
        auth_type PASS
        auth_pass sesame
    }
    virtual_ipaddress {
        %s
    }
}
`, priority, n.host.Eth0.IPv4.Addr(), peers.String(), fleetVIP)
}

func (n *fleetNode) file(name string) string { return filepath.Join(n.dir, name) }

// importTo makes the node's perch.toml of its keepalived.conf.
func (n *fleetNode) importTo(stage string) {
	n.f.t.Helper()
	text := n.perch("import", "keepalived", n.file("keepalived.conf"), "--to", stage, "--cluster", "edge", "--secret-dir", n.dir, "--write-secrets")
	must(n.f.t, os.WriteFile(n.file("perch.toml"), []byte(text), 0o600))
}

// replace ends the node's daemon and starts perch.
func (n *fleetNode) replace(args ...string) {
	n.f.t.Helper()
	ctx, cancel := contextOf(n.f.t)
	defer cancel()
	must(n.f.t, n.daemon.Terminate(ctx))
	n.daemon = lab.NewDaemon("perch on "+n.name, n.host, n.dir, append([]string{perchBinary(n.f.t)}, args...)...)
	must(n.f.t, n.daemon.Start())
	n.f.eventually(n.name+" says how it is", func() bool { return n.status().Node != "" })
}

// isNotReplacedYet wants perch not to run the node's keepalived.conf beside its keepalived.
func (n *fleetNode) isNotReplacedYet() {
	n.f.t.Helper()
	ctx, cancel := contextOf(n.f.t)
	defer cancel()
	var said []byte
	err := n.host.Do(func() (err error) {
		said, err = exec.CommandContext(ctx, perchBinary(n.f.t), "serve", "--keepalived", n.file("keepalived.conf")).CombinedOutput()
		return err
	})
	if err == nil || !strings.Contains(string(said), "is what keepalived runs") {
		n.f.t.Fatalf("perch beside keepalived: %v, %s", err, said)
	}
}

// perch runs perch on the node and returns what it prints. It must succeed.
func (n *fleetNode) perch(args ...string) string {
	n.f.t.Helper()
	out, err := n.run(args...)
	if err != nil {
		n.f.t.Fatalf("perch %s: %v", strings.Join(args, " "), err)
	}
	return string(out)
}

func (n *fleetNode) run(args ...string) (out []byte, err error) {
	err = n.host.Do(func() error {
		out, err = exec.Command(perchBinary(n.f.t), args...).Output()
		return err
	})
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		err = fmt.Errorf("%w: %s", err, exit.Stderr)
	}
	return out, err
}

// status is zero while the daemon does not answer.
func (n *fleetNode) status() (s api.Status) {
	out, err := n.run("status", "-o", "json")
	if err == nil {
		must(n.f.t, json.Unmarshal(out, &s))
	}
	return s
}

func (f *fleet) has(n *fleetNode) bool {
	f.t.Helper()
	live, err := n.host.Live(fleetVIP.Addr())
	must(f.t, err)
	return live
}

// owns waits until the node alone has the address, and for as long as a change of mind would
// take.
func (f *fleet) owns(n *fleetNode) {
	f.t.Helper()
	alone := func() bool {
		count := 0
		for _, other := range f.nodes {
			if f.has(other) {
				count++
			}
		}
		return count == 1 && f.has(n)
	}
	f.eventually(n.name+" alone has the address", alone)
	for deadline := time.Now().Add(time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if !alone() {
			f.eventually(n.name+" has the address back", alone)
		}
	}
}

// leads makes the node the leader of the cluster, which owns nothing yet.
func (f *fleet) leads(n *fleetNode) {
	f.t.Helper()
	leader := func() string {
		if c := n.status().Cluster; c != nil {
			return c.Leader
		}
		return ""
	}
	f.eventually("the cluster has a leader", func() bool { return leader() != "" })
	self := n.status().Node
	if leader() != self {
		n.perch("transfer", self)
	}
	f.eventually(n.name+" is the leader", func() bool { return leader() == self })
}

// oneAnswers wants no question to have been answered by two nodes.
func (f *fleet) oneAnswers(o *lab.Observer) {
	f.t.Helper()
	seen, err := o.Take()
	must(f.t, err)
	answered := map[int]lab.MAC{}
	for _, s := range seen.Sightings {
		if s.Kind != lab.Answer {
			continue
		}
		if first, ok := answered[s.Ask]; ok && first != s.From {
			f.t.Errorf("two owners: ask %d was answered by %s and %s", s.Ask, first, s.From)
			return
		}
		answered[s.Ask] = s.From
	}
	if len(answered) < 100 {
		f.t.Errorf("only %d of %d questions were answered", len(answered), seen.Asked)
	}
}

func (f *fleet) eventually(what string, done func() bool) {
	f.t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			f.t.Fatalf("still not after %s: %s", patience, what)
		}
	}
}

func (f *fleet) explain() {
	if !f.t.Failed() {
		return
	}
	for _, n := range f.nodes {
		f.t.Logf("log of %s:\n%s", n.name, n.daemon.LogTail(40))
	}
}
