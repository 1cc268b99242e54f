package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// Exit codes of perch; docs/cli.md documents them.
const (
	exitOK    = 0
	exitError = 1
	exitUsage = 2
)

// errReported is a failure that the command itself has told the user of.
var errReported = errors.New("reported already")

// run is perch as a function: it runs the command that args name and returns
// the exit code.
func run(ctx context.Context, args []string, out, errOut io.Writer) int {
	root := newRootCommand()
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errOut)
	markCompletion(root)
	cmd, err := root.ExecuteContextC(ctx)
	return report(errOut, cmd, err)
}

// report prints an error, one line per mistake, and returns its exit code.
func report(errOut io.Writer, cmd *cobra.Command, err error) int {
	failed, ran := errors.AsType[*runError](err)
	var wrong *usageError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errReported):
		return exitError
	case !ran || errors.As(err, &wrong):
		complain(errOut, usageText(cmd, err))
		return exitUsage
	case cmd.Context().Err() != nil && errors.Is(err, context.Canceled):
		complain(errOut, "interrupted")
	default:
		complain(errOut, failed.Error())
	}
	return exitError
}

// complain prints each line of text as an error.
func complain(errOut io.Writer, text string) {
	for line := range strings.Lines(text) {
		fmt.Fprintf(errOut, "perch: %s\n", clean(strings.TrimRight(line, "\n")))
	}
}

// runError is an error of a command that was understood; all others are mistakes
// in the command line, whoever finds them: pflag, cobra or the command's Args.
type runError struct{ error }

func (e *runError) Unwrap() error { return e.error }

type runFunc = func(cmd *cobra.Command, args []string) error

func marking(f runFunc) runFunc {
	return func(cmd *cobra.Command, args []string) error {
		err := noEmptyFlag(cmd)
		if err == nil {
			err = f(cmd, args)
		}
		if err != nil {
			return &runError{err}
		}
		return nil
	}
}

// usageError is a mistake in the command line that a command finds as it runs.
type usageError struct{ error }

func (e *usageError) Unwrap() error { return e.error }

// usageText makes lines of a mistake in the command line: cobra puts its
// suggestions in a paragraph of their own.
func usageText(cmd *cobra.Command, err error) string {
	text, meant, suggested := strings.Cut(err.Error(), "\n\nDid you mean this?\n")
	if suggested {
		text += "; did you mean " + strings.Join(strings.Fields(meant), " or ") + "?"
	}
	return text + " (see " + cmd.CommandPath() + " --help)"
}
