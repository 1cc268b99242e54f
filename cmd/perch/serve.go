package main

import (
	"context"
	"errors"
	"math"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/cmd/internal/daemon"
)

type serveOptions struct {
	config         string
	keepalivedConf string
	keepalived     keepalivedOptions
	run            func(context.Context, daemon.Options) error
}

// newServeCommand returns the command that runs the daemon by calling run.
func newServeCommand(run func(context.Context, daemon.Options) error) *cobra.Command {
	o := &serveOptions{run: run}
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the daemon of this node",
		Long: `Run the daemon of this node until SIGTERM or SIGINT. It then hands the VIPs over
to another node, if it holds them, and exits with 0. SIGHUP reloads the config.

It logs to standard error and stays in the foreground, as systemd wants it.

A part of it that is at one thing for 2 seconds makes it release its VIPs, log
what each goroutine does, and exit with 1. Without a service manager nothing
starts it again.

With --keepalived it runs a keepalived.conf as it is, in place of keepalived:
what "perch import keepalived" would print. What has no equivalent is logged.
It refuses to start while a keepalived runs that file.`,
		Example: `  perch serve
  perch serve -c /etc/perch/perch.toml
  perch serve --keepalived /etc/keepalived/keepalived.conf`,
		Args: noArgument,
		RunE: o.serve,
	}
	cmd.Flags().StringVarP(&o.config, "config", "c", defaultConfig, "config `FILE`")
	cmd.Flags().StringVar(&o.keepalivedConf, "keepalived", "", "run this keepalived.conf, a `FILE`, instead")
	o.keepalived.bind(cmd)
	return cmd
}

func (o *serveOptions) serve(cmd *cobra.Command, _ []string) error {
	source, err := o.source(cmd)
	if err != nil {
		return err
	}
	// A reader of the log that goes away must not take the daemon with it: a
	// signal that somebody is notified of does not end the process.
	pipes := make(chan os.Signal, 1)
	signal.Notify(pipes, syscall.SIGPIPE)
	defer signal.Stop(pipes)
	spareProcessor()
	keepInherited()
	return o.run(cmd.Context(), daemon.Options{
		Config:  source,
		Version: currentVersion().Version,
		Log:     cmd.ErrOrStderr(),
		Abort:   func() { os.Exit(exitError) },
	})
}

// source returns what reads the config that the flags name.
func (o *serveOptions) source(cmd *cobra.Command) (daemon.Source, error) {
	given := cmd.Flags().Changed
	switch {
	case !given("keepalived") && (given("id") || given("strict")):
		return nil, &usageError{errors.New("--id and --strict are for a keepalived.conf: give --keepalived")}
	case !given("keepalived"):
		return daemon.File(o.config), nil
	case given("config"):
		return nil, &usageError{errors.New("--config and --keepalived both name the config: give one of them")}
	}
	return o.keepalived.source(o.keepalivedConf), refuseIncumbent("/proc", o.keepalivedConf)
}

// keepInherited gives no script or notifier what files were open as perch was started: they are
// none of its business, and whoever reads a pipe would wait for them. A kernel before 5.11 cannot.
func keepInherited() {
	const first = 3 // after standard input, output and error
	_ = unix.CloseRange(first, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC)
}

// spareProcessor has the runtime run one goroutine more at a time than there are processors.
// The fork of a script keeps one of its places until the exec, and so does a thread that the
// kernel does not run at the moment: neither adverts nor heartbeats wait for a place then.
func spareProcessor() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 1)
	}
}
