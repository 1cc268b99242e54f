//go:build ipvs

package balance

import (
	"flag"
	"os"
	"testing"
	"time"
)

var perchBinary = flag.String("perch", "", "the static binary of perch")

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// eventually waits until it is so. The limit is for a kernel that is slow.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("after 20 s still not: %s", what)
		}
	}
}

// tempDir is short, unlike that of testing: a socket's path has 107 bytes.
func tempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "bed-")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) }) // the kernel ends soon
	return dir
}
