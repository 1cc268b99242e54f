package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/lab"
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

// `make bench` runs every one of these targets once, also after one that fails, which it names.
func TestMakeBenchForgetsNone(t *testing.T) {
	lab.NeedMake(t)
	makefile, err := os.ReadFile("../../../Makefile")
	must(t, err)
	var want []string
	for _, target := range regexp.MustCompile(`(?m)^(bench-\w+):`).FindAllStringSubmatch(string(makefile), -1) {
		want = append(want, target[1])
	}
	dir := t.TempDir()
	script := "#!/bin/sh\necho \"$1\" >>" + filepath.Join(dir, "ran") + "\ntest \"$1\" != bench-fence\n"
	fake := filepath.Join(dir, "make")
	must(t, os.WriteFile(fake, []byte(script), 0o700))
	cmd := exec.Command("make", "-s", "--no-print-directory", "-C", "../../..", "bench", "MAKE="+fake)
	cmd.Env = append(os.Environ(), "MAKEFLAGS=") // of the make that runs this test
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "not measured: bench-fence\n") {
		t.Errorf("%v\n%s\nwant it to fail and name bench-fence", err, out)
	}
	ran, err := os.ReadFile(filepath.Join(dir, "ran"))
	must(t, err)
	if got := strings.Fields(string(ran)); !slices.Equal(got, want) || len(got) < 10 {
		t.Errorf("ran %q, want %q", got, want)
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
