package daemon

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	module = "github.com/perch-vip/perch"
	root   = "../../.."
)

// goList returns a line for each package of the module.
func goList(t *testing.T, format string) []string {
	t.Helper()
	cmd := exec.Command("go", "list", "-f", format, "./...")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

// The domain packages stand alone: only this package joins them.
func TestDomainPackagesDoNotImportEachOther(t *testing.T) {
	domains := []string{"cluster", "vip", "vrrp", "checker", "ipvs"}
	seen := 0
	for _, line := range goList(t, `{{.ImportPath}} {{join .Deps " "}}`) {
		importer, deps, _ := strings.Cut(line, " ")
		domain := domainOf(importer, domains)
		if domain == "" {
			continue
		}
		seen++
		for _, dep := range strings.Fields(deps) {
			if other := domainOf(dep, domains); other != "" && other != domain {
				t.Errorf("%s imports %s", importer, dep)
			}
			if strings.HasPrefix(dep, module+"/cmd/") {
				t.Errorf("%s imports %s, which is above it", importer, dep)
			}
		}
	}
	if seen == 0 {
		t.Error("no domain package was found: this test looks in the wrong place")
	}
}

func domainOf(importPath string, domains []string) string {
	rest, ok := strings.CutPrefix(importPath, module+"/")
	if !ok {
		return ""
	}
	first, _, _ := strings.Cut(rest, "/")
	if slices.Contains(domains, first) {
		return first
	}
	return ""
}

// Pure packages do no I/O, read no clock, start nothing and do not log.
func TestPurePackagesImportNothingImpure(t *testing.T) {
	pure := []string{module + "/cluster/state", module + "/vrrp"}
	banned := []string{"os", "net", "log", "log/slog", "context", "sync", "syscall", "os/exec", "net/http", "golang.org/x/sys/unix"}
	found := false
	for _, line := range goList(t, `{{.ImportPath}} {{join .Imports " "}}`) {
		importer, imports, _ := strings.Cut(line, " ")
		if !slices.Contains(pure, importer) {
			continue
		}
		found = true
		for _, imported := range strings.Fields(imports) {
			if slices.Contains(banned, imported) {
				t.Errorf("%s imports %s", importer, imported)
			}
		}
	}
	if !found {
		t.Error("no pure package was found: this test looks in the wrong place")
	}
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	for _, dir := range goList(t, `{{.Dir}}`) {
		if strings.HasSuffix(dir, "/cmd/perch") {
			continue
		}
		if _, err := os.Stat(filepath.Join(dir, "doc.go")); err != nil {
			t.Errorf("%s has no doc.go", dir)
		}
	}
}

func TestTopLevelHoldsNothingElse(t *testing.T) {
	allowed := []string{
		"cmd", "cluster", "vip", "vrrp", "checker", "ipvs", "deploy", "docs",
		"go.mod", "go.sum", "Makefile", "README.md", "LICENSE", "CHANGELOG.md",
		"bin", "dist", // made by make, not in git
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if !slices.Contains(allowed, entry.Name()) && !strings.HasPrefix(entry.Name(), ".") {
			t.Errorf("%s is not part of the tree", entry.Name())
		}
	}
}
