package cluster

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// joins makes a node a member.
func (g *group) joins(m *member, via string) {
	g.t.Helper()
	g.patiently(m.cfg.Node+" joins", func(ctx context.Context) error { return m.Join(ctx, via) })
}

// removes takes a node out of the cluster.
func (g *group) removes(m *member, name string) {
	g.t.Helper()
	g.patiently(name+" is removed", func(ctx context.Context) error {
		err := m.Remove(ctx, name)
		if errors.Is(err, ErrNotMember) {
			return nil // an earlier attempt did it
		}
		return err
	})
}

// A node that was removed while it did not run finds out, disturbs nobody, and comes
// back when it is told to.
func TestNodeRemovedWhileDown(t *testing.T) {
	g := newGroup(t, 3)
	g.heartbeat = time.Second // a busy machine must not cause an election
	g.startAll()
	owner := g.owner()
	gone := g.others(owner)[0].cfg.Node
	g.kill(gone)
	g.removes(owner, gone)
	term := owner.View().Term
	m := g.start(gone)
	g.waits(m, "is no member of it any more")
	if m.member.Load() || !m.View().Left {
		t.Errorf("it takes part: %+v", m.View())
	}
	g.kill(gone)
	m = g.start(gone)
	g.waits(m, "is no member of it any more")
	if now := g.owner(); now != owner || now.View().Term != term {
		t.Errorf("%s owns in term %d, before it was %s in term %d", now.cfg.Node, now.View().Term, owner.cfg.Node, term)
	}
	g.joins(m, "")
	g.votes(3)
	if v := m.View(); v.Left || v.Waiting != "" {
		t.Errorf("after it has joined: %+v", v)
	}
	g.joins(m, "") // is one already
	g.joins(owner, "")
}

// One that leaves has no vote, also after another start, and knows that it left.
func TestNodeThatLeftStaysOut(t *testing.T) {
	g := newGroup(t, 3)
	g.startAll()
	owner := g.owner()
	name := owner.cfg.Node
	g.removes(owner, name)
	g.waits(owner, "is no member of it any more")
	g.kill(name)
	m := g.start(name)
	g.waits(m, "is no member of it any more")
	if m.member.Load() {
		t.Error("it votes after another start")
	}
	g.votes(2)
}

// A node whose list names nobody that runs asks at an address, and learns of the
// members there.
func TestJoinViaAnAddress(t *testing.T) {
	g := newGroup(t, 5)
	all := slices.Clone(g.peers)
	g.peers = all[:3]
	g.startAll()
	g.owner()
	g.peers = []Peer{all[3], all[4]} // lb5 never runs
	m := g.start("lb4")
	g.waits(m, "waits for lb5")
	g.joins(m, all[1].Address.String())
	g.votes(4)
	g.kill("lb4")
	m = g.start("lb4") // without the address
	g.eventually("lb4 follows", func() bool { return m.View().Quorum && m.Waiting() == "" })
}

func TestJoinViaAnAddressNeedsTheSecret(t *testing.T) {
	x := newTalking()
	x.cfg.Credentials = &Credentials{dated: true}
	if err := x.Join(t.Context(), "198.18.0.1:7400"); !errors.Is(err, ErrViaCA) {
		t.Errorf("%v", err)
	}
}

// At an address a node of another cluster or with another secret is not believed, and
// under an operator's CA nobody is.
func TestAskAtAnAddressBelievesNoStranger(t *testing.T) {
	g := newGroup(t, 2)
	lb1 := g.start("lb1")
	asks := func(c *Credentials) error {
		cfg := g.config("lb2")
		cfg.Credentials = c
		self, _ := cfg.peer("lb2")
		x := newNode(cfg, self)
		x.port = newPort(cfg, self, x.peers)
		name, _, err := x.askAt(t.Context(), lb1.self.Address.String(), question{})
		if err == nil && name != "lb1" {
			t.Errorf("lb1 calls itself %q", name)
		}
		return err
	}
	dated := credentials(t, secret, "edge", "lb2")
	dated.dated = true
	for _, tt := range []struct {
		name string
		c    *Credentials
		want error
	}{
		{"its own", credentials(t, secret, "edge", "lb2"), nil},
		{"another secret", credentials(t, append([]byte("x"), secret...), "edge", "lb2"), errOtherSecret},
		{"another cluster", credentials(t, secret, "inside", "lb2"), errOtherCluster},
		{"an operator's CA", dated, ErrViaCA},
	} {
		if err := asks(tt.c); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
}

// Under an operator's CA a node must be listed by the members before it joins, and
// learns from those it lists of one that it does not.
func TestJoinUnderAnOperatorsCA(t *testing.T) {
	g := newGroup(t, 4)
	g.dated = true
	all := slices.Clone(g.peers)
	g.peers = all[:3]
	g.startAll()
	g.owner()
	g.peers = []Peer{all[0], all[3]}
	m := g.start("lb4")
	g.waits(m, "waits for lb1 (it does not let this node in: ")
	g.kill("lb4")
	for _, p := range all[:3] {
		g.kill(p.Name)
		g.peers = all
		g.start(p.Name)
		g.owner()
	}
	g.peers = []Peer{all[0], all[3]}
	g.joins(g.start("lb4"), "")
	g.votes(4)
}

func TestJoinSaysWhatItWaitsFor(t *testing.T) {
	g := newGroup(t, 3)
	m := g.start("lb1")
	g.waits(m, "waits for lb2, lb3")
	ctx, cancel := context.WithTimeout(t.Context(), 50*ms)
	defer cancel()
	if err := m.Join(ctx, ""); !errors.Is(err, ErrNotYet) || !strings.Contains(err.Error(), "lb1 waits for lb2, lb3") {
		t.Errorf("%v", err)
	}
}

// Only a leader with a lease knows who is a member.
func TestStanding(t *testing.T) {
	g := newGroup(t, 3)
	g.startAll()
	owner := g.owner()
	other := g.others(owner)[0]
	is := func(of *member, name string) standing { return of.standingOf(of.raft.Load(), name) }
	g.eventually("the leader knows", func() bool {
		return is(owner, "lb9") == outside && is(owner, other.cfg.Node) == votes
	})
	if got := is(other, "lb9"); got != noVoice {
		t.Errorf("a follower says %q", got)
	}
	for _, m := range g.others(owner) {
		g.kill(m.cfg.Node)
	}
	g.eventually("a leader without a lease knows no more", func() bool { return is(owner, "lb9") == noVoice })
}

// yielding is a disk that lets others run after each note.
type yielding struct{ *memory }

func (y yielding) setNote(key string, value []byte) error {
	defer runtime.Gosched()
	return y.memory.setNote(key, value)
}

// Invited and removed at once, a node is what it has written down: else it would be none
// any more after another start, and the cluster would miss a vote that it counts.
func TestWhatANodeIsItHasWrittenDown(t *testing.T) {
	x := newTalking()
	disk := newMemory()
	x.store = yielding{disk}
	for range 1000 {
		var both sync.WaitGroup
		both.Go(func() { x.resign() })
		both.Go(func() { x.takePart() })
		both.Wait()
		if stage := disk.notes[keyStage]; x.member.Load() != bytes.Equal(stage, stageMember) || x.member.Load() == x.left.Load() {
			t.Fatalf("a member: %t, left: %t, and wrote down %q", x.member.Load(), x.left.Load(), stage)
		}
	}
}
