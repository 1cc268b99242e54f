package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// teller is the program that the daemons run: it writes its further arguments, and how many
// of the addresses are there, into a file that is named by the first one.
const teller = `#!/bin/sh
key=$1
shift
here=$(ip -o -4 addr show | grep -c -e 'inet 198.18.[01].100/')
echo "$* with $here" >>%s/$key
`

// states are told by programs of their own, and by one for all of them.
var states = []string{"master", "backup", "fault", "stop"}

// subjects are the names of the virtual routers and of the sync group of a node.
func (s setup) subjects() (names []string) {
	for _, v := range s.vs {
		names = append(names, v.Name)
	}
	if s.synced {
		names = append(names, "all")
	}
	return names
}

func tellingDir(s setup) string { return filepath.Join(s.dir, "told") }

func writeTeller(t *testing.T, s setup) (program, fifo string) {
	t.Helper()
	dir := tellingDir(s)
	must(t, os.MkdirAll(dir, 0o755))
	program, fifo = filepath.Join(dir, "tell"), filepath.Join(dir, "fifo")
	must(t, os.WriteFile(program, fmt.Appendf(nil, teller, dir), 0o755))
	must(t, unix.Mkfifo(fifo, 0o600)) // keepalived replaces one of its own at each reload
	return program, fifo
}

// tellingKeepalived is keepalived with a notify script for each state, one for all, and a FIFO,
// into which a reload writes the states again.
func tellingKeepalived() implementation {
	i := keepalived
	i.prepare = func(t *testing.T, s setup) *lab.Daemon {
		t.Helper()
		program, fifo := writeTeller(t, s)
		scripts := func(of string) (lines string) {
			for _, state := range states {
				lines += fmt.Sprintf("\tnotify_%s \"%s %s-%s own words\"\n", state, program, of, state)
			}
			return lines + fmt.Sprintf("\tnotify \"%s %s-any own words\"\n", program, of)
		}
		conf := strings.Replace(keepalivedConf(s), "global_defs {\n",
			"global_defs {\n\tscript_user root\n\tenable_script_security\n\tvrrp_notify_fifo "+fifo+"\n\tfifo_write_vrrp_states_on_reload\n", 1)
		for _, v := range s.vs {
			head := "vrrp_instance " + v.Name + " {\n"
			conf = strings.Replace(conf, head, head+scripts(v.Name), 1)
		}
		conf = strings.Replace(conf, "vrrp_sync_group all {\n", "vrrp_sync_group all {\n"+scripts("all"), 1)
		d, err := lab.NewKeepalived(s.host, s.dir, conf)
		must(t, err)
		return d
	}
	return i
}

// tellingPerch is perch with the same.
func tellingPerch() implementation {
	i := perch
	i.prepare = func(t *testing.T, s setup) *lab.Daemon {
		t.Helper()
		program, fifo := writeTeller(t, s)
		d := preparePerch(t, s)
		all := `["` + strings.Join(states, `", "`) + `"]`
		more := fmt.Sprintf("\n[[notify]]\non = %s\nfifo = %q\nstates_on_reload = true\n", all, fifo)
		entry := func(key, of, on, suffix, arguments string) {
			more += fmt.Sprintf("\n[[notify]]\non = %s\n%s = [%q]\nexec = [%q, \"%s-%s\", \"own\", \"words\"]\narguments = %q\nuser = \"root\"\n",
				on, key, of, program, of, suffix, arguments)
		}
		scripts := func(key, of string) {
			for _, state := range states {
				entry(key, of, `["`+state+`"]`, state, "none")
			}
			entry(key, of, all, "any", "keepalived")
		}
		for _, v := range s.vs {
			scripts("vrrp", v.Name)
		}
		if s.synced {
			scripts("sync_group", "all")
		}
		file, err := os.OpenFile(filepath.Join(s.dir, "perch.toml"), os.O_APPEND|os.O_WRONLY, 0)
		must(t, err)
		_, err = file.WriteString(more)
		must(t, err)
		must(t, file.Close())
		return d
	}
	return i
}

// listener reads the FIFO of a node, as what is told goes on.
type listener struct {
	t    *testing.T
	dir  string
	fifo int
	said string
}

func listen(t *testing.T, m *member) *listener {
	t.Helper()
	l := &listener{t: t, dir: tellingDir(m.setup)}
	var err error
	l.fifo, err = unix.Open(filepath.Join(l.dir, "fifo"), unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	must(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the fifo has had\n%s", l.said)
		}
		must(t, unix.Close(l.fifo))
	})
	return l
}

// lines returns all lines of the FIFO so far.
func (l *listener) lines() []string {
	b := make([]byte, 1<<16)
	for {
		n, err := unix.Read(l.fifo, b)
		if err == unix.EAGAIN {
			break
		}
		must(l.t, err)
		l.said += string(b[:n])
	}
	if l.said == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(l.said, "\n"), "\n")
}

