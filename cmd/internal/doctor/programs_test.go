package doctor

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/perch-vip/perch/cmd/internal/config"
)

// Programs that are run once something happens are looked for before.
func TestPrograms(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, nil, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good, text, gone := write("good", 0o700), write("text", 0o600), filepath.Join(dir, "gone")
	script := func(name, path string) config.Check {
		return config.Check{Name: name, Kind: "script", Script: config.CheckScript{Argv: []string{path}}}
	}
	p := newPatient()
	p.Services[0].QuorumUp, p.Services[0].QuorumDown = []string{good, "up"}, []string{gone, "down"}
	p.Services[1].QuorumDown = []string{gone, "down"}
	p.Node.StartProgram, p.Node.StopProgram = []string{good, "begin"}, []string{filepath.Join(dir, "end")}
	p.Notify = []config.Notify{{FIFO: "/run/events", Reader: []string{filepath.Join(dir, "reader")}}}
	p.Checks = []config.Check{script("mine", good), script("folder", dir)}
	p.ServerChecks = []config.Check{script("theirs", text)}
	p.Try(p.Config)
	want := []Finding{
		{Error, dir, "is not executable: it is run by check folder", "ls -l " + dir},
		{Error, filepath.Join(dir, "end"), "is not there: it is run by node.stop_program", "ls -l " + filepath.Join(dir, "end")},
		{Error, gone, "is not there: it is run by quorum_down of web", "ls -l " + gone},
		{Error, filepath.Join(dir, "reader"), "is not there: it is run by [[notify]]", "ls -l " + filepath.Join(dir, "reader")},
		{Error, text, "is not executable: it is run by check theirs", "ls -l " + text},
	}
	if diff := cmp.Diff(want, Examine(p.Config, p.Facts)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// What root would refuse to run is named before it is needed: whatever root runs, and no more.
func TestProgramsThatRootWouldNotRun(t *testing.T) {
	dir := t.TempDir()
	program := func(name string) []string {
		path := filepath.Join(dir, name)
		must(t, os.WriteFile(path, nil, 0o777))
		return []string{path}
	}
	p := newPatient()
	p.Node.StopProgram = program("end")
	p.Notify = []config.Notify{
		{Exec: program("root"), User: "root"},
		{Exec: program("nobody")},
		{Converge: program("claim"), User: "daemon"},
		{FIFO: "/run/events", Reader: program("reader")},
	}
	probes := Probes{Vet: func(path string) (string, error) { return filepath.Dir(path), errors.New(path + " is bad") }}
	for uid, want := range map[int][]string{0: {"end", "root"}, 990: {"root"}} {
		p.Processes = []Process{{Name: "perch", Args: []string{"serve"}, Read: true, UID: uid}}
		vetPrograms(p.Config, probes, p.Facts)(&p.Facts)
		var names []string
		for _, f := range loose(p.Config, p.Facts) {
			names = append(names, filepath.Base(f.Subject))
		}
		if diff := cmp.Diff(want, names); diff != "" {
			t.Errorf("user %d (-want +got):\n%s", uid, diff)
		}
	}
	want := Finding{
		Error, p.Notify[0].Exec[0], "is not run by [[notify]]: " + p.Notify[0].Exec[0] + " is bad",
		"chown -h root " + dir + " && chmod go-w " + dir,
	}
	p.Loose = map[string]Loose{want.Subject: {dir, want.Subject + " is bad"}}
	if diff := cmp.Diff([]Finding{want}, loose(p.Config, p.Facts)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
