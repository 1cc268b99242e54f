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

// kernelTests compiles the tests of a package, those with the build tag too, for a kernel
// of their own, which runs those that match. They go into one static binary, stripped as
// that is faster.
func kernelTests(tb testing.TB, pkg, tag, run string) lab.Job {
	tb.Helper()
	lab.NeedKernel(tb)
	file := filepath.Join(tb.TempDir(), "tests")
	build := exec.CommandContext(tb.Context(), "go", "test", "-c", "-ldflags", "-s -w", "-tags", tag, "-o", file, pkg)
	build.Dir = "../../.."
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		tb.Fatalf("compile the tests of %s: %v\n%s", pkg, err, out)
	}
	return lab.Job{Binary: file, Args: []string{"-test.run", run, "-test.v"}}
}

// passInKernel boots a kernel that runs tests and returns what they wrote. All that run must
// pass, those with the names among them.
func passInKernel(tb testing.TB, tests lab.Job, names ...string) (output string) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), 8*time.Minute)
	defer cancel()
	output, err := lab.BootKernel(ctx, tests)
	if err != nil || !strings.HasSuffix(output, "\nPASS\n") {
		tb.Fatalf("%v\n%s", err, output)
	}
	for _, name := range names {
		if !strings.Contains(output, "--- PASS: "+name+" ") {
			tb.Fatalf("%s did not run:\n%s", name, output)
		}
	}
	return output
}
