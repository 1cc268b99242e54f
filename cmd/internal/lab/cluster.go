package lab

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// clusterPort is the port of raft and of the peer API.
const clusterPort = 7400

// ClusterSpec says what a perch cluster is to be. Its nodes are named lb1, lb2
// and so on.
type ClusterSpec struct {
	Binary    string // path of perch
	Dir       string // existing folder for its files
	Name      string
	Secret    string
	Failover  string        // profile, unless Heartbeat is set
	Heartbeat time.Duration // 0: by profile
	Fence     string        // "": the strongest
	VIPs      []VIP
	Priority  map[string]int // by node; the others have the default
	Witness   string         // a node that only votes, if there is one
	IPv6      bool           // the peers meet over IPv6
}

// VIP is one virtual address of a cluster.
type VIP struct {
	Address   netip.Prefix
	Interface string
	Kind      string // "" for an address
}

// Cluster is a perch cluster whose files are written; its nodes are started one
// by one.
type Cluster struct {
	Spec  ClusterSpec
	Nodes []*Node
}

// NewCluster writes the config and the secret of a cluster with one node on
// each host. The peers' addresses are those of eth0, of the family that spec says.
func NewCluster(spec ClusterSpec, hosts ...*Host) (*Cluster, error) {
	c := &Cluster{Spec: spec}
	for _, h := range hosts {
		c.newNode(h)
	}
	for _, n := range c.Nodes {
		n.Peers = c.Nodes
		if err := n.writeFiles(); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// AddNode writes the files of one more node, whose config lists peers and itself. The
// other nodes' configs stay as they are.
func (c *Cluster) AddNode(h *Host, peers ...*Node) (*Node, error) {
	n := c.newNode(h)
	n.Peers = append(slices.Clone(peers), n)
	return n, n.writeFiles()
}

func (c *Cluster) newNode(h *Host) *Node {
	name := fmt.Sprintf("lb%d", len(c.Nodes)+1)
	n := &Node{cluster: c}
	n.Name, n.Host, n.Dir = name, h, filepath.Join(c.Spec.Dir, name)
	n.command = func() *exec.Cmd { return exec.Command(c.Spec.Binary, "serve", "-c", n.ConfigFile()) }
	c.Nodes = append(slices.Clip(c.Nodes), n)
	return n
}

// Node returns the node of that name, or nil.
func (c *Cluster) Node(name string) *Node {
	i := slices.IndexFunc(c.Nodes, func(n *Node) bool { return n.Name == name })
	if i < 0 {
		return nil
	}
	return c.Nodes[i]
}

// NodeOn returns the node on that host, or nil.
func (c *Cluster) NodeOn(h *Host) *Node {
	i := slices.IndexFunc(c.Nodes, func(n *Node) bool { return n.Host == h })
	if i < 0 {
		return nil
	}
	return c.Nodes[i]
}

// Holding returns the nodes whose hosts have addr on an interface.
func (c *Cluster) Holding(addr netip.Addr) ([]*Node, error) {
	var holding []*Node
	for _, n := range c.Nodes {
		has, err := n.Host.Has(addr)
		if err != nil {
			return nil, err
		}
		if has {
			holding = append(holding, n)
		}
	}
	return holding, nil
}

// StartAll starts every node in order.
func (c *Cluster) StartAll() error {
	for _, n := range c.Nodes {
		if err := n.Start(); err != nil {
			return err
		}
	}
	return nil
}

// config returns the text of a node's config file. It is written by hand: with
// text/template the linker keeps every exported method of every type, which makes
// perch heavier by megabytes.
func config(spec ClusterSpec, n *Node, peers []*Node) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("[node]\nname = %q\ndata_dir = %q\nsocket = %q", n.Name, n.DataDir(), n.Socket())
	line("log_level = \"debug\"\n")
	line("[cluster]\nname = %q\nsecret_file = %q", spec.Name, n.SecretFile())
	switch {
	case spec.Heartbeat != 0:
		line("heartbeat = %q", spec.Heartbeat)
	case spec.Failover != "":
		line("failover = %q", spec.Failover)
	}
	if spec.Fence != "" {
		line("fence = %q", spec.Fence)
	}
	for _, p := range peers {
		line("\n[[cluster.peer]]\nname = %q\naddress = %q", p.Name, p.Address())
		if priority, ok := spec.Priority[p.Name]; ok {
			line("priority = %d", priority)
		}
		if p.Name == spec.Witness {
			line("witness = true")
		}
	}
	for _, vip := range spec.VIPs {
		line("\n[[vip]]\naddress = %q\ninterface = %q", vip.Address, vip.Interface)
		if vip.Kind != "" {
			line("kind = %q", vip.Kind)
		}
	}
	return b.String()
}

func (n *Node) writeFiles() error {
	if err := os.MkdirAll(n.DataDir(), 0o700); err != nil {
		return fmt.Errorf("make the folders of %s: %w", n.Name, err)
	}
	return errors.Join(
		os.WriteFile(n.SecretFile(), []byte(n.cluster.Spec.Secret+"\n"), 0o600),
		n.WriteConfig(n.cluster.Spec.VIPs...),
	)
}

// WriteConfig writes the node's config with these VIPs, for a reload to find.
func (n *Node) WriteConfig(vips ...VIP) error {
	spec := n.cluster.Spec
	spec.VIPs = vips
	return os.WriteFile(n.ConfigFile(), []byte(config(spec, n, n.Peers)), 0o600)
}
