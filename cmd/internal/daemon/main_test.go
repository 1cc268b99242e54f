package daemon

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"
)

// aloneEnv says that this test binary has a network namespace of its own.
const aloneEnv = "PERCH_TEST_ALONE"

// TestMain runs the tests in a network namespace of their own, where that is allowed: only
// one daemon fences VIPs in each, and there may be others beside these tests.
func TestMain(m *testing.M) {
	if os.Geteuid() != 0 || os.Getenv(aloneEnv) != "" {
		os.Exit(m.Run())
	}
	os.Exit(runAlone())
}

// runAlone runs this binary again, and returns its exit code.
func runAlone() int {
	self, err := os.Executable()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	cmd := exec.Command("/bin/sh", slices.Concat([]string{"-c", `ip link set lo up && exec "$0" "$@"`, self}, os.Args[1:])...)
	cmd.Env = append(os.Environ(), aloneEnv+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	err = cmd.Run()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		return max(failed.ExitCode(), 1)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "a network namespace of their own:", err)
		return 1
	}
	return 0
}
