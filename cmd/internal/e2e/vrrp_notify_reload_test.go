package e2e

import (
	"fmt"
	"slices"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// reloading is a life of a sync group with reloads in it.
type reloading struct {
	*segment
	*listener
	node *member
	told [][]string // the lines of the FIFO, step by step
}

// hears waits until the FIFO has some more lines, which are the next step.
func (r *reloading) hears(lines int) {
	r.segment.t.Helper()
	seen := len(slices.Concat(r.told...))
	r.eventually(fmt.Sprintf("%d lines in the fifo of %s", seen+lines, r.node.Name), func() bool { return len(r.lines()) >= seen+lines })
	r.told = append(r.told, r.lines()[seen:])
}

// reloads has the node reload, which writes some lines.
func (r *reloading) reloads(lines int) {
	r.segment.t.Helper()
	must(r.segment.t, r.node.Process().Signal(syscall.SIGHUP))
	r.hears(lines)
}

// changes waits for some lines of changes, of which those of the members have no order.
func (r *reloading) changes(lines int) {
	r.segment.t.Helper()
	r.hears(lines)
	slices.Sort(r.told[len(r.told)-1])
}

// ranOnly wants the programs to have been run for the changes alone.
func (r *reloading) ranOnly() {
	r.segment.t.Helper()
	for _, subject := range r.node.subjects() {
		for suffix, want := range map[string]int{"any": 5, "backup": 2, "fault": 1, "master": 1, "stop": 1} {
			key := subject + "-" + suffix
			r.eventually(fmt.Sprintf("%d runs of %s", want, key), func() bool { return len(r.ran(key)) >= want })
			if got := r.ran(key); len(got) != want {
				r.segment.t.Errorf("%s has run with %q, want %d runs", key, got, want)
			}
		}
	}
}

// reloadOfMaster is the step of a life in which a master reloads.
const reloadOfMaster = 6

// live has the node be backup, in fault, and master, each with a reload, and end.
func (r *reloading) live(rival *member, masters int) {
	r.segment.t.Helper()
	r.start(rival)
	r.masterIs(rival)
	r.start(r.node)
	r.changes(3)
	r.reloads(3)
	must(r.segment.t, r.node.host.Links()[0].Cut())
	r.changes(3)
	r.reloads(3)
	must(r.segment.t, r.node.host.Links()[0].Splice())
	r.changes(3)
	r.stop(rival)
	r.masterIs(r.node)
	r.changes(3)
	r.reloads(masters)
	r.stop(r.node)
	r.changes(3)
}

// A reload writes the states into the FIFO again, of keepalived and of perch, and runs no
// program. keepalived leaves out the routers that are master.
func TestVRRPNotifyAgainAfterAReload(t *testing.T) {
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
				r := &reloading{segment: s, listener: listen(t, s.members[0]), node: s.members[0]}
				r.live(s.members[1], map[string]int{keepalived.name: 1, perch.name: 3}[implementation.name])
				r.ranOnly()
				said[i] = r.told
			})
		}
	})
	if len(said[0]) != len(said[1]) || len(said[0]) == 0 {
		t.Fatal("there is nothing to compare")
	}
	for step := range said[0] {
		if step != reloadOfMaster {
			if diff := cmp.Diff(said[0][step], said[1][step]); diff != "" {
				t.Errorf("lines of step %d (-keepalived +perch):\n%s", step, diff)
			}
		}
	}
	group := []string{`GROUP "all" MASTER 0`}
	want := [][]string{group, append(group, `INSTANCE "gw" MASTER 100`, `INSTANCE "lan" MASTER 100`)}
	if diff := cmp.Diff(want, [][]string{said[0][reloadOfMaster], said[1][reloadOfMaster]}); diff != "" {
		t.Errorf("lines of the reload of a master (-want +got):\n%s", diff)
	}
}
