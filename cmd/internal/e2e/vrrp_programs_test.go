package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// marker is the program of the start and of the end: it writes which it is, and how many of
// the addresses are there, and fails.
const marker = `#!/bin/sh
here=$(ip -o -4 addr show | grep -c -e 'inet 198.18.[01].100/')
echo "$* with $here" >>%s/marks
exit 3
`

// marking is the reader of the FIFO: it writes with which arguments it is run, and what it reads.
const marking = `#!/bin/sh
echo "$# $1" >>%[1]s/marks
exec cat "$2" >>%[1]s/heard
`

// writeMarkers writes both programs, and returns them and the path of the FIFO.
func writeMarkers(t *testing.T, s setup) (program, reader, fifo string) {
	t.Helper()
	must(t, os.MkdirAll(s.dir, 0o755))
	path := func(name string) string { return filepath.Join(s.dir, name) }
	must(t, os.WriteFile(path("mark"), fmt.Appendf(nil, marker, s.dir), 0o755))
	must(t, os.WriteFile(path("read"), fmt.Appendf(nil, marking, s.dir), 0o755))
	return path("mark"), path("read"), path("fifo")
}

// markingKeepalived is keepalived with programs at the start and at the end, and a FIFO with
// a reader.
func markingKeepalived() implementation {
	i := keepalived
	i.prepare = func(t *testing.T, s setup) *lab.Daemon {
		t.Helper()
		program, reader, fifo := writeMarkers(t, s)
		globals := fmt.Sprintf("global_defs {\n\tscript_user root\n\tenable_script_security\n"+
			"\tstartup_script \"%[1]s begins\"\n\tshutdown_script \"%[1]s ends\"\n"+
			"\tvrrp_notify_fifo %[3]s\n\tvrrp_notify_fifo_script \"%[2]s own\"\n", program, reader, fifo)
		d, err := lab.NewKeepalived(s.host, s.dir, strings.Replace(keepalivedConf(s), "global_defs {\n", globals, 1))
		must(t, err)
		return d
	}
	return i
}

// markingPerch is perch with the same.
func markingPerch() implementation {
	i := perch
	i.prepare = func(t *testing.T, s setup) *lab.Daemon {
		t.Helper()
		program, reader, fifo := writeMarkers(t, s)
		d := preparePerch(t, s)
		file := filepath.Join(s.dir, "perch.toml")
		text, err := os.ReadFile(file)
		must(t, err)
		node := fmt.Sprintf("[node]\nstart_program = [%[1]q, \"begins\"]\nstop_program = [%[1]q, \"ends\"]\n", program)
		changed := strings.Replace(string(text), "[node]\n", node, 1)
		changed += fmt.Sprintf("\n[[notify]]\non = [\"master\", \"backup\", \"fault\", \"stop\"]\nfifo = %q\nreader = [%q, \"own\"]\nuser = \"root\"\n", fifo, reader)
		must(t, os.WriteFile(file, []byte(changed), 0o600))
		return d
	}
	return i
}

// keepalived and perch run the same programs at the start, before an address is there, and at
// the end, when none is any more, go on though these fail, and have a program read the FIFO.
func TestVRRPProgramsOfStartAndEnd(t *testing.T) {
	t.Parallel()
	for _, implementation := range []implementation{markingKeepalived(), markingPerch()} {
		t.Run(implementation.name, func(t *testing.T) {
			t.Parallel()
			s := newSegment(t, running(implementation, newVirtual(100, unhurried)))
			node := s.members[0]
			read := func(name string) string {
				text, _ := os.ReadFile(filepath.Join(node.dir, name))
				return string(text)
			}
			s.start(node)
			s.masterIs(node)
			s.eventually("the reader has all lines", func() bool {
				return read("heard") == "INSTANCE \"gw\" BACKUP 100\nINSTANCE \"gw\" MASTER 100\n"
			})
			s.stop(node)
			if diff := cmp.Diff("begins with 0\n2 own\nends with 0\n", read("marks")); diff != "" {
				t.Errorf("marks (-want +got):\n%s", diff)
			}
			if node.name == perch.name && !strings.HasSuffix(read("heard"), "INSTANCE \"gw\" STOP 100\n") {
				t.Errorf("the reader has not heard of the end: %q", read("heard"))
			}
		})
	}
}
