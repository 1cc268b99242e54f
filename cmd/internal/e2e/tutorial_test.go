package e2e

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// The tutorial's commands, one after the other in one shell, do what it says: each succeeds
// and prints what stands below it.
func TestTutorial(t *testing.T) {
	t.Parallel()
	lab.NeedTutorial(t)
	steps := stepsOf(t, "../../../docs/tutorial.md")
	out := follow(t, steps)
	for i, s := range steps {
		if missing := lacking(out[i], s.prints); len(missing) > 0 {
			t.Errorf("line %d: after\n%s\nthis is printed:\n%s\nwithout:\n%s", s.line, s.commands, out[i], strings.Join(missing, "\n"))
		}
	}
}

// step is a block of commands, and the block of what they print, if there is one.
type step struct {
	line     int
	commands string
	prints   string
}

// stepsOf reads the blocks of a page.
func stepsOf(t *testing.T, path string) (steps []step) {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	fence := "" // of the block that the line is in
	for i, line := range strings.SplitAfter(string(text), "\n") {
		switch kind, marks := strings.CutPrefix(strings.TrimSpace(line), "```"); {
		case marks && fence != "":
			fence = ""
		case marks:
			if fence = kind; kind == "sh" {
				steps = append(steps, step{line: i + 1})
			}
		case fence == "sh":
			steps[len(steps)-1].commands += line
		case fence == "text":
			steps[len(steps)-1].prints += line
		}
	}
	if len(steps) < 10 {
		t.Fatalf("%s: only %d steps are found", path, len(steps))
	}
	return steps
}

// follow takes the steps in a network of its own, where names of namespaces are those of
// nobody else, and returns what each has printed.
func follow(t *testing.T, steps []step) (out []string) {
	t.Helper()
	const mark = "--- next step ---"
	dir := t.TempDir()
	var script strings.Builder
	script.WriteString("set -e\nmount -t tmpfs tmpfs /run\nexport PATH=" + filepath.Dir(perchBinary(t)) + ":$PATH\n")
	for _, s := range steps {
		script.WriteString(strings.ReplaceAll(s.commands, "/tmp/perch-tutorial", filepath.Join(dir, "tutorial")))
		script.WriteString("echo '" + mark + "'\n")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	shell := exec.CommandContext(ctx, "unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "bash", "-c", script.String())
	var errs bytes.Buffer
	shell.Stderr = &errs
	text, err := shell.Output()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, text, errs.Bytes())
	}
	return strings.Split(string(text), mark+"\n")
}

// What differs from one run to the next: which node, numbers, how long nobody had the VIP and
// whether that is known, and the version.
var (
	someOutage = regexp.MustCompile(`[≈≤] [\d.]+(µs|ms|s)`)
	someNode   = regexp.MustCompile(`lb[123]`)
	someNumber = regexp.MustCompile(`\d+`)
	someGap    = regexp.MustCompile(` +`)
	varying    = strings.NewReplacer("this node, ", "", "end-to-end", "v0.9.0")
)

func alike(text string) []string {
	text = someOutage.ReplaceAllString(varying.Replace(text), "-")
	for _, each := range []*regexp.Regexp{someNode, someNumber, someGap} {
		text = each.ReplaceAllString(text, string(each.String()[0]))
	}
	return strings.Split(text, "\n")
}

// lacking returns those lines of what is to be printed that were not.
func lacking(printed, want string) (missing []string) {
	lines := alike(printed)
	for _, line := range alike(want) {
		i := slices.Index(lines, line)
		if i < 0 {
			missing = append(missing, line)
			continue
		}
		lines = slices.Delete(lines, i, i+1)
	}
	return missing
}
