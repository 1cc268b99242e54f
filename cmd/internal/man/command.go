package man

import (
	"cmp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Pages returns the pages of a program and of all its commands, by the names of their files.
func Pages(root *cobra.Command, version string) map[string]string {
	pages := map[string]string{fileOf(root): pageOf(root, version)}
	for _, cmd := range root.Commands() {
		if !cmd.IsAvailableCommand() || cmd.Name() == "help" {
			continue
		}
		for name, text := range Pages(cmd, version) {
			pages[name] = text
		}
	}
	return pages
}

func nameOf(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

func fileOf(cmd *cobra.Command) string { return nameOf(cmd) + ".1" }

func pageOf(cmd *cobra.Command, version string) string {
	cmd.InitDefaultHelpFlag()
	p := newPage(nameOf(cmd), "1", version)
	p.macro("SH", "NAME")
	p.line(escape(nameOf(cmd)) + ` \- ` + escape(cmd.Short))
	p.macro("SH", "SYNOPSIS")
	p.line(`\fB` + escape(synopsis(cmd)) + `\fR`)
	p.macro("SH", "DESCRIPTION")
	p.text(cmp.Or(cmd.Long, cmd.Short+"."))
	p.commands(cmd)
	p.options(cmd.LocalFlags())
	if cmd.Example != "" {
		p.macro("SH", "EXAMPLES")
		p.verbatim(strings.Split(unindent(cmd.Example), "\n"))
	}
	p.macro("SH", "EXIT STATUS")
	p.fill("0 when it is done, 1 after an error, 2 when the command line is wrong.")
	p.macro("SH", "SEE ALSO")
	p.line(seeAlso(cmd))
	return p.String()
}

func synopsis(cmd *cobra.Command) string {
	if cmd.HasAvailableSubCommands() && !strings.Contains(cmd.Use, " ") {
		return cmd.CommandPath() + " COMMAND"
	}
	return cmd.UseLine()
}

// text writes paragraphs, and what is indented as it is.
func (p *page) text(text string) {
	for part := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		if strings.HasPrefix(part, "  ") || strings.HasPrefix(part, "\t") {
			p.verbatim(strings.Split(unindent(part), "\n"))
			continue
		}
		p.paragraph(part)
	}
}

func unindent(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimPrefix(strings.TrimPrefix(l, "\t"), "  ")
	}
	return strings.Join(lines, "\n")
}

func (p *page) commands(cmd *cobra.Command) {
	if !cmd.HasAvailableSubCommands() {
		return
	}
	p.macro("SH", "COMMANDS")
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "help" {
			p.entry("`"+sub.CommandPath()+"`", sub.Short+"; see "+nameOf(sub)+"(1).")
		}
	}
}

func (p *page) options(flags *pflag.FlagSet) {
	p.macro("SH", "OPTIONS")
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		kind, usage := pflag.UnquoteUsage(f)
		name := "`--" + f.Name + "`"
		if f.Shorthand != "" {
			name = "`-" + f.Shorthand + "`, " + name
		}
		p.entry(strings.TrimSpace(name+" "+kind), usage+defaultOf(f)+".")
	})
}

func defaultOf(f *pflag.Flag) string {
	switch f.DefValue {
	case "", "[]", "false", "0s", "0":
		return ""
	}
	return " (default " + f.DefValue + ")"
}

// seeAlso names the pages around one.
func seeAlso(cmd *cobra.Command) string {
	var names []string
	if cmd.HasParent() {
		names = append(names, `\fB`+escape(nameOf(cmd.Parent()))+`\fR(1)`)
	}
	return strings.Join(append(names, `\fBperch.toml\fR(5)`), ", ")
}
