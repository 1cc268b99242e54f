package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

type removeOptions struct {
	daemon daemonOptions
	output format
	said   string // what is printed when it is done, with the node's name
}

// removeResult is the answer of `perch remove -o json` and `perch leave -o json`.
type removeResult struct {
	Node   string `json:"node"`
	Member bool   `json:"member"`
}

func newLeaveCommand() *cobra.Command {
	return newRemoveLikeCommand(&removeOptions{
		said: "%s has left the cluster and holds nothing; take it from the other nodes' configs\n",
	}, &cobra.Command{
		Use:   "leave",
		Short: "Take this node out of the cluster",
		Long: `Take the node whose daemon is asked out of its cluster. If it owns the VIPs it
hands them over first. Its daemon goes on running, holds nothing, has no vote
and says so in perch status, also after a restart, until perch join.

Take the node from the list in the others' configs afterwards; until then their
status reminds of it.`,
		Example: `  perch leave`,
		Args:    noArgument,
	})
}

func newRemoveCommand() *cobra.Command {
	o := &removeOptions{
		said: "%s is no member of the cluster any more; take it from the nodes' configs\n",
	}
	cmd := newRemoveLikeCommand(o, &cobra.Command{
		Use:   "remove NODE",
		Short: "Take a node out of the cluster, also a dead one",
		Long: `Take a node out of the cluster, from any node. It may be dead: a majority of the
others must be in touch with the leader. One that owns the VIPs hands them over
first.

If the node runs or comes back it finds out that it was removed, holds nothing,
and says so in perch status until perch join there.`,
		Example: `  perch remove lb3`,
		Args:    oneNode,
	})
	cmd.ValidArgsFunction = o.daemon.completeNode
	return cmd
}

// newRemoveLikeCommand completes a command with what leave and remove share.
func newRemoveLikeCommand(o *removeOptions, cmd *cobra.Command) *cobra.Command {
	cmd.RunE = o.remove
	o.daemon.bind(cmd)
	o.output.bind(cmd)
	return cmd
}

func (o *removeOptions) remove(cmd *cobra.Command, args []string) error {
	client, node, err := o.daemon.clientFor(cmd.Context(), args)
	if err != nil {
		return err
	}
	if err := client.Remove(cmd.Context(), node); err != nil {
		return err
	}
	return o.output.print(cmd.OutOrStdout(), removeResult{Node: node}, func() string { return fmt.Sprintf(o.said, clean(node)) })
}
