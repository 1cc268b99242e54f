package main

import (
	"time"

	"github.com/spf13/cobra"
)

type historyOptions struct {
	daemon daemonOptions
	output format
}

func newHistoryCommand() *cobra.Command {
	o := &historyOptions{}
	cmd := &cobra.Command{
		Use:   "history",
		Short: "Show when the VIPs moved from where to where, and why",
		Long: `Show the changes of ownership that the cluster remembers, the latest last: when,
in which raft term, from which node to which, for how long nobody held the VIPs
before, as far as the new owner can tell, and why. Times are this machine's
local time; -o json has them as they were recorded.`,
		Example: `  perch history
  perch history -o json | jq -r '.[-1].reason'`,
		Args: noArgument,
		RunE: o.history,
	}
	o.daemon.bind(cmd)
	o.output.bind(cmd)
	return cmd
}

func (o *historyOptions) history(cmd *cobra.Command, _ []string) error {
	client, err := o.daemon.client()
	if err != nil {
		return err
	}
	moves, err := client.History(cmd.Context())
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	return o.output.print(out, moves, func() string {
		return renderHistory(moves, viewOf(out, time.Now()))
	})
}
