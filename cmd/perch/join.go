package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/perch-vip/perch/cmd/internal/api"
)

type joinOptions struct {
	daemon  daemonOptions
	output  format
	via     string
	timeout time.Duration
}

func newJoinCommand() *cobra.Command {
	o := &joinOptions{}
	cmd := &cobra.Command{
		Use:   "join",
		Short: "Make this node a member of the running cluster",
		Long: `Make the node whose daemon is asked a member of its running cluster, and wait
until it votes: the leader adds it, brings it up to date and gives it a vote. A
node that is a member already is left as it is.

The nodes in the config's list are asked who leads; one of them that is a member
and runs will do, and members that are not listed are found through it. If none
is, name one with --via; that needs a cluster with a secret_file. What it waits
for is told on standard error. When the time is over the node goes on asking by
itself, until it is a member, is stopped, or is told to leave.

A node that is new and listed by all when the cluster is first started needs no
join, and neither does a member that has lost its data directory.`,
		Example: `  perch join
  perch join --via 198.18.0.1:7400`,
		Args: noArgument,
		RunE: o.join,
	}
	o.daemon.bind(cmd)
	o.output.bind(cmd)
	cmd.Flags().StringVar(&o.via, "via", "", "`ADDRESS[:PORT]` of a member, if none of the config's list runs")
	cmd.Flags().DurationVar(&o.timeout, "timeout", time.Minute, "for how long to wait, a `DURATION`")
	return cmd
}

// joinPause lies between two questions whether the node has joined.
const joinPause = 100 * time.Millisecond

func (o *joinOptions) join(cmd *cobra.Command, _ []string) error {
	via, err := memberAddress(o.via)
	if err != nil {
		return &usageError{err}
	}
	client, err := o.daemon.client()
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(cmd.Context(), o.timeout)
	defer cancel()
	res, err := awaitJoin(ctx, cmd.ErrOrStderr(), func() (api.JoinResult, error) { return client.Join(ctx, via) })
	switch {
	case cmd.Context().Err() != nil:
		return cmd.Context().Err()
	case ctx.Err() != nil:
		return fmt.Errorf("not a member after %s, and the daemon goes on trying: %s", o.timeout, cmp.Or(res.Waiting, "it has not answered"))
	case err != nil:
		return err
	}
	return o.output.print(cmd.OutOrStdout(), res, func() string { return clean(res.Node) + " is a member of the cluster\n" })
}

// awaitJoin asks until the node has joined or ctx ends, says what it waits for as
// often as that changes, and returns the last answer.
func awaitJoin(ctx context.Context, errOut io.Writer, ask func() (api.JoinResult, error)) (api.JoinResult, error) {
	var last api.JoinResult
	for {
		res, err := ask()
		if ctx.Err() != nil {
			return last, ctx.Err()
		}
		if err != nil || res.Joined {
			return res, err
		}
		if res.Waiting != last.Waiting {
			complain(errOut, res.Waiting)
		}
		last = res
		select {
		case <-ctx.Done():
		case <-time.After(joinPause):
		}
	}
}

// memberAddress completes ADDRESS[:PORT].
func memberAddress(via string) (string, error) {
	if via == "" {
		return "", nil
	}
	if !strings.Contains(via, ":") { // a name, or an IPv4 address
		via = net.JoinHostPort(via, strconv.Itoa(defaultPort))
	}
	host, port, err := net.SplitHostPort(withPort(via))
	if err != nil || host == "" || port == "" {
		return "", fmt.Errorf("--via %q is not ADDRESS[:PORT]", via)
	}
	return net.JoinHostPort(host, port), nil
}
