package cluster

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/perch-vip/perch/cluster/state"
)

// remembering makes the owner write something that must not get lost.
func (g *group) remembering() {
	g.t.Helper()
	owner := g.owner()
	if err := errors.Join(owner.SetDrained(state.Drain{Node: "lb9", Drained: true}), owner.Claim(owner.View().Term, state.Outage{})); err != nil {
		g.t.Fatal(err)
	}
	g.eventually("all know", func() bool {
		for _, m := range g.members {
			if len(m.State().History) == 0 {
				return false
			}
		}
		return true
	})
}

// A node that was started anew knows that it is yet to be told what it knew: an empty history
// is not one without moves.
func TestNodeRecollectsOnceALeaderTells(t *testing.T) {
	g := newGroup(t, 3)
	g.startAll()
	g.remembering()
	for _, p := range g.peers {
		if m := g.members[p.Name]; !m.Recollects() {
			t.Errorf("%s does not know what it has never forgotten", p.Name)
		}
	}
	g.stop()
	alone := g.start("lb1")
	g.eventually("it takes part", func() bool { return alone.View().Role == Candidate })
	if alone.Recollects() || len(alone.State().History) > 0 {
		t.Errorf("without a leader it says that it recollects %+v", alone.State().History)
	}
	g.start("lb2")
	g.eventually("a leader tells", alone.Recollects)
	if len(alone.State().History) == 0 {
		t.Error("it was told, and knows no history")
	}
}

// recovers makes a stopped node the only member.
func (g *group) recovers(name string) *Recovery {
	g.t.Helper()
	r, err := OpenRecovery(g.config(name))
	if err != nil {
		g.t.Fatal(err)
	}
	if err := errors.Join(r.Rewrite(), r.Close()); err != nil {
		g.t.Fatal(err)
	}
	return r
}

// The last of three founds nothing new: it goes on with what it has, and the others
// come back as newcomers.
func TestRecover(t *testing.T) {
	g := newGroup(t, 3)
	g.startAll()
	g.remembering()
	before := g.members["lb1"].State().History[0]
	g.stop()
	for _, name := range []string{"lb2", "lb3"} {
		g.wipe(name)
	}
	if r := g.recovers("lb1"); len(r.Members) != 3 || len(r.Memory.History) != 1 || r.Index == 0 || r.Term == 0 {
		t.Errorf("%+v", r)
	}
	lb1 := g.start("lb1")
	if owner := g.owner(); owner != lb1 || !lb1.Drained("lb9") {
		t.Errorf("%s owns, lb9 is drained: %t", owner.cfg.Node, lb1.Drained("lb9"))
	}
	if err := lb1.Claim(lb1.View().Term, state.Outage{}); err != nil {
		t.Fatal(err)
	}
	moves := lb1.State().History
	if len(moves) != 2 || moves[0] != before {
		t.Errorf("history %+v, before it began with %+v", moves, before)
	}
	if last := moves[len(moves)-1]; before.To != "lb1" && last.Reason != "perch recover on lb1" {
		t.Errorf("the move is explained by %q", last.Reason)
	}
	for i, name := range []string{"lb2", "lb3"} {
		m := g.start(name)
		g.waits(m, "run `perch join` there")
		g.joins(m, "")
		g.votes(i + 2)
	}
	g.recoverTwice(lb1)
}

// recoverTwice recovers from a snapshot with a log behind it.
func (g *group) recoverTwice(m *member) {
	name := m.cfg.Node
	g.eventually("it knows all", func() bool { return m.View().Quorum })
	g.stop()
	if r := g.recovers(name); len(r.Members) != 3 || len(r.Memory.History) != 2 {
		g.t.Errorf("%+v", r)
	}
	if owner := g.start(name); g.owner() != owner || !owner.Drained("lb9") {
		g.t.Error("what was recovered once does not recover again")
	}
}

// One of the others that was only stopped finds out that it is no member.
func TestRecoveredWithoutAnotherThatKeptItsData(t *testing.T) {
	g := newGroup(t, 3)
	g.startAll()
	g.remembering()
	g.stop()
	g.recovers("lb1")
	lb1 := g.start("lb1")
	if g.owner() != lb1 {
		t.Error("lb1 does not own")
	}
	g.waits(g.start("lb2"), "is no member of it any more")
	g.joins(g.members["lb2"], "")
	g.votes(2)
}

func TestRecoverRefuses(t *testing.T) {
	g := newGroup(t, 3)
	refused := func(cfg Config, want string) {
		t.Helper()
		r, err := OpenRecovery(cfg)
		if err == nil {
			r.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	refused(g.config("lb1"), ErrNothingToRecover.Error())
	if _, err := os.Stat(g.config("lb1").Dir); err == nil {
		t.Error("it made a data directory")
	}
	stranger := g.config("lb1")
	stranger.Node = "lb9"
	refused(stranger, `this node, "lb9", is not one of its peers`)

	waiting := g.start("lb1")
	refused(g.config("lb1"), "another perch daemon is using it")
	g.waits(waiting, "lb2, lb3")
	g.kill("lb1")
	refused(g.config("lb1"), ErrNothingToRecover.Error()) // it never took part

	g.startAll()
	g.owner()
	g.stop()
	other := g.config("lb1")
	other.Name = "inside"
	refused(other, "belongs to node lb1 of cluster edge")
	other = g.config("lb2")
	other.Dir = g.config("lb1").Dir
	refused(other, "belongs to node lb1 of cluster edge")
}

// Until Rewrite is called the cluster is as it was.
func TestRecoverOnlyReadsAtFirst(t *testing.T) {
	g := newGroup(t, 3)
	g.startAll()
	g.remembering()
	g.stop()
	for range 2 {
		r, err := OpenRecovery(g.config("lb1"))
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil || len(r.Members) != 3 {
			t.Errorf("%+v, %v", r.Members, err)
		}
	}
	g.startAll()
	g.owner()
	g.votes(3)
}
