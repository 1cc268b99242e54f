package config

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pelletier/go-toml/v2"
)

// FuzzParse holds Parse to its promises on any text: it never panics, its
// mistakes are in order and within the file, it accepts only what go-toml's own
// decoder accepts, and a config that it accepts is valid when written out again.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/*/*.toml", top + "/deploy/examples/*/*.toml"} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			f.Fatalf("no seeds in %s: %v", pattern, err)
		}
		for _, path := range paths {
			data, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data, "lb1")
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, hostname string) {
		c, _, err := Parse("perch.toml", data, hostname)
		if err != nil {
			checkMistakes(t, data, err)
			checkTwice(t, data)
			return
		}
		var anything map[string]any
		if err := toml.Unmarshal(bytes.TrimPrefix(data, byteOrderMark), &anything); err != nil {
			t.Fatalf("accepted, but no TOML: %v", err)
		}
		again, _, err := Parse("again.toml", []byte(render(c)), "")
		if err != nil {
			t.Fatalf("accepted, but not again:\n%v\n%s", err, render(c))
		}
		if diff := cmp.Diff(c, again, compareAddresses); diff != "" {
			t.Fatalf("changed by being written out (-first +again):\n%s", diff)
		}
	})
}

func checkMistakes(t *testing.T, data []byte, err error) {
	var mistakes Mistakes
	if !errors.As(err, &mistakes) || len(mistakes) == 0 {
		t.Fatalf("error is %#v", err)
	}
	lines := strings.Split(string(data), "\n")
	last := mistakes[0]
	for _, m := range mistakes {
		if m.Line < last.Line || m.Line == last.Line && m.Col < last.Col {
			t.Fatalf("%s stands behind %s", m, last)
		}
		last = m
		if m.Line < 1 || m.Line > len(lines) || m.Col < 1 || m.Col > len(lines[m.Line-1])+1 {
			t.Fatalf("%s is not in the file", m)
		}
		if strings.ContainsAny(m.Text, "\n\r\x00\x1b") {
			t.Fatalf("%q may upset a terminal", m.Text)
		}
	}
}

// checkTwice compares the rules for what is given twice with go-toml's.
func checkTwice(t *testing.T, data []byte) {
	r := &report{}
	if _, ok := parseTree(r, data); !ok {
		return
	}
	twice := slices.ContainsFunc(r.mistakes, func(m Mistake) bool { return strings.Contains(m.Text, ": given twice") })
	var anything map[string]any
	err := toml.Unmarshal(bytes.TrimPrefix(data, byteOrderMark), &anything)
	switch {
	case twice && err == nil:
		t.Fatalf("go-toml sees nothing twice:\n%v", r.mistakes)
	case !twice && len(r.mistakes) == 0 && err != nil && strings.Contains(err.Error(), " already "):
		t.Fatalf("go-toml sees something twice: %v", err)
	}
}
