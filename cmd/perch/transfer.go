package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

type transferOptions struct {
	daemon daemonOptions
	output format
}

func newTransferCommand() *cobra.Command {
	o := &transferOptions{}
	cmd := &cobra.Command{
		Use:   "transfer [NODE]",
		Short: "Move the VIPs to a node, or to the best one",
		Long: `Move the VIPs from their owner to NODE, in some milliseconds. Without NODE the
best of the others takes them: in touch, not drained, healthy, of the highest
priority. A node whose checks say that it is sick is refused; one that is held
down because of them is not.

If the target does not take over, the VIPs go back to where they were and the
command fails. To keep them away from a node for longer, drain it.`,
		Example: `  perch transfer
  perch transfer lb2`,
		Args:              optionalNode,
		ValidArgsFunction: o.daemon.completeNode,
		RunE:              o.transfer,
	}
	o.daemon.bind(cmd)
	o.output.bind(cmd)
	return cmd
}

func (o *transferOptions) transfer(cmd *cobra.Command, args []string) error {
	client, err := o.daemon.client()
	if err != nil {
		return err
	}
	var to string
	if len(args) > 0 {
		to = args[0]
	}
	res, err := client.Transfer(cmd.Context(), to)
	if err != nil {
		return err
	}
	return o.output.print(cmd.OutOrStdout(), res, func() string {
		return fmt.Sprintf("the VIPs have moved from %s to %s in %v\n",
			clean(res.From), clean(res.To), res.Took.Round(100*time.Microsecond))
	})
}
