package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Each make target that records figures is in docs/performance.md, with a place for them, and
// names a benchmark that there is.
func TestBenchesAreDocumented(t *testing.T) {
	const root = "../../.."
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	must(t, err)
	docs, err := os.ReadFile(filepath.Join(root, "docs/performance.md"))
	must(t, err)
	targets := regexp.MustCompile(`(?m)^(bench-\w+):.*\n((?:\t.*\n)+)`).FindAllStringSubmatch(string(makefile), -1)
	if len(targets) < 5 {
		t.Fatalf("found %d targets, want 5", len(targets))
	}
	for _, target := range targets {
		name, recipe := target[1], target[2]
		_, place, _ := strings.Cut(string(docs), "<!-- figures of make "+name+" -->\n")
		if !strings.Contains(place, recordEnd) || !strings.Contains(string(docs), "`make "+name+"`") {
			t.Errorf("docs/performance.md has no `make %s`, or no place for its figures", name)
		}
		if !strings.Contains(recipe, "-record $(CURDIR)/docs/performance.md") {
			t.Errorf("%s records nothing", name)
		}
		bench := regexp.MustCompile(`-bench '?(\S+?)'? -benchtime 1x (\S+)`).FindStringSubmatch(recipe)
		if bench == nil || !hasBenchmark(t, filepath.Join(root, bench[2]), strings.ReplaceAll(bench[1], "$$", "$")) {
			t.Errorf("%s names no benchmark: %q", name, bench)
		}
	}
}

// hasBenchmark returns whether the tests of a folder have a benchmark whose name matches.
func hasBenchmark(t *testing.T, folder, pattern string) bool {
	t.Helper()
	wanted := regexp.MustCompile(pattern)
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	must(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		must(t, err)
		for _, f := range regexp.MustCompile(`(?m)^func (Benchmark\w+)\(`).FindAllStringSubmatch(string(text), -1) {
			if wanted.MatchString(f[1]) {
				return true
			}
		}
	}
	return false
}
