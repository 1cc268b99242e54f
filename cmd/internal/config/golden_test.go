package config

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the # want lines of testdata")

// wantMark begins the lines at the end of a test file that say what Parse
// answers; they are not part of the text that is parsed.
const wantMark = "# want: "

// Marks that a test file may begin with: another host name than lb1, and a size to
// which it is filled up with empty lines.
var (
	hostMark = regexp.MustCompile(`^# host name: "(.*)"\n`)
	sizeMark = regexp.MustCompile(`^# size: (\d+)\n`)
)

// parseAs parses the text of a test file as its marks say.
func parseAs(text string) (*Config, []Warning, error) {
	hostname := "lb1"
	if mark := hostMark.FindStringSubmatch(text); mark != nil {
		hostname = mark[1]
	}
	data := []byte(text)
	if mark := sizeMark.FindStringSubmatch(text); mark != nil {
		size, _ := strconv.Atoi(mark[1])
		data = append(data, bytes.Repeat([]byte("\n"), size-len(data))...)
	}
	return Parse("perch.toml", data, hostname)
}

// parseGolden parses a test file and compares every mistake and warning with the
// file's want lines.
func parseGolden(t *testing.T, path string) (*Config, Mistakes) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text, wants, _ := strings.Cut(string(data), wantMark)
	c, warnings, err := parseAs(text)
	var mistakes Mistakes
	if err != nil && !errors.As(err, &mistakes) {
		t.Fatalf("error is a %T", err)
	}
	var got strings.Builder
	for _, m := range mistakes {
		got.WriteString(wantMark + m.String() + "\n")
	}
	for _, w := range warnings {
		got.WriteString(wantMark + w.String() + "\n")
	}
	if *update {
		if err := os.WriteFile(path, []byte(text+got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return c, mistakes
	}
	if wants != "" {
		wants = wantMark + wants
	}
	if diff := cmp.Diff(wants, got.String()); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
	return c, mistakes
}

// goldenFiles runs a subtest for every .toml file of a folder of testdata.
func goldenFiles(t *testing.T, folder string, test func(t *testing.T, path string)) {
	paths, err := filepath.Glob(filepath.Join("testdata", folder, "*.toml"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files in %s: %v", folder, err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".toml"), func(t *testing.T) { test(t, path) })
	}
}

// Each file under testdata/mistakes is wrong in the one way its name says.
func TestMistakes(t *testing.T) {
	goldenFiles(t, "mistakes", func(t *testing.T, path string) {
		c, mistakes := parseGolden(t, path)
		if c != nil || len(mistakes) != 1 {
			t.Errorf("config %v with %d mistakes, want none with one", c, len(mistakes))
		}
	})
}

// Each file under testdata/many has several mistakes, all reported in file order.
func TestManyMistakes(t *testing.T) {
	goldenFiles(t, "many", func(t *testing.T, path string) {
		c, mistakes := parseGolden(t, path)
		if c != nil || len(mistakes) < 2 {
			t.Errorf("config %v with %d mistakes, want none with several", c, len(mistakes))
		}
	})
}

// Each file under testdata/ok can be run, some with a warning.
func TestOK(t *testing.T) {
	goldenFiles(t, "ok", func(t *testing.T, path string) {
		if c, mistakes := parseGolden(t, path); c == nil || mistakes != nil {
			t.Errorf("config %v with mistakes\n%v", c, mistakes)
		}
	})
}
