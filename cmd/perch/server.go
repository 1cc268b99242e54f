package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/perch-vip/perch/cmd/internal/api"
)

type serverOptions struct {
	daemon daemonOptions
	output format
}

func newServerCommand() *cobra.Command {
	o := &serverOptions{}
	cmd := &cobra.Command{
		Use:   "server",
		Short: "Show the services and their real servers, and give orders for these",
		Long: `Show the IPVS services of the node asked and their real servers. Connections
are those of that node's kernel: they go through the owner of the VIPs.

An order for a server is remembered by the cluster, for all of its nodes, over
restarts and reloads; a node that runs no cluster remembers it for itself alone.`,
		Example: `  perch server
  perch server -o json | jq -r '.[].servers[] | select(.drained) | .address'`,
		Args:                       noSuchCommand,
		RunE:                       o.show,
		SuggestionsMinimumDistance: 2,
	}
	o.daemon.bind(cmd)
	o.output.bind(cmd)
	for _, sub := range []*cobra.Command{newServerDrainCommand(), newServerUndrainCommand(), newServerWeightCommand()} {
		sub.RunE = marking(sub.RunE)
		cmd.AddCommand(sub)
	}
	return cmd
}

// noSuchCommand refuses what should have been the name of a command below cmd.
func noSuchCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	err := fmt.Errorf("unknown command %q for %q", args[0], cmd.CommandPath())
	if meant := cmd.SuggestionsFor(args[0]); len(meant) > 0 {
		err = fmt.Errorf("%w; did you mean %s?", err, strings.Join(meant, " or "))
	}
	return err
}

func (o *serverOptions) show(cmd *cobra.Command, _ []string) error {
	client, err := o.daemon.client()
	if err != nil {
		return err
	}
	s, err := client.Status(cmd.Context())
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	return o.output.print(out, s.Services, func() string { return renderServices(s, viewOf(out, time.Now())) })
}

// serverOrder is what the commands that give an order for a server share.
type serverOrder struct {
	daemon daemonOptions
	output format
}

// serverResult is the answer of `perch server drain -o json` and its siblings.
type serverResult struct {
	api.ServerName
	Order  string  `json:"order"`
	Weight *uint32 `json:"weight,omitempty"`
	// Connections are those that are left; absent where they were not waited for.
	Connections *uint32 `json:"connections,omitempty"`
}

// bind completes a command with what those that give an order for a server share.
func (o *serverOrder) bind(cmd *cobra.Command) {
	cmd.ValidArgsFunction = o.daemon.completeServer
	o.daemon.bind(cmd)
	o.output.bind(cmd)
}

// serviceAndServer accepts SERVICE and SERVER.
func serviceAndServer(_ *cobra.Command, args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("SERVICE and SERVER must be given, not %d arguments", len(args))
	}
	return noneEmpty(args, "SERVICE", "SERVER")
}

// noneEmpty refuses an argument that is empty: an unset variable of a script.
func noneEmpty(args []string, names ...string) error {
	for i, arg := range args {
		if arg == "" {
			return errors.New(names[i] + " is empty")
		}
	}
	return nil
}

// give gives the order for the SERVICE and SERVER of the command line.
func (o *serverOrder) give(ctx context.Context, args []string, order api.ServerOrder) (*api.Client, serverResult, error) {
	client, err := o.daemon.client()
	if err != nil {
		return nil, serverResult{}, err
	}
	order.ServerName = api.ServerName{Service: args[0], Server: args[1]}
	name, err := client.OrderServer(ctx, order)
	return client, serverResult{ServerName: name, Order: order.Order, Weight: order.Weight}, err
}

// print prints what was done in words that take the server's and the service's name.
func (o *serverOrder) print(cmd *cobra.Command, res serverResult, said string) error {
	return o.output.print(cmd.OutOrStdout(), res, func() string { return fmt.Sprintf(said, clean(res.Server), clean(res.Service)) })
}

func newServerUndrainCommand() *cobra.Command {
	o := &serverOrder{}
	cmd := &cobra.Command{
		Use:   "undrain SERVICE SERVER",
		Short: "Let a drained server have connections again",
		Long: `Undrain a real server of a service: it gets new connections again, if it is
healthy, by its weight.`,
		Example: `  perch server undrain web 10.0.0.11:80`,
		Args:    serviceAndServer,
		RunE: func(cmd *cobra.Command, args []string) error {
			_, res, err := o.give(cmd.Context(), args, api.ServerOrder{Order: api.OrderUndrain})
			if err != nil {
				return err
			}
			return o.print(cmd, res, "%s of %s is not drained\n")
		},
	}
	o.bind(cmd)
	return cmd
}

func newServerWeightCommand() *cobra.Command {
	o := &serverOrder{}
	cmd := &cobra.Command{
		Use:   "weight SERVICE SERVER N|default",
		Short: "Give a server another weight than its configured one",
		Long: `Give a real server of a service another weight than the config does, or with
"default" that one again. With weight 0 it gets no new connections. A drained
server stays drained, whatever its weight.`,
		Example: `  perch server weight web 10.0.0.11:80 5
  perch server weight web 10.0.0.11:80 default`,
		Args: serviceServerAndWeight,
		RunE: o.weigh,
	}
	o.bind(cmd)
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 2 {
			return []string{cobra.CompletionWithDesc(api.OrderDefault, "the configured one")}, cobra.ShellCompDirectiveNoFileComp
		}
		return o.daemon.completeServer(cmd, args, word)
	}
	return cmd
}

// serviceServerAndWeight accepts SERVICE, SERVER and N or "default".
func serviceServerAndWeight(_ *cobra.Command, args []string) error {
	if len(args) != 3 {
		return fmt.Errorf("SERVICE, SERVER and N or %s must be given, not %d arguments", api.OrderDefault, len(args))
	}
	if err := noneEmpty(args, "SERVICE", "SERVER", "N"); err != nil {
		return err
	}
	_, err := weightOrder(args[2])
	return err
}

// weightOrder is the order for N or "default".
func weightOrder(text string) (api.ServerOrder, error) {
	if text == api.OrderDefault {
		return api.ServerOrder{Order: api.OrderDefault}, nil
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || n > api.MaxServerWeight {
		return api.ServerOrder{}, fmt.Errorf("weight %q is not a number from 0 to %d, or %s", text, api.MaxServerWeight, api.OrderDefault)
	}
	weight := uint32(n)
	return api.ServerOrder{Order: api.OrderWeight, Weight: &weight}, nil
}

func (o *serverOrder) weigh(cmd *cobra.Command, args []string) error {
	order, err := weightOrder(args[2])
	if err != nil {
		return err
	}
	_, res, err := o.give(cmd.Context(), args, order)
	switch {
	case err != nil:
		return err
	case order.Weight == nil:
		return o.print(cmd, res, "%s of %s has its configured weight\n")
	default:
		return o.print(cmd, res, "%s of %s has weight "+strconv.FormatUint(uint64(*order.Weight), 10)+"\n")
	}
}
