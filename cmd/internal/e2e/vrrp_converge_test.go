package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// stubbornHook writes down what it was run for. As the owner it does not end by itself, nor when it
// is asked to, and nor does what it has started, of which one has left its group and one writes
// without end.
const stubbornHook = `#!/bin/sh
cd %s
echo "$# $1 ${PERCH_TERM-none} $PERCH_ABOUT $PERCH_NAME $PERCH_VIPS" >>runs
[ "$1" = owner ] || exit 0
trap '' TERM
yes flood &
setsid sleep 100000 &
while :; do sleep 1; done
`

func hookingPerch() implementation {
	i := perch
	i.prepare = func(t *testing.T, s setup) *lab.Daemon {
		t.Helper()
		d := preparePerch(t, s)
		hook := filepath.Join(s.dir, "hook")
		must(t, os.WriteFile(hook, fmt.Appendf(nil, stubbornHook, s.dir), 0o755))
		file := filepath.Join(s.dir, "perch.toml")
		text, err := os.ReadFile(file)
		must(t, err)
		text = fmt.Appendf(text, "\n[[notify]]\nconverge = [%q]\nuser = \"root\"\ntimeout = \"10m\"\n", hook)
		must(t, os.WriteFile(file, text, 0o600))
		return d
	}
	return i
}

// A hook of a virtual router is told of no term, since there is none. One that hangs, whatever
// it does to stay, delays no other master, is gone before the next is run, and outlasts no end.
func TestVRRPConverge(t *testing.T) {
	t.Parallel()
	s := newSegment(t, running(hookingPerch(), newVirtual(100, unhurried)), running(perch, newVirtual(200, unhurried)))
	node, rival := s.members[0], s.members[1]
	runs := func(want ...string) {
		t.Helper()
		for i := range want {
			want[i] = "1 " + want[i] + " none vrrp gw " + node.vs[0].Addresses[0].String()
		}
		s.eventually(strings.Join(want, ", "), func() bool {
			text, _ := os.ReadFile(filepath.Join(node.dir, "runs"))
			lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
			if len(lines) > len(want) {
				t.Fatalf("the hook was run for\n%s, want\n%s", text, strings.Join(want, "\n"))
			}
			return slices.Equal(lines, want)
		})
	}
	gone := func() bool {
		links, err := filepath.Glob("/proc/[0-9]*/cwd")
		must(t, err)
		return !slices.ContainsFunc(links, func(link string) bool {
			at, _ := os.Readlink(link)
			return at == node.dir
		})
	}
	s.start(node)
	s.masterIs(node)
	runs("standby", "owner")
	s.start(rival)
	s.masterIs(rival)
	runs("standby", "owner", "standby")
	if !gone() {
		t.Error("of the hook of the owner something is left")
	}
	s.stop(rival)
	s.masterIs(node)
	runs("standby", "owner", "standby", "owner")
	s.stop(node)
	s.eventually("nothing of the hook is left", gone)
}
