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
	"slices"
	"strings"
	"testing"
	"time"
)

var runMutants = flag.Bool("mutants", false, "want the tests of each mutant to fail")

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

// texts returns the changed files by their names.
func (m mutant) texts() (map[string][]byte, error) {
	changed := make(map[string][]byte)
	for _, e := range m.edits {
		text, ok := changed[e.file]
		var err error
		if !ok {
			text, err = os.ReadFile(e.file)
		}
		if err == nil {
			text, err = e.change(text)
		}
		if err != nil {
			return nil, err
		}
		changed[e.file] = text
	}
	return changed, nil
}

// buildTests makes a test binary of the package below dir, with files that stand for some of
// its own and with the library of a go.mod.
func buildTests(ctx context.Context, dir, modfile string, instead map[string]string) (string, error) {
	overlay, err := json.Marshal(map[string]any{"Replace": instead})
	if err != nil {
		return "", err
	}
	file, binary := filepath.Join(dir, "overlay.json"), filepath.Join(dir, "cluster.test")
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
		cmd := simulator(ctx, binary, 0, enough, m.tests)
		cmd.Env = append(cmd.Env, mutantEnv+"="+m.name)
		said, err := cmd.CombinedOutput()
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
			if _, err := schemata([]mutant{m}, t.TempDir()); err != nil {
				t.Error(err)
			}
		})
	}
}

// Each rule of the design is one that some test or schedule misses when it is gone.
func TestMutantsAreNoticed(t *testing.T) {
	if !*runMutants {
		return // make mutants
	}
	own, hostile := split(mutants)
	for modfile, some := range map[string][]mutant{ownModules: own, hostileLibrary(t): hostile} {
		dir := t.TempDir()
		all, err := schemata(some, dir)
		if err != nil {
			t.Fatal(err)
		}
		binary, err := buildTests(t.Context(), dir, modfile, all)
		if err != nil {
			t.Fatal(err)
		}
		t.Run("no mutant", func(t *testing.T) { none(t, binary, some) })
		for _, m := range some {
			t.Run(m.name, func(t *testing.T) { m.isNoticed(t, binary) })
		}
	}
}

// split tells the mutants with the library as it is from those with a hostile one.
func split(mutants []mutant) (own, hostile []mutant) {
	for _, m := range mutants {
		if m.hostile {
			hostile = append(hostile, m)
		} else {
			own = append(own, m)
		}
	}
	return own, hostile
}

// mutantTime is how long all tries of a mutant may take, on a machine that has more to do.
const mutantTime = 10 * time.Minute

func (m mutant) isNoticed(t *testing.T, binary string) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), mutantTime)
	defer cancel()
	started := time.Now()
	noticed, out := m.run(ctx, binary)
	if !noticed {
		t.Fatalf("SURVIVED %s for %s:\n%s", m.tests, time.Since(started).Round(ms), tail(out))
	}
	t.Logf("noticed by %s after %s", m.tests, time.Since(started).Round(ms))
}

// none is a process that is no mutant: in it all tests pass that are to fail in a mutant,
// so it is the mutant that they notice, and not how it is made.
func none(t *testing.T, binary string, some []mutant) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), mutantTime)
	defer cancel()
	var tests []string
	for _, m := range some {
		tests = append(tests, m.tests)
	}
	slices.Sort(tests)
	if out, err := simulator(ctx, binary, 0, 30, strings.Join(slices.Compact(tests), "|")).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, tail(string(out)))
	}
}

// tail returns the end of what a test said.
func tail(out string) string {
	lines := strings.Split(strings.TrimSpace(out), "\n")
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}
