package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/perch-vip/perch/cmd/internal/api"
)

type reloadOptions struct {
	daemon daemonOptions
	output format
}

func newReloadCommand() *cobra.Command {
	o := &reloadOptions{}
	cmd := &cobra.Command{
		Use:   "reload",
		Short: "Make the daemon apply its changed config",
		Long: `Make the daemon read its config file again and apply it. VIPs are added and
removed as it says, and no other VIP is touched; services stay, with the
connections to servers that stay. A file with a mistake changes nothing: every
mistake is printed and the exit code is 1. Changes that need a restart are
named.`,
		Example: `  perch reload
  perch reload --socket /run/perch/perch.sock`,
		Args: noArgument,
		RunE: o.reload,
	}
	o.daemon.bind(cmd)
	o.output.bind(cmd)
	return cmd
}

func (o *reloadOptions) reload(cmd *cobra.Command, _ []string) error {
	client, err := o.daemon.client()
	if err != nil {
		return err
	}
	res, err := client.Reload(cmd.Context())
	if err != nil {
		return err
	}
	return o.output.print(cmd.OutOrStdout(), res, func() string { return renderReload(res) })
}

func renderReload(res api.ReloadResult) string {
	var b strings.Builder
	each := func(prefix string, texts []string) {
		for _, text := range texts {
			b.WriteString(prefix + clean(text) + "\n")
		}
	}
	each("added ", res.Added)
	each("removed ", res.Removed)
	each("service ", res.Services)
	if b.Len() == 0 {
		b.WriteString("no VIP added or removed\n")
	}
	each("warning: ", res.Warnings)
	return b.String()
}
