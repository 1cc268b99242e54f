package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"runtime/debug"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/cmd/internal/keepalived"
)

// importMemory is where an import begins to save memory, in bytes: a config of tens of
// thousands of virtual routers would leave more of it unused than it uses.
const importMemory = 350 << 20

type importKeepalivedOptions struct {
	keepalivedOptions
	to           string
	raft         keepalived.Raft
	peers        []string
	secretDir    string
	writeSecrets bool
}

func newImportKeepalivedCommand() *cobra.Command {
	o := &importKeepalivedOptions{}
	cmd := &cobra.Command{
		Use:   "keepalived FILE",
		Short: "Print the perch.toml that says what a keepalived.conf says",
		Long: `Print the perch.toml that says what a keepalived.conf says, with its comments.

What has no equivalent is named on standard error, with its line, what it would
have done, and what to use instead; with --strict nothing is printed then. A
mistake, of which keepalived only warns, ends the import: FILE:LINE: TEXT.

--to raft makes one cluster of the virtual routers of a fleet. Its nodes are those
that unicast_src_ip and unicast_peer name, or are given by --peer. On the way there
a node runs what --to both prints: the cluster beside the virtual routers. See
docs/from-keepalived.md.

perch.toml holds no passwords. With --write-secrets the files that it names for
them are written; files that are there with something else in them are not touched.

To run a keepalived.conf as it is: perch serve --keepalived FILE.`,
		Example: `  perch import keepalived /etc/keepalived/keepalived.conf >perch.toml
  sudo perch import keepalived keepalived.conf --write-secrets >perch.toml
  perch import keepalived fleet.conf --id lb2 --strict
  perch import keepalived keepalived.conf --to raft --cluster edge \
      --peer lb1=198.18.0.1 --peer lb2=198.18.0.2 --peer lb3=198.18.0.3,150`,
		Args: oneFile,
		RunE: o.run,
	}
	o.bind(cmd)
	cmd.Flags().StringVar(&o.to, "to", "vrrp", "`WHAT` the virtual routers become: vrrp, both or raft")
	_ = cmd.RegisterFlagCompletionFunc("to", cobra.FixedCompletions([]string{"vrrp", "both", "raft"}, cobra.ShellCompDirectiveNoFileComp))
	cmd.Flags().StringVar(&o.raft.Cluster, "cluster", "", "the `NAME` of the cluster (default perch)")
	cmd.Flags().StringArrayVar(&o.peers, "peer", nil, "a node of the cluster, `NAME=ADDRESS[:PORT][,PRIORITY]`; once for each")
	cmd.Flags().StringVar(&o.raft.Node, "node", "", "which of them this is, by its `NAME` (default the host name)")
	cmd.Flags().StringVar(&o.secretDir, "secret-dir", defaultSecretDir, "the `FOLDER` of the files that are named for passwords")
	cmd.Flags().BoolVar(&o.writeSecrets, "write-secrets", false, "write those files, for root only")
	return cmd
}

func (o *importKeepalivedOptions) run(cmd *cobra.Command, args []string) error {
	debug.SetMemoryLimit(importMemory)
	path, options := args[0], o.options()
	options.SecretDir = o.secretDir
	var err error
	if options.Raft, err = o.cluster(); err != nil {
		return &usageError{err}
	}
	result, err := keepalived.Import(path, options)
	if err != nil {
		return err
	}
	text := result.Document.Render()
	result.Document = nil // may be large
	_, warnings, err := o.parse(path, result, text)
	if err != nil {
		return err
	}
	for _, w := range warnings {
		fmt.Fprintln(cmd.ErrOrStderr(), clean(w.String()))
	}
	if err := o.settleSecrets(cmd.ErrOrStderr(), result.Secrets); err != nil {
		return err
	}
	_, err = cmd.OutOrStdout().Write(text.Text)
	return err
}

// cluster returns what becomes of the virtual routers; nil leaves them what they are.
func (o *importKeepalivedOptions) cluster() (*keepalived.Raft, error) {
	r := o.raft
	switch r.Stage = keepalived.Stage(o.to); r.Stage {
	case "vrrp":
		if r.Cluster != "" || r.Node != "" || len(o.peers) > 0 {
			return nil, errors.New("--cluster, --node and --peer are for a cluster: give --to raft or --to both")
		}
		return nil, nil
	case keepalived.Beside, keepalived.Instead:
	default:
		return nil, fmt.Errorf("--to %q must be vrrp, both or raft", o.to)
	}
	r.Cluster = cmp.Or(r.Cluster, "perch")
	for _, text := range o.peers {
		p, err := peerOf(text)
		if err != nil {
			return nil, fmt.Errorf("--peer %q: %w", text, err)
		}
		r.Peers = append(r.Peers, p)
	}
	return &r, findSelf(&r)
}

// findSelf wants this machine to be one of the peers, where no --node says which of them it is.
func findSelf(r *keepalived.Raft) error {
	hostname, _ := os.Hostname()
	known := slices.ContainsFunc(r.Peers, func(p keepalived.Peer) bool { return p.Name == hostname })
	if r.Node != "" || len(r.Peers) == 0 || known {
		return nil
	}
	return fmt.Errorf("this machine's host name, %q, is none of the peers: say by --node which of them it is", hostname)
}

// peerOf reads NAME=ADDRESS[:PORT][,PRIORITY].
func peerOf(text string) (p keepalived.Peer, err error) {
	name, rest, ok := strings.Cut(text, "=")
	if !ok || name == "" {
		return p, errors.New("must be NAME=ADDRESS, such as lb1=198.18.0.1")
	}
	address, priority, ok := strings.Cut(rest, ",")
	if ok {
		if p.Priority, err = strconv.Atoi(priority); err != nil {
			return p, fmt.Errorf("priority %q is no number", priority)
		}
	}
	p.Name = name
	if p.Address, err = netip.ParseAddrPort(withPort(address)); err != nil {
		return p, fmt.Errorf("%q is no IP address, with a port or without", address)
	}
	return p, nil
}

// settleSecrets writes the files of secrets, or says which are needed.
func (o *importKeepalivedOptions) settleSecrets(errOut io.Writer, secrets map[string]string) error {
	paths := make([]string, 0, len(secrets))
	for path := range secrets {
		paths = append(paths, path)
	}
	sort.Strings(paths)
	for _, path := range paths {
		if !o.writeSecrets {
			fmt.Fprintf(errOut, "%s is needed, with a password in it that is in the keepalived.conf: --write-secrets writes it\n", path)
		} else if err := writeSecret(path, secrets[path]); err != nil {
			return err
		}
	}
	return nil
}

// writeSecret writes a secret where none is. One that is there must be the same.
func writeSecret(path, secret string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return sameSecret(path, secret)
	}
	if err != nil {
		return fmt.Errorf("write secret: %w", err)
	}
	_, err = io.WriteString(f, secret+"\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write secret: %w", errors.Join(err, os.Remove(path)))
	}
	return nil
}

// sameSecret says whether a file has the secret in it already.
func sameSecret(path, secret string) error {
	f, err := config.OpenFile(path)
	if err != nil {
		return fmt.Errorf("read secret: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, int64(len(secret))+2))
	if err != nil {
		return fmt.Errorf("read secret: %w", err)
	}
	if string(data) != secret+"\n" && string(data) != secret {
		return fmt.Errorf("%s holds another password than the keepalived.conf: remove it, or choose another --secret-dir", path)
	}
	return nil
}
