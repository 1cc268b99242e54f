package syntax

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// FuzzParse holds Parse to its promises on any text: it ends, it says the same twice,
// its mistakes are in the files, and what it accepts is accepted again as it was understood.
func FuzzParse(f *testing.F) {
	paths, err := filepath.Glob("testdata/*.conf")
	if err != nil || len(paths) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, []byte("in a\n@high b {\n$M= \\\n x \\\n }\n"), "high")
	}
	f.Add([]byte(many), []byte("}"), "")
	f.Fuzz(func(t *testing.T, data, included []byte, id string) {
		if strings.ContainsAny(id, "\x00\n") {
			t.Skip("no name of a node")
		}
		l := limits{files: 20, depth: 5, bytes: 1 << 20, line: 1000, lines: 2000, text: 1 << 20, variables: 100, statements: 1000, blocks: 10}
		o := Options{ID: id, limits: &l, Files: FSFiles{fstest.MapFS{
			"k": {Data: data}, "conf.d/a.conf": {Data: included}, "conf.d/b.conf": {Data: []byte("b\n")},
		}}}
		c, err := Parse("/k", o)
		if diff := cmp.Diff(transcript(c, err), transcript(Parse("/k", o))); diff != "" {
			t.Fatalf("not the same twice:\n%s", diff)
		}
		if err != nil {
			checkMistakes(t, err)
			return
		}
		checkStatements(t, c.Statements)
		checkAgain(t, c)
	})
}

func checkMistakes(t *testing.T, err error) {
	t.Helper()
	var mistakes Mistakes
	if !errors.As(err, &mistakes) || len(mistakes) == 0 {
		t.Fatalf("error is %#v", err)
	}
	for _, m := range mistakes {
		if m.Line < 1 || m.File == "" || m.Text == "" || m.Text != printable(m.Text) {
			t.Fatalf("%q", m)
		}
	}
}

func checkStatements(t *testing.T, statements []*Statement) {
	t.Helper()
	for _, s := range statements {
		if s.Line < 1 || s.File == "" || len(s.Words) == 0 || s.Text == "" || s.Text != trim(s.Text) {
			t.Fatalf("%q", s)
		}
		if s.Block != nil && !s.Braces {
			t.Fatalf("%s has a block and no braces", s.Position)
		}
		if argv, _, err := s.Command(); err == nil && len(argv) == 0 {
			t.Fatalf("%s is a command", s.Position)
		}
		checkStatements(t, s.Block)
	}
}

// checkAgain parses what was understood, if it is as it would be read.
func checkAgain(t *testing.T, c *Config) {
	var b strings.Builder
	write(&b, c.Statements)
	if strings.ContainsAny(b.String(), "$@~#!\\") || strings.Contains(b.String(), "include") {
		return
	}
	again, err := Parse("/k", memoryOf(b.String()))
	if err != nil {
		t.Fatalf("accepted, but not again:\n%v\n%s", err, b.String())
	}
	var second strings.Builder
	write(&second, again.Statements)
	if diff := cmp.Diff(b.String(), second.String()); diff != "" {
		t.Fatalf("changed (-first +again):\n%s", diff)
	}
}

func memoryOf(text string) Options {
	return Options{Files: FSFiles{fstest.MapFS{"k": {Data: []byte(text)}}}}
}

func write(b *strings.Builder, statements []*Statement) {
	for _, s := range statements {
		b.WriteString(s.Text + "\n")
		if s.Braces {
			b.WriteString("{\n")
			write(b, s.Block)
			b.WriteString("}\n")
		}
	}
}
