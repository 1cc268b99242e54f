package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// The packages on a system with dpkg, rpm and systemd: installed, started, upgraded, purged.
// What perch does is possible in the sandbox of their unit, beside systemd-networkd too.
func TestKernelPackages(t *testing.T) {
	t.Parallel()
	lab.NeedSystem(t)
	lab.NeedMake(t)
	making, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	tree, err := lab.SystemTree(making)
	must(t, err)
	tests := kernelTests(t, "./cmd/internal/e2e/packaged", "systemd", ".")
	dir := filepath.Dir(tests.Binary)
	must(t, os.Link(perchBinary(t), filepath.Join(dir, "perch")))
	makePackages(t, dir, "old", "v0.1.0")
	makePackages(t, dir, "new", "v0.2.0")
	tests.Args = append(tests.Args, "-packages", dir, "-perch", filepath.Join(dir, "perch"))
	tests.Modules = []string{"veth", "bridge", "sch_ingress", "cls_bpf"}
	tests.Tree = tree
	passInKernel(t, tests, "TestDebianPackage", "TestRPMPackage", "TestUnit")
}

// makePackages makes both packages of a version: dir/NAME.deb and dir/NAME.rpm.
func makePackages(t *testing.T, dir, name, version string) {
	t.Helper()
	dist := t.TempDir()
	cmd := exec.Command("make", "-s", "--no-print-directory", "-C", "../../..", "package",
		"DIST="+dist, "BIN="+filepath.Join(dist, "perch"), "VERSION="+version)
	cmd.Env = append(os.Environ(), "MAKEFLAGS=") // of the make that runs this test
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make package: %v\n%s", err, out)
	}
	for _, kind := range []string{"deb", "rpm"} {
		found, err := filepath.Glob(filepath.Join(dist, "*."+kind))
		if err != nil || len(found) != 1 {
			t.Fatalf("packages of kind %s: %v (%v)", kind, found, err)
		}
		must(t, os.Rename(found[0], filepath.Join(dir, name+"."+kind)))
	}
}
