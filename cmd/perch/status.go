package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/perch-vip/perch/cmd/internal/api"
)

type statusOptions struct {
	daemon daemonOptions
	output format
	watch  interval
}

func newStatusCommand() *cobra.Command {
	o := &statusOptions{}
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show who owns what, and why",
		Long: `Show the cluster, its nodes, and who owns each VIP and why, and this node's
virtual routers, as its daemon sees it. The exit code is 0 whenever the daemon
answers, however bad things are; scripts should read -o json.

With --watch it asks every second, or as often as it says. On a terminal it
redraws the screen, else it prints the status again when it has changed, with
-o json as one line each.`,
		Example: `  perch status
  perch status --watch
  perch status --watch=5s
  perch status -o json | jq -r '.vips[] | select(.held) | .address'`,
		Args: o.noArgument,
		RunE: o.status,
	}
	o.daemon.bind(cmd)
	o.output.bind(cmd)
	cmd.Flags().VarP(&o.watch, "watch", "w", "ask again each `INTERVAL`, such as 5s, until interrupted")
	cmd.Flags().Lookup("watch").NoOptDefVal = time.Second.String()
	return cmd
}

// noArgument explains what an interval without its = looks like to the shell.
func (o *statusOptions) noArgument(cmd *cobra.Command, args []string) error {
	err := noArgument(cmd, args)
	var i interval
	if err != nil && o.watch > 0 && i.Set(args[0]) == nil {
		return fmt.Errorf("%w: --watch=%s is written with a =", err, args[0])
	}
	return err
}

func (o *statusOptions) status(cmd *cobra.Command, _ []string) error {
	client, err := o.daemon.client()
	if err != nil {
		return err
	}
	if o.watch > 0 {
		defer client.CloseIdleConnections()
		return watch(cmd.Context(), time.Duration(o.watch), client.Status, o.display(cmd))
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

// interval is how often a status is asked for: the value of --watch, 0 without it.
type interval time.Duration

// Bounds of an interval.
const (
	shortestInterval = 100 * time.Millisecond
	longestInterval  = 24 * time.Hour
)

func (i *interval) String() string {
	if *i == 0 {
		return ""
	}
	return time.Duration(*i).String()
}

func (i *interval) Type() string { return "interval" }

// Set takes a duration, or a number of seconds.
func (i *interval) Set(s string) error {
	d, err := time.ParseDuration(s)
	if err != nil {
		d, err = time.ParseDuration(s + "s")
	}
	if err != nil || d < shortestInterval || d > longestInterval {
		return errors.New("must be a duration from 100ms to 24h, like 5s")
	}
	*i = interval(d)
	return nil
}

// watch shows the answer of ask in an interval until ctx ends. Only the first
// one must succeed: a daemon that restarts is waited for.
func watch(ctx context.Context, every time.Duration, ask func(context.Context) (api.Status, error), d display) error {
	tick := time.NewTicker(every)
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
