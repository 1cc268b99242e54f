package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/cmd/internal/daemon"
)

type checkOptions struct {
	config  string
	secrets bool
	output  format
}

func newCheckCommand() *cobra.Command {
	o := &checkOptions{}
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Say what is wrong with a config file",
		Long: `Check a config file without running it. Every mistake and every warning is
printed as FILE:LINE:COLUMN: TEXT, as compilers do. The exit code is 1 when
there is a mistake; warnings alone do not change it.

Nothing but the file is looked at: what it names may not exist yet. With
--secrets the files of secrets and TLS are read, too, as the user that runs this
would have to as a daemon: what "perch serve" refuses is a mistake.`,
		Example: `  perch check
  perch check -c new.toml && sudo mv new.toml /etc/perch/perch.toml
  sudo -u perch perch check --secrets`,
		Args: noArgument,
		RunE: o.check,
	}
	cmd.Flags().StringVarP(&o.config, "config", "c", defaultConfig, "config `FILE`")
	cmd.Flags().BoolVar(&o.secrets, "secrets", false, "read the files of secrets, too")
	o.output.bind(cmd)
	return cmd
}

// finding is a mistake or a warning in JSON.
type finding struct {
	Line   int    `json:"line"`
	Column int    `json:"column"`
	Text   string `json:"text"`
}

// verdict is the answer of `perch check -o json`.
type verdict struct {
	File     string    `json:"file"`
	OK       bool      `json:"ok"`
	Mistakes []finding `json:"mistakes"`
	Warnings []finding `json:"warnings"`
}

func (o *checkOptions) check(cmd *cobra.Command, _ []string) error {
	_, warnings, err := config.Load(o.config)
	var mistakes config.Mistakes
	if err != nil && !errors.As(err, &mistakes) {
		return err
	}
	if o.secrets && len(mistakes) == 0 {
		if err := daemon.CheckSecrets(daemon.File(o.config)); err != nil {
			return err
		}
	}
	if o.output == formatJSON {
		err = printJSON(cmd.OutOrStdout(), newVerdict(o.config, mistakes, warnings), "  ")
	} else {
		err = printFindings(cmd.OutOrStdout(), cmd.ErrOrStderr(), o.config, mistakes, warnings)
	}
	if err == nil && len(mistakes) > 0 {
		err = errReported
	}
	return err
}

func newVerdict(file string, mistakes config.Mistakes, warnings []config.Warning) verdict {
	v := verdict{File: file, OK: len(mistakes) == 0, Mistakes: []finding{}, Warnings: []finding{}}
	for _, m := range mistakes {
		v.Mistakes = append(v.Mistakes, finding{m.Line, m.Col, m.Text})
	}
	for _, w := range warnings {
		v.Warnings = append(v.Warnings, finding{w.Line, w.Col, w.Text})
	}
	return v
}

// printFindings prints mistakes and warnings to errOut, and to out that the
// file can be run.
func printFindings(out, errOut io.Writer, file string, mistakes config.Mistakes, warnings []config.Warning) error {
	for _, m := range mistakes {
		fmt.Fprintln(errOut, clean(m.String()))
	}
	for _, w := range warnings {
		fmt.Fprintln(errOut, clean(w.String()))
	}
	if len(mistakes) > 0 {
		return nil
	}
	_, err := fmt.Fprintf(out, "%s is good\n", file)
	return err
}
