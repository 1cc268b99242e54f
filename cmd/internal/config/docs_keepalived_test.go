package config

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// pages say what becomes of each keyword of a list in testdata.
var pages = []struct{ docs, keywords string }{
	{"ipvs-keepalived.md", "keepalived-lvs.txt"},
	{"vrrp-keepalived.md", "keepalived-vrrp.txt"},
}

// replaced is one row of a table of such a page.
type replaced struct {
	block    string   // where the keywords stand
	keywords []string // of keepalived.conf
	keys     []string // of perch; none has a reason
	reason   string
}

var tick = regexp.MustCompile("`([^`]+)`")

// ticked returns what stands in backticks.
func ticked(cell string) (list []string) {
	for _, m := range tick.FindAllStringSubmatch(cell, -1) {
		list = append(list, m[1])
	}
	return list
}

// readAllReplaced returns the rows of all pages.
func readAllReplaced(t *testing.T) (rows []replaced) {
	t.Helper()
	for _, page := range pages {
		rows = append(rows, readReplaced(t, page.docs)...)
	}
	return rows
}

// readReplaced returns the rows behind each heading that names a block.
func readReplaced(t *testing.T, page string) (rows []replaced) {
	t.Helper()
	block := ""
	for line := range strings.Lines(readFile(t, filepath.Join(top, "docs", page))) {
		line = strings.TrimSpace(line)
		if heading, ok := strings.CutPrefix(line, "### "); ok {
			block = heading
		}
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		if len(cells) != 3 {
			t.Errorf("%d cells in %s", len(cells), line)
			continue
		}
		rows = append(rows, replaced{block, ticked(cells[0]), ticked(cells[1]), strings.TrimSpace(cells[2])})
	}
	return rows
}

// Each keyword of keepalived is there once, with what perch has for it.
func TestKeepalivedKeywords(t *testing.T) {
	for _, page := range pages {
		want := readKeywords(t, page.keywords)
		var got []string
		for _, row := range readReplaced(t, page.docs) {
			for _, keyword := range row.keywords {
				got = append(got, row.block+" "+keyword)
			}
		}
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: keywords (-known +documented):\n%s", page.docs, diff)
		}
		if len(want) < 100 {
			t.Errorf("%s: only %d keywords are known", page.keywords, len(want))
		}
	}
}

// readKeywords returns the keywords of a list, each behind its block, in order.
func readKeywords(t *testing.T, list string) (all []string) {
	t.Helper()
	for line := range strings.Lines(readFile(t, "testdata/"+list)) {
		block, keywords, ok := strings.Cut(line, ": ")
		if ok && !strings.HasPrefix(line, "#") {
			for _, keyword := range strings.Fields(keywords) {
				all = append(all, block+" "+keyword)
			}
		}
	}
	slices.Sort(all)
	return all
}

// What perch has for them exists, and where it has nothing the reason is given.
func TestKeepalivedKeys(t *testing.T) {
	known := knownKeys("", configKeys(new(draft)))
	for _, row := range readAllReplaced(t) {
		if len(row.keys) == 0 && row.reason == "" {
			t.Errorf("%s %v: neither a key nor a reason", row.block, row.keywords)
		}
		for _, key := range row.keys {
			path, value, given := strings.Cut(key, " = ")
			if !slices.Contains(known, path) {
				t.Errorf("%s %v: %s is no key", row.block, row.keywords, path)
			} else if given {
				wantValue(t, path, value)
			}
		}
		for _, word := range ticked(row.reason) {
			path, _, _ := strings.Cut(word, " = ")
			table, _, dotted := strings.Cut(path, ".")
			if dotted && slices.Contains(known, table) && !slices.Contains(known, path) {
				t.Errorf("%s %v: %s is no key", row.block, row.keywords, path)
			}
		}
	}
}

// wantValue checks that a key of a table may have a value.
func wantValue(t *testing.T, path, value string) {
	t.Helper()
	names := strings.Split(path, ".")
	last := len(names) - 1
	text := ""
	for i := range last {
		open, shut := "[", "]"
		if i == 0 && slices.Contains([]string{"service", "vrrp", "check"}, names[0]) {
			open, shut = "[[", "]]"
		}
		text += open + strings.Join(names[:i+1], ".") + shut + "\n"
	}
	if slices.Contains(names, "addresses") {
		text = "[[vrrp]]\n[[vrrp.addresses]]\n"
	}
	if names[0] == "check" && names[last] == "number" {
		text += "kind = \"file\"\n"
	}
	if err := parseBlock(t, path, text+names[last]+" = "+value+"\n", "fragment"); err != nil {
		t.Error(err)
	}
}

// A word of keepalived that stands in a config is answered with the key that the table has for it.
func TestKeepalivedWordsAreAnswered(t *testing.T) {
	answered := 0
	for _, row := range readAllReplaced(t) {
		for _, word := range row.keywords {
			key := fromKeepalived(word)
			if key == word {
				continue
			}
			answered++
			is := func(path string) bool {
				path, _, _ = strings.Cut(path, " = ")
				return path[strings.LastIndex(path, ".")+1:] == key
			}
			if !slices.ContainsFunc(row.keys, is) {
				t.Errorf("%s %s: %s is none of %v", row.block, word, key, row.keys)
			}
		}
	}
	if answered < 20 {
		t.Errorf("only %d of the words in the tables are answered", answered)
	}
}
