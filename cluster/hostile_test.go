package cluster

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// hostile takes from the library what only keeps the cluster available: its voters
// depose a leader whenever asked, and its followers ask out of the blue. No rule of
// ownership may need that, and without it mistakes show much sooner.
var hostile = []edit{
	{"raft.go", `leaderAddr != "" && leaderAddr != candidate && !req.LeadershipTransfer {`, `false {`},
	{"raft.go", `leaderAddr != "" && leaderAddr != candidate {`, `false {`},
	{"raft.go", `if time.Since(lastContact) < hbTimeout {`, `if time.Since(lastContact) < hbTimeout && time.Now().UnixNano()%8 > 0 {`},
}

// ownModules is the go.mod with the library as it is.
const ownModules = "../go.mod"

// modules is the go.mod that this binary was built with, if by a mutant's build.
var modules = ownModules

// hostileLibrary writes a copy of the library, and returns a go.mod that uses it.
func hostileLibrary(t *testing.T) (modfile string) {
	t.Helper()
	dir := t.TempDir()
	where, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/hashicorp/raft").Output()
	if err != nil {
		t.Fatal(err)
	}
	library := filepath.Join(dir, "raft")
	if err := os.CopyFS(library, os.DirFS(strings.TrimSpace(string(where)))); err != nil {
		t.Fatal(err)
	}
	for _, e := range hostile {
		file := filepath.Join(library, e.file)
		text, err := os.ReadFile(file)
		if err == nil {
			text, err = e.change(text)
		}
		if err == nil {
			err = os.Chmod(file, 0o600)
		}
		if err == nil {
			err = os.WriteFile(file, text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		if name == "go.mod" {
			text = append(text, "\nreplace github.com/hashicorp/raft => "+library+"\n"...)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "go.mod")
}
