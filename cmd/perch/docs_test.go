package main

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/perch-vip/perch/cmd/internal/api"
)

const (
	docsFile = "../../docs/cli.md"
	// docsMark ends what is written by hand.
	docsMark = "<!-- What follows is written by: go test ./cmd/perch -run TestDocs -update -->\n"
)

// TestDocs compares docs/cli.md with the commands as they are.
func TestDocs(t *testing.T) {
	text, err := os.ReadFile(docsFile)
	if err != nil {
		t.Fatal(err)
	}
	byHand, generated, ok := strings.Cut(string(text), docsMark)
	if !ok {
		t.Fatalf("%s lacks the line %s", docsFile, docsMark)
	}
	want := describe(newRootCommand())
	if *update {
		if err := os.WriteFile(docsFile, []byte(byHand+docsMark+want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, generated); diff != "" {
		t.Errorf("%s is not what the commands say; run go test ./cmd/perch -run TestDocs -update (-commands +file):\n%s", docsFile, diff)
	}
}

func TestDocsKnowTheExitCodesAndDefaults(t *testing.T) {
	text, err := os.ReadFile(docsFile)
	if err != nil {
		t.Fatal(err)
	}
	byHand, _, _ := strings.Cut(string(text), docsMark)
	for _, want := range []string{
		fmt.Sprintf("| %d | done", exitOK), fmt.Sprintf("| %d | an error", exitError), fmt.Sprintf("| %d | a wrong command line", exitUsage),
		"`" + socketEnv + "`", "`" + defaultSocket + "`", "`NO_COLOR`",
	} {
		if !strings.Contains(byHand, want) {
			t.Errorf("%s does not say %q", docsFile, want)
		}
	}
}

// What docs/cli.md says of a VIP in trouble is what status prints.
func TestDocsKnowAConflict(t *testing.T) {
	text, err := os.ReadFile(docsFile)
	if err != nil {
		t.Fatal(err)
	}
	conflict := api.Conflict{MAC: "02:00:5e:10:20:30", Count: 12, Last: now, Ongoing: true}
	cell := reasonCell(api.VIP{Readded: 2, Conflict: &conflict}).text
	for _, printed := range strings.Split(strings.Trim(cell, "()"), ") (") {
		if !strings.Contains(string(text), "| `"+printed+"` |") {
			t.Errorf("%s does not explain %q", docsFile, printed)
		}
	}
	_, example, _ := strings.Cut(string(text), `    "conflict": `)
	example, _, _ = strings.Cut(example, "\n")
	var documented api.Conflict
	decoder := json.NewDecoder(strings.NewReader(example))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&documented); err != nil || documented != conflict {
		t.Errorf("%s has the conflict %+v (%v), want %+v", docsFile, documented, err, conflict)
	}
}

// Every field that status prints as JSON has its row in docs/cli.md, and every row is
// of such a field.
func TestDocsKnowEveryFieldOfStatus(t *testing.T) {
	text, err := os.ReadFile(docsFile)
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n### The fields of `perch status -o json`\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var documented []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(section, -1) {
		documented = append(documented, row[1])
	}
	fields := fieldsOf(reflect.TypeFor[api.Status](), "")
	slices.Sort(documented)
	slices.Sort(fields)
	if diff := cmp.Diff(fields, documented); diff != "" {
		t.Errorf("fields of the answer and of %s (-known +documented):\n%s", docsFile, diff)
	}
}

// fieldsOf lists the paths of a type's values in JSON, as in a.b[].c.
func fieldsOf(t reflect.Type, path string) (fields []string) {
	switch {
	case t.Kind() == reflect.Pointer:
		return fieldsOf(t.Elem(), path)
	case t.Kind() == reflect.Slice:
		return fieldsOf(t.Elem(), path+"[]")
	case t.Kind() != reflect.Struct || t == reflect.TypeFor[time.Time]():
		return []string{path}
	}
	for field := range t.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		fields = append(fields, fieldsOf(field.Type, strings.TrimPrefix(path+"."+name, "."))...)
	}
	return fields
}

// describe writes the reference of every command, group by group as in the help.
func describe(root *cobra.Command) string {
	root.InitDefaultCompletionCmd()
	var b strings.Builder
	for _, group := range root.Groups() {
		fmt.Fprintf(&b, "\n## %s\n", strings.TrimSuffix(group.Title, ":"))
		for _, cmd := range root.Commands() {
			if cmd.GroupID == group.ID && cmd.Name() != "help" {
				b.WriteString(describeCommand(cmd))
			}
		}
	}
	return b.String()
}

func describeCommand(cmd *cobra.Command) string {
	cmd.InitDefaultHelpFlag()
	var b strings.Builder
	fmt.Fprintf(&b, "\n### %s\n\n    %s\n\n%s.\n", cmd.CommandPath(), cmd.UseLine(), cmd.Short)
	if cmd.Long != "" {
		fmt.Fprintf(&b, "\n%s\n", strings.TrimSpace(cmd.Long))
	}
	if subs := cmd.Commands(); len(subs) > 0 {
		b.WriteString("\n")
		for _, sub := range subs {
			fmt.Fprintf(&b, "- `%s`: %s\n", sub.CommandPath(), sub.Short)
		}
	}
	b.WriteString(describeFlags(cmd.LocalFlags()))
	if cmd.Example != "" {
		fmt.Fprintf(&b, "\nFor example:\n\n%s\n", indent(cmd.Example))
	}
	for _, sub := range cmd.Commands() {
		if sub.Example != "" { // not those of cobra
			b.WriteString(describeCommand(sub))
		}
	}
	return b.String()
}

func describeFlags(flags *pflag.FlagSet) string {
	var b strings.Builder
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Name == "help" || f.Hidden {
			return
		}
		if b.Len() == 0 {
			b.WriteString("\n| Flag | Default | |\n|---|---|---|\n")
		}
		kind, usage := pflag.UnquoteUsage(f)
		name := strings.TrimSpace("--" + f.Name + " " + kind)
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", name, defaultOf(f), usage)
	})
	return b.String()
}

func defaultOf(f *pflag.Flag) string {
	switch f.DefValue {
	case "", "[]", "false", "0s":
		return ""
	}
	return "`" + f.DefValue + "`"
}

func indent(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i, line := range lines {
		lines[i] = "    " + strings.TrimPrefix(line, "  ")
	}
	return strings.Join(lines, "\n")
}
