package man

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
)

func TestDocument(t *testing.T) {
	const text = "# Title\n\nA `perch check -c` of\n[a page](x.md) is **bold**, at `^a|b$`.\n" +
		"\n- one\n  goes on\n- two\n\n```toml\n.x = '\\'\n```\n\n    $ perch\n\n### [[vip]]\n\n" +
		"| Key | Type | Default | What |\n|---|---|---|---|\n| `a` | name | | `x\\|y` it is |\n"
	want := []string{
		`.TH "PERCH.TOML" "5" "" "perch 1.0" "perch manual"`, `.SH "NAME"`, `perch.toml \- the config file of perch`, `.SH "DESCRIPTION"`,
		`A \fBperch check \-c\fR of a page is \fBbold\fR, at \fB\(haa|b$\fR.`,
		`.IP "*" "2"`, `one goes on`, `.IP "*" "2"`, `two`,
		`.PP`, `.RS "4"`, `.nf`, `\&.x = \(aq\e\(aq`, `.fi`, `.RE`,
		`.PP`, `.RS "4"`, `.nf`, `$ perch`, `.fi`, `.RE`, `.SS "[[vip]]"`,
		`.TP`, `\fBa\fR`, `Type: name. \fBx|y\fR it is`,
		`.SH "SEE ALSO"`, `\fBperch\fR(1), \fBperch\-serve\fR(1), \fBperch\-check\fR(1)`, ``,
	}
	if diff := cmp.Diff(want, strings.Split(Config(text, "1.0"), "\n")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestCommand(t *testing.T) {
	root := &cobra.Command{Use: "perch", Short: "Keep VIPs"}
	run := func(*cobra.Command, []string) {}
	add := &cobra.Command{Use: "add NODE", Short: "Add a node", Long: "Add it.\n\n  as it is\n\nThen more\nof it.", Example: "  perch add lb1", Run: run}
	add.Flags().StringP("to", "t", "there", "a `PLACE`")
	root.AddCommand(add, &cobra.Command{Use: "old", Hidden: true, Run: run})
	pages := Pages(root, "1.0")
	if len(pages) != 2 || !strings.Contains(pages["perch.1"], "perch add\\fR\nAdd a node; see perch\\-add(1).\n") {
		t.Errorf("pages: %q", pages)
	}
	want := []string{
		`.TH "PERCH\-ADD" "1" "" "perch 1.0" "perch manual"`, `.SH "NAME"`, `perch\-add \- Add a node`,
		`.SH "SYNOPSIS"`, `\fBperch add NODE [flags]\fR`, `.SH "DESCRIPTION"`, `Add it.`,
		`.PP`, `.RS "4"`, `.nf`, `as it is`, `.fi`, `.RE`, `.PP`, `Then more of it.`,
		`.SH "OPTIONS"`, `.TP`, `\fB\-h\fR, \fB\-\-help\fR`, `help for add.`, `.TP`, `\fB\-t\fR, \fB\-\-to\fR PLACE`, `a PLACE (default there).`,
		`.SH "EXAMPLES"`, `.RS "4"`, `.nf`, `perch add lb1`, `.fi`, `.RE`,
		`.SH "EXIT STATUS"`, `0 when it is done, 1 after an error, 2 when the command line is wrong.`,
		`.SH "SEE ALSO"`, `\fBperch\fR(1), \fBperch.toml\fR(5)`, ``,
	}
	if diff := cmp.Diff(want, strings.Split(pages["perch-add.1"], "\n")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
