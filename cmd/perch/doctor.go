package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/cmd/internal/doctor"
)

type doctorOptions struct {
	survey func() (doctor.Facts, error)
	config string
	output format
}

func newDoctorCommand(survey func() (doctor.Facts, error)) *cobra.Command {
	o := &doctorOptions{survey: survey}
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what on this host would stop perch, and how to mend it",
		Long: `Look at this host for what would stop perch from doing what a config file says:
its interfaces, its network namespace and the programs that it runs; nftables
where it is wanted; bgpd's socket for VIPs by BGP; and for services the kernel's
modules and sysctls, and what is special where a director is a real server, too.
Each finding comes with the command that mends it. Nothing is changed, and no
daemon is needed.

An error stands for something that does not work, a warning for something that
may fail some clients, a hint for what would be better otherwise. The exit code
is 1 when there is an error; warnings and hints alone do not change it.

Without root it finds all but a firewall, and that there is no nftables. Whether
bgpd may be spoken to is asked as the user who runs it: run it as perch's.`,
		Example: `  perch doctor
  perch doctor -c new.toml
  perch doctor -o json | jq -r '.findings[].command'`,
		Args: noArgument,
		RunE: o.examine,
	}
	cmd.Flags().StringVarP(&o.config, "config", "c", defaultConfig, "config `FILE`")
	o.output.bind(cmd)
	return cmd
}

// diagnosis is the answer of `perch doctor -o json`.
type diagnosis struct {
	OK       bool             `json:"ok"` // no error is among them
	Findings []doctor.Finding `json:"findings"`
}

func (o *doctorOptions) examine(cmd *cobra.Command, _ []string) error {
	c, _, err := config.Load(o.config)
	if err != nil {
		return err
	}
	facts, err := o.survey()
	if err != nil {
		return err
	}
	facts.Try(c)
	d := diagnose(c, facts)
	out := cmd.OutOrStdout()
	err = o.output.print(out, d, func() string { return renderDiagnosis(d, painter(out)) })
	if err == nil && !d.OK {
		err = errReported
	}
	return err
}

func diagnose(c *config.Config, facts doctor.Facts) diagnosis {
	found := append([]doctor.Finding{}, doctor.Examine(c, facts)...) // not null in JSON
	bad := slices.ContainsFunc(found, func(f doctor.Finding) bool { return f.Severity == doctor.Error })
	return diagnosis{OK: !bad, Findings: found}
}

func painter(out io.Writer) paint { return viewOf(out, time.Time{}).paint }

// renderDiagnosis writes two lines for each finding: what is wrong, and what mends it.
func renderDiagnosis(d diagnosis, p paint) string {
	if len(d.Findings) == 0 {
		return "nothing is wrong\n"
	}
	styles := map[doctor.Severity]style{doctor.Error: bad, doctor.Warning: doubtful}
	var b strings.Builder
	for _, f := range d.Findings {
		fmt.Fprintf(&b, "%s: %s %s\n    %s\n", p(string(f.Severity), styles[f.Severity]), clean(f.Subject), clean(f.Text), clean(f.Command))
	}
	return b.String()
}
