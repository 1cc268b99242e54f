package main

import (
	"fmt"
	"io"
	"net/netip"

	"github.com/spf13/cobra"

	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/cmd/internal/seesaw"
)

type importSeesawOptions struct {
	seesaw.Options
	anycast []string
	strict  bool
}

func newImportSeesawCommand() *cobra.Command {
	o := &importSeesawOptions{}
	cmd := &cobra.Command{
		Use:   "seesaw FILE",
		Short: "Print the perch.toml that says what a cluster.pb of Seesaw says",
		Long: `Print the perch.toml that says what the cluster config of Google's Seesaw v2 says:
a cluster.pb, which is a text protobuf. Its nodes become peers of a [cluster], its
VIPs [[vip]] and its vservers [[service]] with the same checks.

What has no equivalent is named on standard error, with its place, what Seesaw does
and what to use instead; with --strict nothing is printed then. A mistake ends the
import: FILE:LINE:COLUMN: TEXT.

Two things are not in a cluster.pb but in seesaw.cfg: the name of the cluster and
the interface of the VIPs, which is "lb" there.`,
		Example: `  perch import seesaw /etc/seesaw/cluster.pb --cluster au-syd --interface eth1 >perch.toml
  perch import seesaw cluster.pb --anycast 198.51.100.0/24 --strict`,
		Args: oneFile,
		RunE: o.run,
	}
	flags := cmd.Flags()
	flags.StringVar(&o.Cluster, "cluster", "", "the cluster's `NAME`")
	flags.StringVar(&o.Interface, "interface", "", "the `INTERFACE` of the VIPs")
	flags.StringSliceVar(&o.anycast, "anycast", nil, "the `NETWORK` of anycast VIPs, where Seesaw was built with another one; may be repeated")
	flags.BoolVar(&o.strict, "strict", false, "take a field that has no equivalent for a mistake")
	return cmd
}

func (o *importSeesawOptions) run(cmd *cobra.Command, args []string) error {
	for _, text := range o.anycast {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return &usageError{fmt.Errorf("--anycast %s: not a network, such as 198.51.100.0/24", text)}
		}
		o.Anycast = append(o.Anycast, p)
	}
	text, err := readSeesaw(args[0])
	if err != nil {
		return err
	}
	result, err := seesaw.Import(args[0], text, o.Options)
	if err != nil {
		return err
	}
	if err := o.refuse(result.Remarks); err != nil {
		return err
	}
	for _, r := range result.Remarks {
		w := config.Warning{File: r.File, Line: r.Line, Col: r.Col, Text: r.About()}
		fmt.Fprintln(cmd.ErrOrStderr(), clean(w.String()))
	}
	_, err = cmd.OutOrStdout().Write(result.Document.Render().Text)
	return err
}

// readSeesaw reads a cluster.pb, and not much more than it may have.
func readSeesaw(path string) ([]byte, error) {
	f, err := config.OpenFile(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, seesaw.MaxSize+1))
}

// refuse makes mistakes of fields that have no equivalent, if those are not allowed.
func (o *importSeesawOptions) refuse(remarks []seesaw.Remark) error {
	var mistakes config.Mistakes
	for _, r := range remarks {
		if o.strict && r.Lost {
			mistakes = append(mistakes, config.Mistake{File: r.File, Line: r.Line, Col: r.Col, Text: r.About()})
		}
	}
	if len(mistakes) > 0 {
		return mistakes
	}
	return nil
}
