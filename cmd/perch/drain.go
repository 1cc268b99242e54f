package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/perch-vip/perch/cmd/internal/api"
)

type drainOptions struct {
	daemon daemonOptions
	output format
	to     api.Drain
	said   string // what is printed when it is done, with the node's name twice
}

// drainResult is the answer of `perch drain -o json`.
type drainResult struct {
	Node    string `json:"node"`
	Drained bool   `json:"drained"`
}

func newDrainCommand() *cobra.Command {
	return newDrainLikeCommand(&drainOptions{
		to:   api.Drained,
		said: "%s is drained: it owns no VIP until perch undrain %[1]s\n",
	}, &cobra.Command{
		Use:   "drain [NODE]",
		Short: "Keep the VIPs away from a node, by default this one",
		Long: `Drain a node: the VIPs leave it if it holds them, and it takes none until it is
undrained. It stays a member of the cluster and goes on voting, and the cluster
remembers the drain over restarts. By default the node is the one asked.`,
		Example: `  perch drain
  perch drain lb2`,
	})
}

func newUndrainCommand() *cobra.Command {
	return newDrainLikeCommand(&drainOptions{
		to:   api.Undrained,
		said: "%s is not drained: it may own the VIPs\n",
	}, &cobra.Command{
		Use:   "undrain [NODE]",
		Short: "Let a drained node own VIPs again, by default this one",
		Long: `Undrain a node: it may own VIPs again. They do not move to it by that alone; see
perch transfer. By default the node is the one asked.`,
		Example: `  perch undrain
  perch undrain lb2`,
	})
}

// newDrainLikeCommand completes a command with what drain and undrain share.
func newDrainLikeCommand(o *drainOptions, cmd *cobra.Command) *cobra.Command {
	cmd.Args = optionalNode
	cmd.ValidArgsFunction = o.daemon.completeNode
	cmd.RunE = o.drain
	o.daemon.bind(cmd)
	o.output.bind(cmd)
	return cmd
}

func (o *drainOptions) drain(cmd *cobra.Command, args []string) error {
	client, node, err := o.daemon.clientFor(cmd.Context(), args)
	if err != nil {
		return err
	}
	if err := client.SetDrain(cmd.Context(), node, o.to); err != nil {
		return err
	}
	res := drainResult{Node: node, Drained: o.to == api.Drained}
	return o.output.print(cmd.OutOrStdout(), res, func() string { return fmt.Sprintf(o.said, clean(node)) })
}

// clientFor returns a client, and the NODE of the command line or the name of the node
// asked.
func (o *daemonOptions) clientFor(ctx context.Context, args []string) (*api.Client, string, error) {
	client, err := o.client()
	switch {
	case err != nil:
		return nil, "", err
	case len(args) > 0:
		return client, args[0], nil
	}
	status, err := client.Status(ctx)
	if err == nil && status.Node == "" {
		err = errors.New("the daemon does not say which node it is")
	}
	return client, status.Node, err
}
