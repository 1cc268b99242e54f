package e2e

import (
	"crypto/sha256"
	"io/fs"
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

const unitFolder = "../../../deploy/systemd"

// maxExposure is what the unit may expose without drop-ins, in tenths.
const maxExposure = "20"

func TestUnitIsInASandbox(t *testing.T) {
	lab.NeedSystemd(t)
	t.Logf("exposure %s", exposed(t, unitFolder+"/perch.service", "", "--threshold="+maxExposure))
	measured(t, unitFolder+"/perch.service", unitFolder+"/perch.service.d-examples")
}

// What chrony gives up for perch is said as it is.
func TestDropInOfChrony(t *testing.T) {
	lab.NeedSystemd(t)
	measured(t, "/usr/lib/systemd/system/chrony.service", unitFolder+"/chrony.service.d-examples")
}

// measured looks whether each drop-in of a unit says what it exposes.
func measured(t *testing.T, unit, folder string) {
	t.Helper()
	files, err := filepath.Glob(folder + "/*.conf")
	must(t, err)
	if len(files) == 0 {
		t.Fatal("no drop-ins")
	}
	without := exposed(t, unit, "")
	for _, file := range files {
		text, err := os.ReadFile(file)
		must(t, err)
		want := "# Exposure: " + exposed(t, unit, file) + " (without drop-ins " + without + ")\n"
		if !strings.Contains(string(text), want) {
			t.Errorf("%s does not say: %s", file, want)
		}
	}
}

var overall = regexp.MustCompile(`Overall exposure level for [a-z]+.service: ([0-9.]+) `)

// exposed returns the exposure of a unit with a drop-in, or without.
func exposed(t *testing.T, of, dropIn string, args ...string) string {
	t.Helper()
	dir := t.TempDir()
	unit := filepath.Join(dir, filepath.Base(of))
	copyFile(t, of, unit)
	if dropIn != "" {
		must(t, os.Mkdir(unit+".d", 0o755))
		copyFile(t, dropIn, filepath.Join(unit+".d", filepath.Base(dropIn)))
	}
	cmd := exec.Command("systemd-analyze", append(append([]string{"security", "--offline=true"}, args...), unit)...)
	out, err := cmd.CombinedOutput()
	found := overall.FindSubmatch(out)
	if err != nil || found == nil {
		t.Fatalf("systemd-analyze security: %v\n%s", err, out)
	}
	return string(found[1])
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	must(t, err)
	must(t, os.WriteFile(to, text, 0o644))
}

// Versions are sorted as the commits came.
func TestPackageVersions(t *testing.T) {
	lab.NeedDpkg(t)
	versions := []struct{ described, want string }{ // oldest first
		{"unknown", "0~gunknown"},
		{"v0.1.0-rc.1", "0.1.0~rc.1"},
		{"v0.1.0-rc.1-5-gabcdef0", "0.1.0~rc.1+5.gabcdef0"},
		{"v0.1.0-rc.2", "0.1.0~rc.2"},
		{"v0.1.0", "0.1.0"},
		{"v0.1.0-2-gabcdef0", "0.1.0+2.gabcdef0"},
		{"v0.1.0-10-g0123456", "0.1.0+10.g0123456"},
		{"v0.1.0-10-g0123456-dirty", "0.1.0+10.g0123456.dirty"},
		{"v0.1.1", "0.1.1"},
	}
	before := ""
	for _, v := range versions {
		out, err := exec.Command("../../../deploy/package/version", v.described).Output()
		must(t, err)
		got := strings.TrimSpace(string(out))
		if got != v.want {
			t.Errorf("%s: %s, want %s", v.described, got, v.want)
		}
		if before != "" {
			if err := exec.Command("dpkg", "--compare-versions", before, "lt", got).Run(); err != nil {
				t.Errorf("%s is not older than %s", before, got)
			}
		}
		before = got
	}
}

// The same sources make the same packages, whenever and wherever that is.
func TestPackagesAreReproducible(t *testing.T) {
	t.Parallel()
	lab.NeedMake(t)
	lab.NeedDpkg(t)
	lab.NeedRPM(t)
	sums := map[string][sha256.Size]byte{}
	for range 2 {
		dir := t.TempDir()
		must(t, os.Chtimes(unitFolder+"/perch.service", time.Time{}, time.Now()))
		makePackages(t, dir, "perch", "v0.1.0")
		wantContents(t, dir)
		for _, file := range []string{"perch.deb", "perch.rpm"} {
			text, err := os.ReadFile(filepath.Join(dir, file))
			must(t, err)
			sum := sha256.Sum256(text)
			if before, known := sums[file]; known && before != sum {
				t.Errorf("%s differs", file)
			}
			sums[file] = sum
		}
	}
}

// contents is what lists a package: the mode, the owner and the name of each file.
var contents = map[string]string{
	"perch.deb": `dpkg-deb --contents "$1" | awk '{ print $1, $2, substr($NF, 2) }'`,
	"perch.rpm": `rpm -qp --nosignature --qf '[%{FILEMODES:perms} %{FILEUSERNAME}/%{FILEGROUPNAME} %{FILENAMES}\n]' "$1"`,
}

// trees are folders of which only the number of files counts: it is that of the sources.
func trees(t *testing.T) map[string]int {
	t.Helper()
	pages := len(commandsOf(t)) + len([]string{"perch"})
	return map[string]int{
		"/usr/share/man/man1/": pages, "/usr/share/doc/perch/docs/": filesBelow(t, "../../../docs"),
		"/usr/share/perch/examples/": filesBelow(t, "../../../deploy/examples"),
	}
}

func filesBelow(t *testing.T, folder string) (n int) {
	t.Helper()
	must(t, filepath.WalkDir(folder, func(_ string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			n++
		}
		return err
	}))
	return n
}

// wantContents compares what is in both packages with golden files: all but folders, of which
// just that of the config is perch's to make.
func wantContents(t *testing.T, dir string) {
	t.Helper()
	for file, list := range contents {
		out, err := exec.Command("sh", "-c", list, "sh", filepath.Join(dir, file)).Output()
		must(t, err)
		var got []string
		for line := range strings.Lines(string(out)) {
			if !strings.HasPrefix(line, "d") || strings.Contains(line, " /etc/perch") {
				got = append(got, line)
			}
		}
		for tree, want := range trees(t) {
			all := len(got)
			got = slices.DeleteFunc(got, func(line string) bool { return strings.Contains(line, " root/root "+tree) })
			if n := all - len(got); n != want {
				t.Errorf("in %s there are %d files below %s, want %d", file, n, tree, want)
			}
		}
		slices.Sort(got)
		golden, err := os.ReadFile(filepath.Join("testdata/packages", file+".txt"))
		if list := strings.Join(got, ""); err != nil || list != string(golden) {
			t.Errorf("in %s there is (%v)\n%s", file, err, list)
		}
	}
}
