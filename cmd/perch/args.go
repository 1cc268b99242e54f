package main

import (
	"fmt"

	"github.com/spf13/cobra"
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

// optionalNode accepts one NODE or none.
func optionalNode(_ *cobra.Command, args []string) error {
	if len(args) > 1 {
		return fmt.Errorf("at most one NODE can be given, not %d", len(args))
	}
	return nil
}
