package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/perch-vip/perch/cmd/internal/api"
)

type statusOptions struct {
	daemon daemonOptions
	output format
	watch  bool
}

func newStatusCommand() *cobra.Command {
	o := &statusOptions{}
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show who owns what, and why",
		Long: `Show the cluster, its nodes, and who owns each VIP and why, as the daemon of
this node sees it. The exit code is 0 whenever the daemon answers, however bad
things are; scripts should read -o json.

With --watch it asks every second. On a terminal it redraws the screen, else it
prints the status again when it has changed, with -o json as one line each.`,
		Example: `  perch status
  perch status --watch
  perch status -o json | jq -r '.vips[] | select(.held) | .address'`,
		Args: noArgument,
		RunE: o.status,
	}
	o.daemon.bind(cmd)
	o.output.bind(cmd)
	cmd.Flags().BoolVarP(&o.watch, "watch", "w", false, "ask every second until interrupted")
	return cmd
}

func (o *statusOptions) status(cmd *cobra.Command, _ []string) error {
	client, err := o.daemon.client()
	if err != nil {
		return err
	}
	if o.watch {
		defer client.CloseIdleConnections()
		return watch(cmd.Context(), client.Status, o.display(cmd))
	}
	s, err := client.Status(cmd.Context())
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	return o.output.print(out, s, func() string { return renderStatus(s, viewOf(out, time.Now())) })
}

// display returns what shows the answers of a watch.
func (o *statusOptions) display(cmd *cobra.Command) display {
	out := cmd.OutOrStdout()
	if _, ok := terminalSize(out); ok && o.output == formatText {
		return &screen{out: out}
	}
	return &journal{out: out, errOut: cmd.ErrOrStderr(), output: o.output}
}

// display shows one answer of a watch, or why there was none.
type display interface {
	show(s api.Status) error
	trouble(err error) error
}

const watchInterval = time.Second

// watch shows the answer of ask every second until ctx ends. Only the first
// one must succeed: a daemon that restarts is waited for.
func watch(ctx context.Context, ask func(context.Context) (api.Status, error), d display) error {
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	for first := true; ; first = false {
		s, err := ask(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			err = d.show(s)
		case !first:
			err = d.trouble(err)
		}
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
