package daemon

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	module = "github.com/perch-vip/perch"
	root   = "../../.."
)

// domains are the top-level folders of the packages that stand alone.
var domains = []string{"cluster", "vip", "vrrp", "checker", "ipvs"}

// goList returns a line for each of the packages, by default those of the module.
func goList(t *testing.T, args ...string) []string {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

// imports returns, for each package of the module, what go list's template says that
// it imports. Names are relative to the module.
func imports(t *testing.T, template string) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	for _, line := range goList(t, "-f", `{{.ImportPath}} `+template, "./...") {
		fields := strings.Fields(line)
		importer := strings.TrimPrefix(fields[0], module+"/")
		found[importer] = []string{}
		for _, imported := range fields[1:] {
			found[importer] = append(found[importer], strings.TrimPrefix(imported, module+"/"))
		}
	}
	if len(found) < 5 || found["cmd/internal/daemon"] == nil {
		t.Fatal("this test looks in the wrong place")
	}
	return found
}

const (
	direct  = `{{join .Imports " "}}`
	inTests = ` {{join .TestImports " "}} {{join .XTestImports " "}}`
)

// domainOf returns the domain that a package belongs to, or "".
func domainOf(path string) string {
	first, _, _ := strings.Cut(path, "/")
	if slices.Contains(domains, first) {
		return first
	}
	return ""
}

// The browser's driver is for tests alone.
func TestNoBrowserInTheBinary(t *testing.T) {
	for _, imported := range goList(t, "-deps", "./cmd/perch") {
		if strings.Contains(imported, "chromedp") {
			t.Errorf("cmd/perch needs %s", imported)
		}
	}
}

// The domain packages stand alone, and so do their tests.
func TestDomainPackagesDoNotImportEachOther(t *testing.T) {
	for importer, all := range imports(t, `{{join .Deps " "}}`+inTests) {
		domain := domainOf(importer)
		if domain == "" {
			continue
		}
		for _, imported := range all {
			if other := domainOf(imported); other != "" && other != domain {
				t.Errorf("%s imports %s", importer, imported)
			}
			if strings.HasPrefix(imported, "cmd/") {
				t.Errorf("%s imports %s, which is above it", importer, imported)
			}
		}
	}
}

// joins are the packages under cmd that may import domain packages, and which. All
// others see them through package daemon, if at all.
var joins = map[string][]string{
	"cmd/internal/daemon": domains,
}

// testJoins are those whose tests may: they run a node without the daemon, or forge
// what a router says.
var testJoins = map[string][]string{
	"cmd/internal/e2e": {"cluster", "vrrp"},
	"cmd/perch":        {"cluster"},
}

// Only this package joins the domain packages.
func TestOnlyTheDaemonJoinsTheDomainPackages(t *testing.T) {
	check := func(template string, allowed ...map[string][]string) {
		for importer, all := range imports(t, template) {
			for _, imported := range all {
				domain := domainOf(imported)
				may := slices.ContainsFunc(allowed, func(list map[string][]string) bool {
					return slices.Contains(list[importer], domain)
				})
				if domain != "" && domainOf(importer) == "" && !may {
					t.Errorf("%s imports %s", importer, imported)
				}
			}
		}
	}
	check(direct, joins)
	check(inTests, joins, testJoins)
}

// A folder says what is in it.
func TestNoFolderForOddsAndEnds(t *testing.T) {
	banned := []string{"util", "utils", "common", "types", "pkg", "misc", "helper", "helpers"}
	err := fs.WalkDir(os.DirFS(root), ".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && slices.Contains(banned, entry.Name()) {
			t.Errorf("there is a folder %s", path)
		}
		if entry.IsDir() && entry.Name() == ".git" {
			return fs.SkipDir
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// With CI set, to whatever, no test may skip. All that look do so alike.
func TestSkipsAskForCIAlike(t *testing.T) {
	look := regexp.MustCompile(`Getenv\("CI"\)(.{6})`)
	seen := 0
	err := fs.WalkDir(os.DirFS(root), ".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || path == "cmd/internal/daemon/tree_test.go" {
			return err
		}
		text, err := fs.ReadFile(os.DirFS(root), path)
		for _, found := range look.FindAllStringSubmatch(string(text), -1) {
			seen++
			if found[1] != ` != ""` {
				t.Errorf("%s asks for CI%s", path, found[1])
			}
		}
		return err
	})
	if err != nil || seen == 0 {
		t.Errorf("found %d such tests (%v)", seen, err)
	}
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	for _, dir := range goList(t, "-f", `{{.Dir}}`, "./...") {
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
