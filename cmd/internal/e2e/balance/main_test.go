//go:build ipvs

package balance

import (
	"flag"
	"os"
	"testing"
	"time"
)

var (
	perchBinary   = flag.String("perch", "", "the static binary of perch")
	exampleFolder = flag.String("example", "", "the folder of the example of a pair of directors")
)

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// patience is for a kernel that is slow, on a machine that has more to do.
const patience = 40 * time.Second

// eventually waits until it is so.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("after %s still not: %s", patience, what)
		}
	}
}

// tempDir is short, unlike that of testing: a socket's path has 107 bytes.
func tempDir(tb testing.TB) string {
	tb.Helper()
	dir, err := os.MkdirTemp("", "bed-")
	must(tb, err)
	tb.Cleanup(func() { _ = os.RemoveAll(dir) }) // the kernel ends soon
	return dir
}
