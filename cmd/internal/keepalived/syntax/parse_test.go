package syntax

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the .want files of testdata")

func testOptions() Options {
	return Options{ID: "high", Files: FSFiles{os.DirFS("testdata")}, Env: func(name string) (string, bool) {
		return "/root", name == "HOME"
	}}
}

// Each testdata/NAME.conf is parsed for the ID high; NAME.want is what comes of it.
func TestTranscripts(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.conf")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".conf")
		t.Run(name, func(t *testing.T) {
			got := transcript(Parse("/"+name+".conf", testOptions()))
			want := strings.TrimSuffix(path, ".conf") + ".want"
			if *update {
				if err := os.WriteFile(want, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			data, err := os.ReadFile(want)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(data), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// transcript writes down what Parse returned.
func transcript(c *Config, err error) string {
	var b strings.Builder
	if err != nil {
		var mistakes Mistakes
		if !errors.As(err, &mistakes) {
			return fmt.Sprintf("error of type %T: %v\n", err, err)
		}
		for _, m := range mistakes {
			fmt.Fprintf(&b, "mistake %s\n", m)
		}
		return b.String()
	}
	writeBlock(&b, "", c.Statements)
	writeComments(&b, "", c.Comments)
	for _, m := range c.Remarks {
		fmt.Fprintf(&b, "remark %s\n", m)
	}
	fmt.Fprintf(&b, "files %s\n", strings.Join(c.Files, " "))
	return b.String()
}

func writeBlock(b *strings.Builder, indent string, statements []*Statement) {
	for _, s := range statements {
		writeComments(b, indent, s.Comments)
		fmt.Fprintf(b, "%s%s %q\n", indent, strings.TrimPrefix(s.Position.String(), "/"), s.Words)
		writeWords(b, indent, s)
		if s.Braces {
			fmt.Fprintf(b, "%s{\n", indent)
			writeBlock(b, indent+"    ", s.Block)
			fmt.Fprintf(b, "%s}\n", indent)
		}
	}
}

// writeWords writes what scripts and the like make of a statement, if that is not the
// same.
func writeWords(b *strings.Builder, indent string, s *Statement) {
	if s.Keyword() == "script" {
		argv, rest, err := s.Command()
		if err != nil {
			fmt.Fprintf(b, "%s  no command: %v\n", indent, err)
			return
		}
		fmt.Fprintf(b, "%s  command %q %q\n", indent, argv, rest)
		return
	}
	words, err := s.Escaped()
	if err != nil {
		fmt.Fprintf(b, "%s  not escaped: %v\n", indent, err)
	} else if !slices.Equal(words, s.Words) {
		fmt.Fprintf(b, "%s  escaped %q\n", indent, words)
	}
}

func writeComments(b *strings.Builder, indent string, comments []string) {
	for _, c := range comments {
		fmt.Fprintf(b, "%s# %s\n", indent, c)
	}
}

func TestRandomOfOthers(t *testing.T) {
	o := memory("a ${_RANDOM 3 9} ${_RANDOM}")
	o.Random = func(least, most int) int { return least*100000 + most }
	c, err := Parse("/keepalived.conf", o)
	if err != nil || strings.Join(c.Statements[0].Args(), " ") != "300009 32767" || c.Remarks != nil {
		t.Errorf("config %+v, error %v", c, err)
	}
}

// Nothing of a file upsets a terminal, however wrong it is.
func TestMessages(t *testing.T) {
	for text, want := range map[string]string{
		"x \"\x1b[31m":                          "/keepalived.conf:1: x \"?[31m: a quote is not closed on this line",
		"x \"\xff":                              "/keepalived.conf:1: x \"?: a quote is not closed on this line",
		"x \"" + strings.Repeat("é", 40) + "\n": "/keepalived.conf:1: x \"" + strings.Repeat("é", 28) + "...: a quote is not closed on this line",
	} {
		if _, err := Parse("/keepalived.conf", memory(text)); err == nil || err.Error() != want {
			t.Errorf("%q: error is %v\nwant %s", text, err, want)
		}
	}
	c, err := Parse("/keepalived.conf", memory("#  a\tb\x1b[31m\xff \r\n"))
	if err != nil || len(c.Comments) != 1 || c.Comments[0] != " a    b?[31m?" {
		t.Errorf("config %+v, error %v", c, err)
	}
}
