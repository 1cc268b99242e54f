package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const top = "../../.." // of the repository

// documented is one row of docs/config.md.
type documented struct {
	table, key, typ, def string
	kinds                string // of a check; for other tables it is some text
}

var (
	heading = regexp.MustCompile(`^##+ \[+([a-z_.]+)\]+$`)
	row     = regexp.MustCompile(`^\| \x60([a-z_0-9]+)\x60 \| *([^|]*?) *\| *([^|]*?) *\|(?:[^|]*\| *([^|]*?) *\|)?`)
)

// readDocs returns the tables and the keys that docs/config.md describes.
func readDocs(t *testing.T) (tables []string, keys []documented) {
	t.Helper()
	table := ""
	for line := range strings.Lines(readFile(t, filepath.Join(top, "docs/config.md"))) {
		line = strings.TrimSpace(line)
		if m := heading.FindStringSubmatch(line); m != nil {
			table = m[1]
			tables = append(tables, table)
		} else if m := row.FindStringSubmatch(line); m != nil {
			keys = append(keys, documented{table, m[1], m[2], m[3], m[4]})
		}
	}
	return tables, keys
}

func TestEveryKeyIsDocumented(t *testing.T) {
	tables, keys := readDocs(t)
	docs := slices.Clone(tables)
	for _, k := range keys {
		if path := k.table + "." + k.key; !slices.Contains(tables, path) {
			docs = append(docs, path)
		}
	}
	known := knownKeys("", configKeys(new(draft)))
	all := slices.Clone(known)
	known = slices.DeleteFunc(known, func(path string) bool { return describedElsewhere(path, all) })
	slices.Sort(docs)
	slices.Sort(known)
	if diff := cmp.Diff(known, docs); diff != "" {
		t.Errorf("keys of the decoder and of docs/config.md (-known +documented):\n%s", diff)
	}
}

// describedElsewhere reports whether the key of a check of servers is described once for all
// of them, or with those of a [[check]].
func describedElsewhere(path string, known []string) bool {
	for _, table := range []string{"service.server.check.", "server_group.check.", "server_group.server.check."} {
		if key, ok := strings.CutPrefix(path, table); ok {
			return slices.Contains(known, "service.check."+key)
		}
	}
	key, ok := strings.CutPrefix(path, "service.check.")
	special := slices.Contains([]string{"target", "port", "tls", "weight", "reverse"}, key)
	return ok && !special && slices.Contains(known, "check."+key)
}

func TestRequiredKeysAreDocumented(t *testing.T) {
	required := map[string]bool{}
	var walk func(path string, keys []key)
	walk = func(path string, keys []key) {
		for _, k := range keys {
			required[join(path, k.name)] = k.required
			if k.keys != nil {
				walk(join(path, k.name), k.keys())
			}
		}
	}
	walk("", configKeys(new(draft)))
	_, keys := readDocs(t)
	for _, k := range keys {
		if path := k.table + "." + k.key; required[path] != (k.def == "required") {
			t.Errorf("%s: documented default is %q, required in fact: %v", path, k.def, required[path])
		}
	}
}

func TestKindsAreDocumented(t *testing.T) {
	kinds, n := kindsOf(kindKeys(new(Check))), 0
	_, keys := readDocs(t)
	for _, k := range keys {
		if k.table != "check" {
			continue
		}
		n++
		want := "all"
		if of, some := kinds[k.key]; some {
			want = strings.Join(of, ", ")
		}
		if k.kinds != want {
			t.Errorf("check.%s: documented for %q, allowed for %q", k.key, k.kinds, want)
		}
	}
	if n < len(kinds) {
		t.Errorf("only %d keys of a check found in docs/config.md", n)
	}
}

const numberOfServers = `[[service]]
address = "198.18.0.100:80"
server = [{address = "10.0.0.11"}]
[service.check]
kind = "file"
target = "/run/load"
number = true
`

