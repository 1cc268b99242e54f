package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

// secretGroup may read the secret: the shipped unit runs the daemon in it.
const secretGroup = "perch"

type initOptions struct {
	name    string
	cluster string
	address string
	peers   []string
	vips    []string
	iface   string
	dir     string
}

func newInitCommand() *cobra.Command {
	o := &initOptions{}
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Write a config and a secret for this node",
		Long: `Write a commented perch.toml for this node, and the secret that all nodes of the
cluster share. No file is overwritten: a perch.toml that is there already is an
error, a secret that is there already is kept. So on the first node init makes
the secret; copy it to the others before you run init there.

Say where this node is with --address, and name the others with --peer; or give
all of them, this one too, with --peer, and use the same line on every node.
Without a port 7400 is used.`,
		Example: `  perch init --cluster edge --vip 198.18.0.100/24 --interface eth0 \
      --peer lb1=198.18.0.1 --peer lb2=198.18.0.2 --peer lb3=198.18.0.3`,
		Args: noArgument,
		RunE: o.init,
	}
	flags := cmd.Flags()
	flags.StringVar(&o.name, "name", "", "`NAME` of this node (default the host name)")
	flags.StringVar(&o.cluster, "cluster", "perch", "`NAME` of the cluster")
	flags.StringVar(&o.address, "address", "", "this node's own `ADDRESS[:PORT]`, which its peers can reach")
	flags.StringArrayVar(&o.peers, "peer", nil, "a node of the cluster, `NAME=ADDRESS[:PORT]`; may be repeated")
	flags.StringArrayVar(&o.vips, "vip", nil, "a virtual address, `ADDRESS/LENGTH`; may be repeated")
	flags.StringVar(&o.iface, "interface", "", "the `INTERFACE` that carries the VIPs")
	flags.StringVar(&o.dir, "dir", "/etc/perch", "`FOLDER` to write to")
	return cmd
}

func (o *initOptions) init(cmd *cobra.Command, _ []string) error {
	if err := o.complete(); err != nil {
		return &usageError{err}
	}
	dir, err := filepath.Abs(o.dir)
	if err != nil {
		return err
	}
	draft, err := o.draft(dir)
	if err != nil {
		return err
	}
	text, err := draft.render()
	if err != nil {
		return err
	}
	if _, err := os.Lstat(draft.path); err == nil {
		return fmt.Errorf("%s is there already, and init overwrites nothing", draft.path)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	secret, err := ensureSecret(draft.Secret, secretGroup)
	if err != nil {
		return err
	}
	if err := writeNew(draft.path, 0o644, text); err != nil {
		return err
	}
	_, err = fmt.Fprint(cmd.OutOrStdout(), nextSteps(draft, secret))
	return err
}

// complete says which flags lack another.
func (o *initOptions) complete() error {
	switch {
	case o.address == "" && len(o.peers) == 0:
		return errors.New("where are the nodes? give --address or --peer")
	case len(o.vips) > 0 && o.iface == "":
		return errors.New("--vip needs --interface")
	case len(o.vips) == 0 && o.iface != "":
		return errors.New("--interface needs --vip")
	}
	return nil
}

// draft turns the flags into what the config will hold.
func (o *initOptions) draft(dir string) (*draft, error) {
	name := o.name
	if name == "" {
		host, err := os.Hostname()
		if err != nil {
			return nil, fmt.Errorf("find this machine's name, which --name sets too: %w", err)
		}
		name = host
	}
	d := &draft{
		path: filepath.Join(dir, "perch.toml"), Secret: filepath.Join(dir, "secret"),
		Name: name, Cluster: o.cluster, VIPs: o.vips, Interface: o.iface,
	}
	if o.address != "" {
		d.Peers = append(d.Peers, draftPeer{name, withPort(o.address)})
	}
	for _, p := range o.peers {
		peer, address, ok := strings.Cut(p, "=")
		if !ok {
			return nil, &usageError{fmt.Errorf("--peer %q is not NAME=ADDRESS[:PORT]", p)}
		}
		d.Peers = append(d.Peers, draftPeer{peer, withPort(address)})
	}
	if d.self() < 0 {
		return nil, &usageError{fmt.Errorf("this node, %s, is not among the peers: add --address or set --name", name)}
	}
	return d, nil
}

// nextSteps says what was written and what is left to do.
func nextSteps(d *draft, secret secretFate) string {
	var b strings.Builder
	b.WriteString("wrote " + d.path + "\n" + string(secret) + " " + d.Secret + "\n\nWhat is left to do:\n")
	for i, step := range steps(d, secret) {
		fmt.Fprintf(&b, "  %d. %s\n", i+1, step)
	}
	return b.String()
}

func steps(d *draft, secret secretFate) []string {
	var steps []string
	if len(d.Peers) == 1 {
		steps = append(steps, "add a [[cluster.peer]] for each other node to "+d.path)
	}
	if len(d.VIPs) == 0 {
		steps = append(steps, "add a [[vip]] for each address to keep alive to "+d.path)
	}
	if secret == secretMade {
		steps = append(steps, "copy "+d.Secret+" to the other nodes; with mode 0640 at most, or it is refused")
	}
	return append(steps,
		"run perch init there with the same peers and VIPs, or copy "+d.path+" and change node.name",
		"run perch serve -c "+d.path+" on every node, in any order, and look at perch status",
	)
}