// ran returns what the program has written for a key.
func (l *listener) ran(key string) []string {
	text, err := os.ReadFile(filepath.Join(l.dir, key))
	if err != nil { // it was not run yet
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

// parts are what a life tells, step by step: see live.
var parts = [][]string{{"BACKUP", "MASTER"}, {"BACKUP"}, {"MASTER"}, {"FAULT"}, {"BACKUP", "MASTER"}, {"STOP"}}

// runsOf returns how often the programs of a subject have been run after so many steps of a
// life, by their keys.
func runsOf(subject string, steps int) map[string]int {
	runs := map[string]int{}
	for _, word := range slices.Concat(parts[:steps]...) {
		runs[subject+"-any"]++
		runs[subject+"-"+strings.ToLower(word)]++
	}
	return runs
}

// live has a node become master, lose that to a rival, be master again, lose its link, have
// it back, and end. It returns the lines of its FIFO, step by step.
func live(s *segment, l *listener, node, rival *member) (told [][]string) {
	s.t.Helper()
	subjects := node.subjects()
	seen, runs := 0, 0
	hear := func() {
		s.t.Helper()
		runs += len(parts[len(told)])
		want := runs * len(subjects)
		s.eventually(fmt.Sprintf("%d lines in the fifo of %s", want, node.Name), func() bool { return len(l.lines()) >= want })
		told = append(told, l.lines()[seen:])
		seen = len(l.lines())
		for _, subject := range subjects { // before what they find becomes another
			for key, want := range runsOf(subject, len(told)) {
				s.eventually(fmt.Sprintf("%d runs of %s", want, key), func() bool { return len(l.ran(key)) >= want })
			}
		}
	}
	s.eventually("the links are up, or it begins in fault", func() bool {
		up, err := node.host.HasLinkLocal()
		must(s.t, err)
		return up
	})
	s.start(node)
	s.masterIs(node)
	hear()
	s.start(rival)
	s.masterIs(rival)
	hear()
	s.stop(rival)
	s.masterIs(node)
	hear()
	must(s.t, node.host.Links()[0].Cut())
	hear()
	must(s.t, node.host.Links()[0].Splice())
	s.masterIs(node)
	hear()
	s.stop(node)
	hear()
	return told
}

// wantRuns wants the programs of a subject to have been run for each state of a life.
func wantRuns(s *segment, l *listener, name, arguments string) {
	s.t.Helper()
	all := slices.Concat(parts...)
	for _, state := range append([]string{"any"}, states...) {
		var want []string
		for _, word := range all {
			here := 0
			if word == "MASTER" {
				here = 1
			}
			switch {
			case state == "any":
				want = append(want, fmt.Sprintf("own words "+arguments+" with %d", word, here))
			case word == strings.ToUpper(state):
				want = append(want, fmt.Sprintf("own words with %d", here))
			}
		}
		key := name + "-" + state
		s.eventually(fmt.Sprintf("%d runs of %s", len(want), key), func() bool { return len(l.ran(key)) >= len(want) })
		if diff := cmp.Diff(want, l.ran(key)); diff != "" {
			s.t.Errorf("%s is run with (-want +got):\n%s", key, diff)
		}
	}
}

// tellers are the daemons that tell the same.
func tellers() []implementation { return []implementation{tellingKeepalived(), tellingPerch()} }

// keepalived and perch run the same programs with the same arguments, when the addresses are
// there or gone, and write the same into a FIFO, byte for byte.
func TestVRRPNotify(t *testing.T) {
	t.Parallel()
	var said [2]string
	t.Run("all", func(t *testing.T) {
		for i, implementation := range tellers() {
			t.Run(implementation.name, func(t *testing.T) {
				t.Parallel()
				s := newSegment(t, running(implementation, newVirtual(100, unhurried)), running(keepalived, newVirtual(200, unhurried)))
				l := listen(t, s.members[0])
				live(s, l, s.members[0], s.members[1])
				wantRuns(s, l, "gw", "INSTANCE gw %s 100")
				said[i] = l.said
			})
		}
	})
	if said[0] != said[1] || said[0] == "" {
		t.Errorf("keepalived writes\n%sand perch\n%s", said[0], said[1])
	}
}

// unhurried leaves programs the time to be run in the order of the states.
var unhurried = every(300 * time.Millisecond)

// The same of a sync group, whose members have no order in each step.
func TestVRRPNotifyOfASyncGroup(t *testing.T) {
	t.Parallel()
	var said [2][][]string
	t.Run("all", func(t *testing.T) {
		for i, implementation := range tellers() {
			t.Run(implementation.name, func(t *testing.T) {
				t.Parallel()
				node := running(implementation, newVirtual(100, unhurried), newVirtual(100, lan, unhurried))
				rival := running(keepalived, newVirtual(200, unhurried), newVirtual(200, lan, unhurried))
				node.synced, rival.synced = true, true
				s := newSegment(t, node, rival)
				l := listen(t, s.members[0])
				said[i] = live(s, l, s.members[0], s.members[1])
				for _, step := range said[i] {
					slices.Sort(step)
				}
				for _, state := range states {
					key, want := "all-"+state, strings.Count(l.said, `GROUP "all" `+strings.ToUpper(state)+" 0\n")
					s.eventually("runs of "+key, func() bool { return len(l.ran(key)) == want })
				}
			})
		}
	})
	if diff := cmp.Diff(said[0], said[1]); diff != "" {
		t.Errorf("lines (-keepalived +perch):\n%s", diff)
	}
}
