package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// Checks go out by a VRF, in a kernel that has them.
func TestKernelVRF(t *testing.T) {
	t.Parallel()
	lab.NeedKernel(t)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	output, err := lab.BootKernel(ctx, lab.Job{
		Binary:  testBinary(t, "./checker", "vrf"),
		Args:    []string{"-test.run", "^TestVRF$", "-test.v"},
		Modules: []string{"veth", "vrf"},
	})
	if err != nil || !strings.Contains(output, "--- PASS: TestVRF ") {
		t.Errorf("%v\n%s", err, output)
	}
}

// testBinary compiles the tests of a package, those with the build tag too, into one
// static binary, stripped as that is faster.
func testBinary(t testing.TB, pkg, tag string) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "tests")
	build := exec.CommandContext(t.Context(), "go", "test", "-c", "-ldflags", "-s -w", "-tags", tag, "-o", file, pkg)
	build.Dir = "../../.."
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("compile the tests of %s: %v\n%s", pkg, err, out)
	}
	return file
}
