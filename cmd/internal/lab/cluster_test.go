package lab

import (
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestConfigOfANode(t *testing.T) {
	vips := []VIP{
		{Address: netip.MustParsePrefix("198.18.0.100/24"), Interface: "eth0"},
		{Address: netip.MustParsePrefix("2001:db8::100/64"), Interface: "eth0"},
	}
	peers := twoPeers(ClusterSpec{})
	const head = `[node]
name = "lb2"
data_dir = "/tmp/x/lb2/data"
socket = "/tmp/x/lb2/perch.sock"
log_level = "debug"

[cluster]
name = "edge"
secret_file = "/tmp/x/lb2/secret"
`
	const tail = `
[[cluster.peer]]
name = "lb1"
address = "198.18.0.1:7400"

[[cluster.peer]]
name = "lb2"
address = "198.18.0.2:7400"

[[vip]]
address = "198.18.0.100/24"
interface = "eth0"

[[vip]]
address = "2001:db8::100/64"
interface = "eth0"
`
	tests := map[string]struct {
		spec ClusterSpec
		want string
	}{
		"default":   {ClusterSpec{}, ""},
		"profile":   {ClusterSpec{Failover: "fast"}, "failover = \"fast\"\n"},
		"heartbeat": {ClusterSpec{Failover: "fast", Heartbeat: 150 * time.Millisecond}, "heartbeat = \"150ms\"\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.spec.Name, tt.spec.VIPs = "edge", vips
			got := config(tt.spec, peers[1], peers)
			if diff := cmp.Diff(head+tt.want+tail, got); diff != "" {
				t.Errorf("config (-want +got):\n%s", diff)
			}
		})
	}
}

// twoPeers returns nodes without namespaces.
func twoPeers(spec ClusterSpec) []*Node {
	c := &Cluster{Spec: spec}
	for i, name := range []string{"lb1", "lb2"} {
		number := i + 1
		eth0 := &Link{
			IPv4: netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 18, 0, byte(number)}), 24),
			IPv6: netip.PrefixFrom(ipv6Of(0, number), 64),
		}
		c.Nodes = append(c.Nodes, &Node{Daemon: Daemon{Name: name, Dir: "/tmp/x/" + name, Host: &Host{Eth0: eth0}}, cluster: c})
	}
	return c.Nodes
}

func TestPeersOfAConfig(t *testing.T) {
	spec := ClusterSpec{Priority: map[string]int{"lb2": 200}, Witness: "lb1", IPv6: true}
	peers := twoPeers(spec)
	text := config(spec, peers[0], peers)
	_, got, _ := strings.Cut(text, "[[cluster.peer]]\n")
	const want = `name = "lb1"
address = "[2001:db8::1]:7400"
witness = true

[[cluster.peer]]
name = "lb2"
address = "[2001:db8::2]:7400"
priority = 200
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("peers (-want +got):\n%s", diff)
	}
}

func TestNewClusterWritesFiles(t *testing.T) {
	_, hosts := newLab(t, 3)
	c, err := NewCluster(ClusterSpec{Dir: t.TempDir(), Name: "edge", Secret: "s3cret"}, hosts...)
	must(t, err)
	for _, n := range c.Nodes {
		secret, err := os.Stat(n.SecretFile())
		must(t, err)
		if secret.Mode().Perm() != 0o600 {
			t.Errorf("secret of %s has mode %v", n.Name, secret.Mode())
		}
		if _, err := os.Stat(n.ConfigFile()); err != nil {
			t.Error(err)
		}
	}
	if c.Node("lb3") != c.Nodes[2] || c.Node("lb4") != nil || c.NodeOn(hosts[1]) != c.Nodes[1] {
		t.Error("nodes are not found by name or host")
	}
}
