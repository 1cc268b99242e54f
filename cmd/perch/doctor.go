package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/cmd/internal/daemon"
	"github.com/perch-vip/perch/cmd/internal/doctor"
)

type doctorOptions struct {
	survey func() (doctor.Facts, error)
	probe  func(context.Context, *config.Config, *doctor.Facts)
	config string
	listen time.Duration
	output format
	none   bool // there is no config
}

// defaultListen is for how long the network is listened to: adverts come every second, by
// default.
const defaultListen = 3 * time.Second

func newDoctorCommand(survey func() (doctor.Facts, error)) *cobra.Command {
	o := &doctorOptions{survey: survey}
	o.probe = o.probeHost
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what on this host would stop perch, and how to mend it",
		Long: `Look at this host, its network and its peers for what would stop perch from
doing what a config file says. docs/doctor.md lists what may be found. Each
finding comes with the command that mends it, or shows more of it. Nothing is
changed, and no daemon is needed.

An error stands for something that does not work, a warning for something that
may fail some clients, a hint for what would be better otherwise. The exit code
is 1 when there is an error; warnings and hints alone do not change it. It is 1
as well when the host cannot be looked at, or the config is wrong.

It listens to the interfaces of VIPs and virtual routers for a while, and asks
once who has each VIP that is not here, in a way from which nobody learns. The
peers are asked in the name of this node. All of it has its limits of time.

Run it as root, or much cannot be looked at; whether bgpd may be spoken to is
asked as the user who runs it. Where there is no /etc/perch/perch.toml it says
what any config would meet.`,
		Example: `  perch doctor
  perch doctor -c new.toml --listen 10s
  perch doctor -o json | jq -r '.findings[].command'`,
		Args: noArgument,
		RunE: o.examine,
	}
	cmd.Flags().StringVarP(&o.config, "config", "c", defaultConfig, "config `FILE`")
	cmd.Flags().DurationVar(&o.listen, "listen", defaultListen, "listen to the network for this `TIME`, 0s for not at all")
	o.output.bind(cmd)
	return cmd
}

// load reads the config. Without one in the usual place it is that of a host that has none
// yet.
func (o *doctorOptions) load(cmd *cobra.Command) (*config.Config, error) {
	c, _, err := config.Load(o.config)
	if o.none = errors.Is(err, fs.ErrNotExist) && !cmd.Flags().Changed("config"); o.none {
		return doctor.Unconfigured(), nil
	}
	return c, err
}

// probeHost finds out what takes time, in the network and from the daemons.
func (o *doctorOptions) probeHost(ctx context.Context, c *config.Config, facts *doctor.Facts) {
	probes := daemon.Probes()
	probes.Version, probes.Listen, probes.AskDaemon = currentVersion().Version, o.listen, askDaemon
	facts.Probe(ctx, c, probes)
}

// askDaemon asks the daemon of this node for its version, and for how long its disk has kept
// it waiting.
func askDaemon(ctx context.Context, c *config.Config) (running doctor.Running, ok bool) {
	status, err := api.NewClient(c.Node.Socket).Status(ctx)
	if err != nil {
		return running, false
	}
	running.Version = status.Version
	if status.Cluster == nil {
		return running, true
	}
	for _, n := range status.Cluster.Nodes {
		if n.Name == c.Node.Name && n.Stalls != nil {
			s := n.Stalls
			running.Stall = doctor.Stall{Count: s.Count, Ago: time.Since(s.Last), Longest: s.Longest}
		}
	}
	return running, true
}

// diagnosis is the answer of `perch doctor -o json`.
type diagnosis struct {
	OK       bool             `json:"ok"` // no error is among them
	Findings []doctor.Finding `json:"findings"`
}

func (o *doctorOptions) examine(cmd *cobra.Command, _ []string) error {
	c, err := o.load(cmd)
	if err != nil {
		return err
	}
	facts, err := o.survey()
	if err != nil {
		return err
	}
	facts.File = o.config
	facts.Try(c)
	o.probe(cmd.Context(), c, &facts)
	d := diagnosisOf(o.find(c, facts))
	out := cmd.OutOrStdout()
	err = o.output.print(out, d, func() string { return renderDiagnosis(d, painter(out)) })
	if err == nil && !d.OK {
		err = errReported
	}
	return err
}

func (o *doctorOptions) find(c *config.Config, facts doctor.Facts) []doctor.Finding {
	if o.none {
		return doctor.ExamineUnconfigured(o.config, facts)
	}
	return doctor.Examine(c, facts)
}

func diagnosisOf(found []doctor.Finding) diagnosis {
	found = append([]doctor.Finding{}, found...) // not null in JSON
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
