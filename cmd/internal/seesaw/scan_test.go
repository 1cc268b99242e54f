package seesaw

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// outline has a line for each field, with its place and comments.
func outline(f *field, depth int) string {
	var b strings.Builder
	for _, within := range f.fields {
		fmt.Fprintf(&b, "%s%s %d:%d", strings.Repeat("  ", depth), within.name, within.line, within.col)
		for _, c := range within.comments {
			fmt.Fprintf(&b, " # %s", c)
		}
		b.WriteString("\n" + outline(within, depth+1))
	}
	return b.String()
}

func TestScan(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", ""},
		{"a: 1", "a 1:1\n"},
		{"a:1 b:-2.5e+3;c : ON,", "a 1:1\nb 1:5\nc 1:15\n"},
		{"a: - 5\nb: 1", "a 1:1\nb 2:1\n"},
		{"a: 'é' b: 2", "a 1:1\nb 1:8\n"},
		{`a: "x\"}" b { c: '"' d: "\\" }`, "a 1:1\nb 1:11\n  c 1:15\n  d 1:22\n"},
		{"a: \"x\" 'y'\n  \"z\" b: 1", "a 1:1\nb 2:7\n"},
		{"a < b: { c: 1 } > d {}", "a 1:1\n  b 1:5\n    c 1:10\nd 1:19\n"},
		{`a: ["x" "y", "z"] b: 1`, "a 1:5\na 1:14\nb 1:19\n"},
		{"a: [{b: 1}, <b: 2>]\nc: []\nd: 1", "a 1:5\n  b 1:6\na 1:13\n  b 1:14\nd 3:1\n"},
		{"# one\n#two\na { # three\n  b: 1 # four\n  # five\n} # six\n# seven\nc: 1", "a 3:1 # one # two # three # six\n  b 4:3 # four\nc 8:1 # five # seven\n"},
	} {
		if diff := cmp.Diff(c.want, outline(scan([]byte(c.text)), 0)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", c.text, diff)
		}
	}
	if root := scan([]byte("a: 1\n# end")); len(root.comments) != 1 || root.comments[0] != "end" {
		t.Errorf("comments at the end: %q", root.comments)
	}
}

// A field is found by its name, and the message where it is not.
func TestFind(t *testing.T) {
	root := scan([]byte("a: 1\nb: 2\na: 3"))
	for n, want := range map[int]place{0: {1, 1}, 1: {3, 1}, 2: {1, 1}} {
		if got := root.every("a").nth(n).place; got != want {
			t.Errorf("a %d is at %v, want %v", n, got, want)
		}
	}
	if got := root.at("b"); got != (place{2, 1}) {
		t.Errorf("b is at %v", got)
	}
	if root.one("c") != root {
		t.Error("c is somewhere")
	}
}

// What is no text protobuf at all is scanned to its end, too.
func FuzzScan(f *testing.F) {
	for _, text := range []string{"a: [{b: 1}, <b: 2>]", "]}>a{{{[[", `"\`, "a: '", "# x", "a # b\n: 1"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		scan(text)
	})
}
