package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// Node is one perch daemon of a cluster and the host it runs on.
type Node struct {
	Daemon

	Peers []*Node // that its config lists, itself among them

	cluster *Cluster
}

// ConfigFile is the path of the node's perch.toml.
func (n *Node) ConfigFile() string { return filepath.Join(n.Dir, "perch.toml") }

// SecretFile is the path of the node's copy of the cluster's secret.
func (n *Node) SecretFile() string { return filepath.Join(n.Dir, "secret") }

// DataDir is the folder of the node's raft log and ledger.
func (n *Node) DataDir() string { return filepath.Join(n.Dir, "data") }

// Socket is the path of the node's control socket.
func (n *Node) Socket() string { return filepath.Join(n.Dir, "perch.sock") }

// Address is where the node meets its peers.
func (n *Node) Address() netip.AddrPort {
	if n.cluster.Spec.IPv6 {
		return netip.AddrPortFrom(n.Host.Eth0.IPv6.Addr(), clusterPort)
	}
	return netip.AddrPortFrom(n.Host.Eth0.IPv4.Addr(), clusterPort)
}

// Wipe empties the data directory of a daemon that does not run, as a new disk does.
func (n *Node) Wipe() error {
	return errors.Join(os.RemoveAll(n.DataDir()), os.MkdirAll(n.DataDir(), 0o700))
}

// Perch runs a command of perch against the node's control socket and returns
// what it printed. What it wrote to stderr is part of the error.
func (n *Node) Perch(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, n.cluster.Spec.Binary, append(args, "--socket", n.Socket())...)
	cmd.WaitDelay = time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("perch %s on %s: %w: %s",
			strings.Join(args, " "), n.Name, err, strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}

// PerchOffline is Perch for a command that reads the node's config file and works
// without its daemon, on its host.
func (n *Node) PerchOffline(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, n.cluster.Spec.Binary, append(args, "-c", n.ConfigFile())...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	process, err := n.Host.Start(cmd)
	if err != nil {
		return "", err
	}
	<-process.Done()
	if err := process.Err(); err != nil {
		return stdout.String(), fmt.Errorf("perch %s on %s: %w: %s",
			strings.Join(args, " "), n.Name, err, strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}

// Status asks the node for its view of the cluster.
func (n *Node) Status(ctx context.Context) (status api.Status, err error) {
	return status, n.ask(ctx, "status", &status)
}

// History asks the node for the moves that the cluster remembers, oldest first.
func (n *Node) History(ctx context.Context) (moves []api.Move, err error) {
	return moves, n.ask(ctx, "history", &moves)
}

func (n *Node) ask(ctx context.Context, command string, answer any) error {
	out, err := n.Perch(ctx, command, "-o", "json")
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(out), answer); err != nil {
		return fmt.Errorf("read the %s of %s: %w", command, n.Name, err)
	}
	return nil
}
