package doctor

import (
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
