package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/perch-vip/perch/cmd/internal/api"
)

type serverDrainOptions struct {
	serverOrder
	wait    bool
	timeout time.Duration
}

func newServerDrainCommand() *cobra.Command {
	o := &serverDrainOptions{}
	cmd := &cobra.Command{
		Use:   "drain SERVICE SERVER",
		Short: "Keep new connections away from a server, and wait until it has none",
		Long: `Drain a real server of a service: it gets no new connections, keeps those that
it has, and stays drained until perch server undrain. SERVICE is the name of a
service, or an address that it alone has; SERVER is its address. Of both the
port may be left out where that is clear.

The command then waits until the last connection has ended, as the owner of the
VIPs counts them, and tells on standard error how many there are. Of TCP only
established ones count. When it ends early the server stays drained. Clients of
a service with persistence may go on coming to a drained server until their time
is over, unless the kernel's net.ipv4.vs.expire_quiescent_template is 1.`,
		Example: `  perch server drain web 10.0.0.11:80
  perch server drain 198.18.0.100:80 10.0.0.11 --timeout 10m
  perch server drain web 10.0.0.11:80 --wait=false`,
		Args: serviceAndServer,
		RunE: o.drain,
	}
	o.bind(cmd)
	cmd.Flags().BoolVar(&o.wait, "wait", true, "wait until the server has no connections")
	cmd.Flags().DurationVar(&o.timeout, "timeout", 0, "for how long to wait, a `DURATION`; 0 for as long as it takes")
	return cmd
}

func (o *serverDrainOptions) drain(cmd *cobra.Command, args []string) error {
	if o.timeout < 0 {
		return &usageError{fmt.Errorf("--timeout %s is less than 0", o.timeout)}
	}
	client, res, err := o.give(cmd.Context(), args, api.ServerOrder{Order: api.OrderDrain})
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	if !o.wait {
		return o.print(cmd, res, "%s of %s is drained: it gets no new connections until perch server undrain\n")
	}
	ctx, cancel := cmd.Context(), context.CancelFunc(func() {})
	if o.timeout > 0 {
		ctx, cancel = context.WithTimeout(ctx, o.timeout)
	}
	defer cancel()
	last, err := awaitDrained(ctx, cmd.ErrOrStderr(), func() (api.ServerReport, error) { return client.ReportServer(ctx, res.ServerName) })
	switch {
	case cmd.Context().Err() != nil:
		return cmd.Context().Err()
	case ctx.Err() != nil:
		return fmt.Errorf("not empty after %s, and stays drained: %s", o.timeout, last)
	case err != nil:
		return fmt.Errorf("waiting for the drain of %s of %s: %w", res.Server, res.Service, err)
	}
	res.Connections = new(uint32(0))
	return o.print(cmd, res, "%s of %s is drained and has no connections\n")
}

// What awaitDrained takes its time for.
const (
	drainPause = 250 * time.Millisecond // between two questions
	drainTold  = 5 * time.Second        // between two lines about connections, of which the number changes all the time
)

// errUndrained is a drain that somebody else has taken back.
var errUndrained = errors.New("somebody has undrained it meanwhile")

// awaitDrained asks until the server has no connections or ctx ends, and says how many
// there are. It returns what it said, or would have said, last.
func awaitDrained(ctx context.Context, errOut io.Writer, ask func() (api.ServerReport, error)) (last string, err error) {
	last = "the daemon has not answered"
	var told string
	var toldAt time.Time
	begun := false // the drain has been seen to be in force
	for {
		report, err := ask()
		switch {
		case ctx.Err() != nil:
			return last, ctx.Err()
		case errors.Is(err, api.ErrNotNow): // who counts is just changing, or not reached
			last = err.Error()
		case err != nil:
			return last, err
		case begun && !report.Found.Drained:
			return last, errUndrained
		case drained(report):
			return "", nil
		default:
			last, begun = whyNotDrained(report), report.Found.Drained
		}
		if now := time.Now(); last != told && now.Sub(toldAt) >= drainTold {
			complain(errOut, last)
			told, toldAt = last, now
		}
		select {
		case <-ctx.Done():
		case <-time.After(drainPause):
		}
	}
}

// drained tells whether the server gets no connections, and has none.
func drained(r api.ServerReport) bool {
	return r.Found.Drained && r.Found.Weight == 0 && connectionsLeft(r) == 0
}

// connectionsLeft counts the connections that a drain waits for. Only TCP and SCTP tell
// when one has ended; of UDP the kernel calls all inactive until their time is over.
func connectionsLeft(r api.ServerReport) uint64 {
	left := uint64(r.Found.Connections.Active)
	if r.Protocol != "tcp" && r.Protocol != "sctp" {
		left += uint64(r.Found.Connections.Inactive)
	}
	return left
}

func whyNotDrained(r api.ServerReport) string {
	switch left := connectionsLeft(r); {
	case !r.Found.Drained || r.Found.Weight > 0:
		return fmt.Sprintf("%s of %s is not drained yet on %s", r.Server, r.Service, r.Node)
	case left == 1:
		return fmt.Sprintf("%s of %s has 1 connection on %s", r.Server, r.Service, r.Node)
	default:
		return fmt.Sprintf("%s of %s has %d connections on %s", r.Server, r.Service, left, r.Node)
	}
}
