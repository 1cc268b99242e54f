package main

import (
	"cmp"
	"context"
	"errors"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/config"
)

const (
	defaultConfig = "/etc/perch/perch.toml"
	defaultSocket = "/run/perch/perch.sock"
	socketEnv     = "PERCH_SOCKET"
)

// completionTimeout is as long as a user may wait after pressing TAB.
const completionTimeout = time.Second

// daemonOptions tell a command where its daemon is.
type daemonOptions struct {
	socket string
	config string
}

// bind adds the flags to cmd.
func (o *daemonOptions) bind(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&o.socket, "socket", "",
		"control socket of the daemon, a `PATH` (default $"+socketEnv+" or "+defaultSocket+")")
	flags.StringVarP(&o.config, "config", "c", "", "take the socket's path from this config `FILE`")
}

// client returns a client of the daemon.
func (o *daemonOptions) client() (*api.Client, error) {
	if o.config != "" && o.socket != "" {
		return nil, &usageError{errors.New("--socket and --config both name the socket: give one of them")}
	}
	if o.config == "" {
		return api.NewClient(cmp.Or(o.socket, os.Getenv(socketEnv), defaultSocket)), nil
	}
	cfg, _, err := config.Load(o.config)
	if err != nil {
		return nil, err
	}
	return api.NewClient(cfg.Node.Socket), nil
}

// completeNode completes one argument with the names of the cluster's nodes.
func (o *daemonOptions) completeNode(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	status := o.statusToComplete(cmd)
	if len(args) > 0 || status.Cluster == nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, n := range status.Cluster.Nodes {
		names = append(names, cobra.CompletionWithDesc(n.Name, n.Role))
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeServer completes two arguments with the names of services, and with the
// addresses of the servers of the one that was chosen.
func (o *daemonOptions) completeServer(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var names []string
	for _, service := range o.statusToComplete(cmd).Services {
		if len(args) == 0 {
			names = append(names, cobra.CompletionWithDesc(service.Name, service.State))
		}
		if len(args) != 1 || args[0] != service.Name && args[0] != service.Address {
			continue
		}
		for _, server := range service.Servers {
			names = append(names, cobra.CompletionWithDesc(server.Address, server.State))
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// statusToComplete returns what the daemon says, or the zero value if it does not in time.
func (o *daemonOptions) statusToComplete(cmd *cobra.Command) api.Status {
	client, err := o.client()
	if err != nil {
		return api.Status{}
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), completionTimeout)
	defer cancel()
	status, err := client.Status(ctx)
	if err != nil {
		return api.Status{}
	}
	return status
}
