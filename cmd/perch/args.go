package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// noArgument accepts flags alone.
func noArgument(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("no argument is expected, but there is %q", args[0])
	}
	return nil
}

// oneNode accepts one NODE.
func oneNode(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("one NODE must be given, not %d", len(args))
	}
	return nil
}

// oneFile accepts one FILE.
func oneFile(_ *cobra.Command, args []string) error {
	switch {
	case len(args) != 1:
		return fmt.Errorf("one FILE must be given, not %d", len(args))
	case args[0] == "":
		return errors.New("FILE is empty")
	}
	return nil
}

// optionalNode accepts one NODE or none.
func optionalNode(_ *cobra.Command, args []string) error {
	switch {
	case len(args) > 1:
		return fmt.Errorf("at most one NODE can be given, not %d", len(args))
	case len(args) == 1 && args[0] == "": // an unset variable of a script
		return errors.New("NODE is empty")
	}
	return nil
}

// noEmptyFlag refuses a flag that is set, but to nothing: an unset variable of a
// script must not mean the default.
func noEmptyFlag(cmd *cobra.Command) error {
	var err error
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if f.Value.Type() == "string" && f.Value.String() == "" {
			err = &usageError{fmt.Errorf("--%s is empty", f.Name)}
		}
	})
	return err
}
