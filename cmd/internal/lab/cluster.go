package lab

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"
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
}

// VIP is one virtual address of a cluster.
type VIP struct {
	Address   netip.Prefix
	Interface string
}

// Cluster is a perch cluster whose files are written; its nodes are started one
// by one.
type Cluster struct {
	Spec  ClusterSpec
	Nodes []*Node
}

// NewCluster writes the config and the secret of a cluster with one node on
// each host. The peers' addresses are those of eth0.
func NewCluster(spec ClusterSpec, hosts ...*Host) (*Cluster, error) {
	c := &Cluster{Spec: spec}
	for i, h := range hosts {
		name := fmt.Sprintf("lb%d", i+1)
		c.Nodes = append(c.Nodes, &Node{
			Name:    name,
			Host:    h,
			Dir:     filepath.Join(spec.Dir, name),
			cluster: c,
		})
	}
	for _, n := range c.Nodes {
		if err := n.writeFiles(); err != nil {
			return nil, err
		}
	}
	return c, nil
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

var configTemplate = template.Must(template.New("perch.toml").Parse(`[node]
name = {{printf "%q" .Node.Name}}
data_dir = {{printf "%q" .Node.DataDir}}
socket = {{printf "%q" .Node.Socket}}
log_level = "debug"

[cluster]
name = {{printf "%q" .Spec.Name}}
secret_file = {{printf "%q" .Node.SecretFile}}
{{- if .Spec.Heartbeat}}
heartbeat = "{{.Spec.Heartbeat}}"
{{- else if .Spec.Failover}}
failover = {{printf "%q" .Spec.Failover}}
{{- end}}
{{- if .Spec.Fence}}
fence = {{printf "%q" .Spec.Fence}}
{{- end}}
{{range .Peers}}
[[cluster.peer]]
name = {{printf "%q" .Name}}
address = {{printf "%q" .Address.String}}
{{end}}
{{- range .Spec.VIPs}}
[[vip]]
address = "{{.Address}}"
interface = {{printf "%q" .Interface}}
{{end}}`))

// config returns the text of a node's config file.
func config(spec ClusterSpec, n *Node, peers []*Node) (string, error) {
	var b strings.Builder
	err := configTemplate.Execute(&b, struct {
		Spec  ClusterSpec
		Node  *Node
		Peers []*Node
	}{spec, n, peers})
	return b.String(), err
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
	text, err := config(spec, n, n.cluster.Nodes)
	if err != nil {
		return fmt.Errorf("write the config of %s: %w", n.Name, err)
	}
	return os.WriteFile(n.ConfigFile(), []byte(text), 0o600)
}
