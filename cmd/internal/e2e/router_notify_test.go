package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// A [[notify]] that comes and goes with its router is told of all of it, from the state that
// the router begins with to its end.
func TestRouterReloadTellsOfBeginAndEnd(t *testing.T) {
	t.Parallel()
	first := router("first", 51, 100, "198.18.0.101/24")
	second := router("second", 52, 100, "198.18.0.102/24")
	s, n := alone(t, first)
	heard := filepath.Join(n.Dir, "heard")
	told := fmt.Sprintf("\n[[notify]]\non = [\"master\", \"backup\", \"deleted\"]\nvrrp = [\"second\"]\nfifo = %q\nreader = [\"/bin/sh\", \"-c\", 'exec cat \"$0\" >>%s']\nuser = \"root\"\n",
		filepath.Join(n.Dir, "fifo"), heard)
	hears := func(want string) {
		t.Helper()
		s.eventuallySays("the reader has heard "+want, func() bool {
			text, _ := os.ReadFile(heard)
			return string(text) == want
		})
	}
	n.reloads([]string{"198.18.0.102/24 eth0"}, nil, first, second, told)
	hears("INSTANCE \"second\" BACKUP 100\nINSTANCE \"second\" MASTER 100\n")
	n.reloads(nil, []string{"198.18.0.102/24 eth0"}, first)
	hears("INSTANCE \"second\" BACKUP 100\nINSTANCE \"second\" MASTER 100\nINSTANCE \"second\" DELETED 100\n")
}
