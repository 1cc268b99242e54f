package main

import (
	"errors"

	"github.com/spf13/cobra"
)

func newImportCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "import",
		Short: "Make a perch.toml of another program's config",
		Long: `Make a perch.toml of the config of another program. It is printed; what has no
equivalent is named on standard error.`,
		Example: `  perch import keepalived /etc/keepalived/keepalived.conf >perch.toml
  perch import seesaw /etc/seesaw/cluster.pb >perch.toml`,
		Args: noSuchCommand,
		RunE: func(*cobra.Command, []string) error {
			return &usageError{errors.New("whose config? See perch import --help")}
		},
		SuggestionsMinimumDistance: 2,
	}
	for _, sub := range []*cobra.Command{newImportKeepalivedCommand(), newImportSeesawCommand()} {
		sub.RunE = marking(interruptible(sub.RunE))
		cmd.AddCommand(sub)
	}
	return cmd
}

// interruptible has a command end at a signal, which it does not look at itself: a large file
// takes its time.
func interruptible(f runFunc) runFunc {
	return func(cmd *cobra.Command, args []string) error {
		done := make(chan error, 1)
		go func() { done <- f(cmd, args) }()
		select {
		case err := <-done:
			return err
		case <-cmd.Context().Done():
			return errors.New("interrupted")
		}
	}
}
