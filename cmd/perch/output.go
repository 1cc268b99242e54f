package main

import (
	"errors"
	"io"

	"github.com/spf13/cobra"
)

// format is how a command prints its result. It is the value of --output.
type format string

const (
	formatText format = "text"
	formatJSON format = "json"
)

// bind adds the --output flag to cmd.
func (f *format) bind(cmd *cobra.Command) {
	*f = formatText
	cmd.Flags().VarP(f, "output", "o", "`FORMAT` of what is printed: text or json")
	// The flag is there: it has just been added.
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(
		[]string{string(formatText), string(formatJSON)}, cobra.ShellCompDirectiveNoFileComp))
}

func (f *format) String() string { return string(*f) }

func (f *format) Type() string { return "format" }

func (f *format) Set(s string) error {
	switch got := format(s); got {
	case formatText, formatJSON:
		*f = got
		return nil
	}
	return errors.New("must be text or json")
}

// print writes v as JSON, or what text makes of it.
func (f *format) print(out io.Writer, v any, text func() string) error {
	if *f == formatJSON {
		return printJSON(out, v, "  ")
	}
	_, err := io.WriteString(out, readable(out, text()))
	return err
}