// Writing out a documented default changes nothing.
func TestDocumentedDefaults(t *testing.T) {
	cluster, routers := readFile(t, "testdata/ok/least.toml"), readFile(t, "testdata/ok/vrrp-every-table.toml")
	checks, services := readFile(t, "testdata/ok/check-every-kind.toml"), readFile(t, "testdata/ok/ipvs-every-table.toml")
	_, keys := readDocs(t)
	n := 0
	for _, k := range keys {
		if !strings.HasPrefix(k.def, "`") {
			continue
		}
		n++
		header := regexp.MustCompile(`(?m)^\[+` + regexp.QuoteMeta(k.table) + `\]+\n`)
		text := "[node]\n" + cluster
		if !header.MatchString(text) || k.key == "fence" && k.table == "node" {
			text = "[node]\n" + routers
		}
		if header.MatchString(services) && !header.MatchString(text) {
			text = services
		}
		if k.table == "bgp" {
			text = readFile(t, "testdata/ok/bgp-least.toml")
		}
		if k.table == "clock" {
			text = readFile(t, "testdata/ok/clock-least.toml")
		}
		if k.table == "check" {
			kind, _, _ := strings.Cut(strings.Replace(k.kinds, "all", "unit", 1), ",")
			text, header = checks, regexp.MustCompile(`(?m)^\[\[check]]\nkind = "`+kind+`"\n`)
		}
		if k.table == "service.check" && (k.key == "weight" || k.key == "reverse") { // of a number
			text, header = numberOfServers, regexp.MustCompile(`(?m)^number = true\n`)
		}
		line := fmt.Sprintf("%s = %s\n", k.key, strings.Trim(k.def, "`"))
		explicit := header.ReplaceAllString(text, "${0}"+line)
		if !strings.Contains(explicit, line) {
			t.Fatalf("no [%s] in the text", k.table)
		}
		if diff := cmp.Diff(mustParse(t, text), mustParse(t, explicit), compareAddresses); diff != "" {
			t.Errorf("%s.%s (-left out +written):\n%s", k.table, k.key, diff)
		}
	}
	if n < 60 {
		t.Errorf("only %d defaults found in docs/config.md", n)
	}
}

var block = regexp.MustCompile("(?ms)^```toml([^\n]*)\n(.*?)^```$")

// Every TOML block of the documentation can be run, as machine lb1. One that
// is marked ```toml fragment need only have keys and values that are right, and one
// that is marked ```toml checks can be run by a cluster without a warning.
func TestDocumentedConfigs(t *testing.T) {
	var pages []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md", "deploy/examples/*.md", "deploy/examples/*/*.md"} {
		found, err := filepath.Glob(filepath.Join(top, pattern))
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, found...)
	}
	n := 0
	for _, page := range pages {
		text := readFile(t, page)
		for _, m := range block.FindAllStringSubmatchIndex(text, -1) {
			n++
			first := strings.Count(text[:m[4]], "\n")
			// Blank lines before the block make the lines of mistakes those of the page.
			padded := strings.Repeat("\n", first) + text[m[4]:m[5]]
			if err := parseBlock(t, page, padded, strings.TrimSpace(text[m[2]:m[3]])); err != nil {
				t.Error(err)
			}
		}
	}
	if n == 0 {
		t.Error("no TOML found")
	}
}

func parseBlock(t *testing.T, page, text, info string) error {
	t.Helper()
	switch info {
	case "":
		_, _, err := Parse(page, []byte(text), "lb1")
		return err
	case "fragment":
		r := &report{file: page}
		if root, ok := parseTree(r, []byte(text)); ok {
			decode(r, root, configKeys(new(draft)))
		}
		r.mistakes = slices.DeleteFunc(r.mistakes, func(m Mistake) bool { return strings.Contains(m.Text, ": missing; ") })
		return r.err()
	case "checks":
		_, warnings, err := Parse(page, []byte(text+readFile(t, "testdata/ok/least.toml")), "lb1")
		if err == nil && len(warnings) > 0 {
			err = errors.New(warnings[0].String())
		}
		return err
	default:
		return fmt.Errorf("%s: a toml block is marked %q", page, info)
	}
}

func TestFragments(t *testing.T) {
	if err := parseBlock(t, "page.md", "[cluster]\nheartbeat = \"150ms\"\n", "fragment"); err != nil {
		t.Error(err)
	}
	for _, wrong := range []string{"[cluster]\nheartbeat = 150\n", "[cluster]\nheart = 1\n", "[cluster"} {
		if err := parseBlock(t, "page.md", wrong, "fragment"); err == nil {
			t.Errorf("no mistake in %q", wrong)
		}
	}
}

// docs/checks.md has an example of each kind, and docs/config.md names each.
func TestEveryKindIsDocumented(t *testing.T) {
	guide, reference := readFile(t, top+"/docs/checks.md"), readFile(t, top+"/docs/config.md")
	for _, kind := range checkKinds() {
		if !strings.Contains(guide, fmt.Sprintf("\nkind = %q\n", kind)) {
			t.Errorf("docs/checks.md has no example of kind %s", kind)
		}
		if !strings.Contains(reference, fmt.Sprintf("`%q`", kind)) {
			t.Errorf("docs/config.md does not name kind %s", kind)
		}
	}
}
