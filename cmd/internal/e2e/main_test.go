package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if spec := os.Getenv(nodeEnv); spec != "" {
		if err := beLone(spec); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if spec := os.Getenv(containerEnv); spec != "" {
		fmt.Fprintln(os.Stderr, beContainer(spec))
		os.Exit(1)
	}
	if addr := os.Getenv(webEnv); addr != "" {
		fmt.Fprintln(os.Stderr, beWeb(addr))
		os.Exit(1)
	}
	if kind := os.Getenv(loadEnv); kind != "" {
		fmt.Fprintln(os.Stderr, beLoad(kind))
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if err := os.RemoveAll(binary.dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
		os.Exit(code)
	}))
}

// binary is perch as it is shipped, built by the first test that asks for it.
var binary struct {
	once sync.Once
	dir  string
	err  error
}

func perchBinary(tb testing.TB) string {
	tb.Helper()
	binary.once.Do(func() { binary.err = makeFolder() })
	if binary.err != nil {
		tb.Fatal(binary.err)
	}
	return filepath.Join(binary.dir, "perch")
}

func makeFolder() (err error) {
	if binary.dir, err = os.MkdirTemp("", "perch-e2e-"); err != nil {
		return err
	}
	if err := os.Chmod(binary.dir, 0o755); err != nil { // other users run it too
		return err
	}
	return buildPerch(filepath.Join(binary.dir, "perch"))
}

// buildPerch builds perch at a path, with these variables in the environment.
func buildPerch(path string, environment ...string) error {
	build := exec.Command("make", "-s", "--no-print-directory", "-C", "../../..", "build", "BIN="+path, "VERSION=end-to-end")
	build.Env = append(os.Environ(), "MAKEFLAGS=") // of the make that runs these tests
	build.Env = append(build.Env, environment...)
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build perch: %w\n%s", err, out)
	}
	return nil
}
