package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var runMutants = flag.Bool("mutants", false, "build each mutant and want its tests to fail")

// enough schedules show what the simulation can show of a mutant.
const enough = 1000

// mutant is the package without one of its rules.
type mutant struct {
	name  string // the rule that is gone
	edits []edit
	tests string // those that must notice, as for -run
	want  string // what they must say
	// hostile builds with a library that does nothing to stay available.
	hostile bool
}

// edit replaces a text that stands exactly once in a file.
type edit struct{ file, old, new string }

// change returns the changed text.
func (e edit) change(text []byte) ([]byte, error) {
	if found := strings.Count(string(text), e.old); found != 1 {
		return nil, fmt.Errorf("%s has this %d times instead of once: the table of mutants must follow the code:\n%s", e.file, found, e.old)
	}
	return []byte(strings.Replace(string(text), e.old, e.new, 1)), nil
}

// apply writes the changed files below dir, and returns them by the names of the
// files that they stand for.
func (m mutant) apply(dir string) (map[string]string, error) {
	changed := make(map[string]string)
	for _, e := range m.edits {
		path, err := filepath.Abs(e.file)
		if err != nil {
			return nil, err
		}
		read, ok := changed[path]
		if !ok {
			read = path
		}
		text, err := os.ReadFile(read)
		if err != nil {
			return nil, err
		}
		if text, err = e.change(text); err != nil {
			return nil, err
		}
		changed[path] = filepath.Join(dir, e.file)
		if err := os.WriteFile(changed[path], text, 0o600); err != nil {
			return nil, err
		}
	}
	return changed, nil
}

// build makes the mutant's test binary below dir, with the library of a go.mod.
func (m mutant) build(ctx context.Context, dir, modfile string) (string, error) {
	changed, err := m.apply(dir)
	if err != nil {
		return "", err
	}
	overlay, err := json.Marshal(map[string]any{"Replace": changed})
	if err != nil {
		return "", err
	}
	file, binary := filepath.Join(dir, "overlay.json"), filepath.Join(dir, "mutant.test")
	if err := os.WriteFile(file, overlay, 0o600); err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off",
		"-gcflags=-l -dwarf=false", // a quarter faster to compile, and no slower to run
		"-ldflags=-s -w -X github.com/perch-vip/perch/cluster.modules="+modfile,
		"-trimpath", "-modfile", modfile, "-overlay", file, "-o", binary, ".")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", errors.New("does not build:\n" + string(out))
	}
	return binary, nil
}

// tries is how often a mutant is run at most: what goroutines do at one moment of virtual
// time is up to chance, and so may be whether it does harm.
const tries = 3

// run runs the tests that must notice, and returns what they said at last.
func (m mutant) run(ctx context.Context, binary string) (noticed bool, out string) {
	for range tries {
		said, err := simulator(ctx, binary, 0, enough, m.tests).CombinedOutput()
		if out = string(said); err != nil && strings.Contains(out, m.want) {
			return true, out
		}
	}
	return false, out
}

// What the mutants change stands in the code and in the library.
func TestMutantsFitTheCode(t *testing.T) {
	hostileLibrary(t)
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			if _, err := m.apply(t.TempDir()); err != nil {
				t.Error(err)
			}
		})
	}
}

// Each rule of the design is one that some test or schedule misses when it is gone.
func TestMutantsAreNoticed(t *testing.T) {
	if !*runMutants {
		return // make mutants: it builds the package once for each
	}
	hostile := hostileLibrary(t)
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			library := ownModules
			if m.hostile {
				library = hostile
			}
			binary, err := m.build(ctx, t.TempDir(), library)
			if err != nil {
				t.Fatal(err)
			}
			started := time.Now()
			noticed, out := m.run(ctx, binary)
			if !noticed {
				t.Fatalf("SURVIVED %s for %s:\n%s", m.tests, time.Since(started).Round(ms), tail(out))
			}
			t.Logf("noticed by %s after %s", m.tests, time.Since(started).Round(ms))
		})
	}
}

// tail returns the end of what a test said.
func tail(out string) string {
	lines := strings.Split(strings.TrimSpace(out), "\n")
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}
