package e2e

import (
	"crypto/sha256"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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
	sums := map[string][sha256.Size]byte{}
	for range 2 {
		dir := t.TempDir()
		must(t, os.Chtimes(unitFolder+"/perch.service", time.Time{}, time.Now()))
		makePackages(t, dir, "perch", "v0.1.0")
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
