//go:build systemd

package packaged

import (
	"flag"
	"os/exec"
	"strings"
	"testing"
	"time"
)

var (
	perchBinary = flag.String("perch", "", "the static binary of perch")
	packages    = flag.String("packages", "", "the folder of the packages: old.deb, new.deb, old.rpm, new.rpm")
)

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// patience is for a kernel that is slow, on a machine that has more to do.
const patience = 60 * time.Second

// eventually waits until it is so.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("after %s still not: %s", patience, what)
		}
	}
}

// run runs a command of the system, which must succeed, and returns what it wrote.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := attempt(name, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return out
}

func attempt(name string, args ...string) (output string, err error) {
	out, err := exec.Command(name, args...).CombinedOutput()
	return string(out), err
}

// property returns what systemd says of the unit.
func property(t *testing.T, name string) string {
	t.Helper()
	return strings.TrimSpace(run(t, "systemctl", "show", "--value", "-p", name, "perch.service"))
}
