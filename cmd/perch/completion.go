package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// markCompletion makes cobra's completion command one like perch's own: an unknown
// shell is a mistake in the command line, and a script that cannot be written is an
// error. The root must know its output by then.
func markCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	completion, _, _ := root.Find([]string{"completion"}) // it has just been added
	var shells []string
	for _, shell := range completion.Commands() {
		shell.RunE = marking(shell.RunE)
		shells = append(shells, shell.Name())
	}
	completion.Args = func(_ *cobra.Command, args []string) error {
		if len(args) > 0 {
			return fmt.Errorf("unknown shell %q; known are %s", args[0], strings.Join(shells, ", "))
		}
		return nil
	}
	completion.RunE = marking(func(cmd *cobra.Command, _ []string) error { return cmd.Help() })
}
