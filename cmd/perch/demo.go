package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/cmd/internal/demo"
	"github.com/perch-vip/perch/cmd/internal/lab"
)

func newDemoCommand() *cobra.Command {
	o := demo.Options{Binary: "/proc/self/exe"}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Watch a cluster of three nodes on this machine being killed and healed",
		Long: `Watch a cluster of three nodes being moved, stopped, killed, cut off and healed.

The nodes and a client live in network namespaces of this machine, which are
gone when the demo ends, however it ends. Nothing of the machine's own network
is touched and nothing needs to be installed. The client pings the virtual
addresses every millisecond; the demo tells what it saw. It needs root, and
takes about 20 seconds.`,
		Example: `  sudo perch demo
  sudo perch demo --failover normal`,
		Args: noArgument,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("failover") && cmd.Flags().Changed("heartbeat") {
				return &usageError{errors.New("--failover and --heartbeat both set the timeout: give one of them")}
			}
			// With SIGPIPE among them a closed pipe ends the demo in good order.
			ctx, stop := signal.NotifyContext(cmd.Context(),
				syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
			defer stop()
			o.Out = cmd.OutOrStdout()
			o.Colour = wantsColour(o.Out)
			return explainDemo(demo.Run(ctx, o))
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.Failover, "failover", "fast", "`PROFILE` of the nodes: fast, normal or wan")
	flags.DurationVar(&o.Heartbeat, "heartbeat", 0, "heartbeat timeout of the nodes, a `DURATION` like 150ms, instead of a profile's")
	flags.BoolVar(&o.KeepFiles, "keep-files", false, "leave the folder with configs, logs and data of the nodes")
	// The flag is there: it has just been added.
	_ = cmd.RegisterFlagCompletionFunc("failover", cobra.FixedCompletions(
		[]string{"fast", "normal", "wan"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// explainDemo says what is wrong with the flags, or what to do where the demo
// cannot run.
func explainDemo(err error) error {
	if mistakes, ok := errors.AsType[config.Mistakes](err); ok {
		return &usageError{withoutPlaces(mistakes)}
	}
	missing, ok := errors.AsType[*lab.MissingError](err)
	switch {
	case !ok:
		return err
	case !errors.Is(missing, unix.EPERM): // a right would not help
		return fmt.Errorf("the demo cannot run here: %w", missing)
	case os.Geteuid() == 0:
		return fmt.Errorf("the demo cannot run here: %w; this root lacks it (a container has it with --privileged)", missing)
	default:
		return fmt.Errorf("the demo cannot run here: %w; try: sudo perch demo", missing)
	}
}
