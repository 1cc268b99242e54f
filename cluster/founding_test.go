package cluster

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"github.com/perch-vip/perch/cluster/state"
)

// waits waits until a node says that it waits for something with text in it.
func (g *group) waits(m *member, text string) {
	g.t.Helper()
	g.eventually(m.cfg.Node+" waits for "+text, func() bool { return strings.Contains(m.Waiting(), text) })
}

// wipe empties the data directory of a node that does not run.
func (g *group) wipe(name string) {
	if err := os.RemoveAll(g.config(name).Dir); err != nil {
		g.t.Fatal(err)
	}
}

func TestClusterIsFoundedOnceAllNodesAreThere(t *testing.T) {
	g := newGroup(t, 3)
	lb1 := g.start("lb1")
	lb2 := g.start("lb2")
	g.waits(lb1, "lb3")
	g.waits(lb2, "lb3")
	if owners := g.owners(); len(owners) > 0 {
		t.Errorf("%v owns before all nodes were there", owners)
	}
	g.start("lb3")
	g.owner()
	for name, m := range g.members {
		g.eventually(name+" takes part", func() bool { return m.Waiting() == "" && m.member.Load() })
	}
}

func TestFoundersMustHaveOneList(t *testing.T) {
	g := newGroup(t, 3)
	lb1 := g.start("lb1")
	g.start("lb2")
	other := &group{t: t, members: g.members, dir: g.dir, peers: slices.Clone(g.peers)}
	other.peers = append(other.peers, Peer{Name: "lb4", Address: g.peers[0].Address})
	other.start("lb3")
	g.waits(lb1, "cannot found the cluster: lb3 lists the peers ")
}

// A node that was asked while it was new and then did not found is a founder all the
// same; one whose data directory is another since is not.
func TestHowANodeBegins(t *testing.T) {
	x := newTalking()
	x.birth = "one"
	list := members(x.cfg.bootstrap())
	fresh := answer{List: list}
	tests := []struct {
		name     string
		answers  map[string]answer
		failures []string
		want     verdict
		why      string
	}{
		{"all are new", map[string]answer{"lb2": fresh, "lb3": fresh}, nil, founds, ""},
		{"one is not there", map[string]answer{"lb2": fresh}, []string{"lb3"}, notYet, "waits for lb3: "},
		{"nobody is there", nil, []string{"lb3", "lb2"}, notYet, "waits for lb2, lb3: "},
		{"another list", map[string]answer{"lb2": fresh, "lb3": {List: "lb9"}}, nil, notYet, "cannot found the cluster: lb3 lists"},
		{"another has founded with this one", map[string]answer{"lb2": fresh, "lb3": {List: list, Member: true, Founders: map[string]string{"lb1": "one"}}}, nil, founds, ""},
		{"the same, and one is not there", map[string]answer{"lb3": {List: list, Member: true, Founders: map[string]string{"lb1": "one"}}}, []string{"lb2"}, founds, ""},
		{"founded with an earlier directory", map[string]answer{"lb2": fresh, "lb3": {List: list, Member: true, Founders: map[string]string{"lb1": "another"}}}, nil, comesLater, ""},
		{"a cluster at work", map[string]answer{"lb3": {List: list, Member: true}}, []string{"lb2"}, comesLater, ""},
		{"one has left, one is new", map[string]answer{"lb2": {List: "lb9", Late: true}, "lb3": fresh}, nil, comesLater, ""},
		{"one has lost its directory since it founded with this one", map[string]answer{"lb2": {List: list, Late: true}, "lb3": {List: list, Member: true, Founders: map[string]string{"lb1": "one"}}}, nil, founds, ""},
		{"one was admitted, one founded", map[string]answer{"lb2": {List: list, Member: true, Founders: map[string]string{"lb1": "one"}}, "lb3": {Member: true}}, nil, comesLater, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			failures := make(map[string]error)
			for _, name := range tt.failures {
				failures[name] = errNoRoute
			}
			got, why := x.judge(tt.answers, failures)
			if got != tt.want || !strings.HasPrefix(why, tt.why) || (why == "") != (tt.why == "") {
				t.Errorf("verdict %d, %q", got, why)
			}
		})
	}
}

// A node that has lost its data is admitted anew by the others, and knows again what
// the cluster remembers.
func TestNodeThatLostItsDataIsAdmittedAnew(t *testing.T) {
	g := newGroup(t, 3)
	g.startAll()
	owner := g.owner()
	lost := g.others(owner)[0].cfg.Node
	if err := owner.SetDrained(state.Drain{Node: "lb9", Drained: true}); err != nil {
		t.Fatal(err)
	}
	g.kill(lost)
	g.wipe(lost)
	m := g.start(lost)
	if m.member.Load() {
		t.Error("a node without data votes at once")
	}
	g.eventually("it is admitted", func() bool { return m.member.Load() })
	if !m.Drained("lb9") {
		t.Error("it votes without knowing what the cluster remembers")
	}
	g.eventually("it is a voter", func() bool { return slices.Contains(g.owner().View().Voters, lost) })
	g.kill(lost)
	if again := g.start(lost); again.Waiting() != "" {
		t.Errorf("after another start it waits: %s", again.Waiting())
	}
}

// Two that have lost their data do not found a second history beside the third.
func TestTwoThatLostTheirDataFoundNothing(t *testing.T) {
	g := newGroup(t, 3)
	g.startAll()
	g.owner()
	g.stop()
	g.wipe("lb2")
	g.wipe("lb3")
	g.startAll()
	for _, name := range []string{"lb2", "lb3"} {
		m := g.members[name]
		g.waits(m, "only 1 of 3 nodes have the cluster's data: it has lost its majority and does not come back by itself; see `perch recover`")
		if m.member.Load() {
			t.Errorf("%s votes without data", name)
		}
	}
	lb1 := g.members["lb1"]
	g.eventually("the third says so", func() bool { return strings.Contains(lb1.View().Stuck, "only 1 of 3 nodes have the cluster's data") })
	if owners := g.owners(); len(owners) > 0 {
		t.Errorf("%v owns", owners)
	}
}

// A group is lost only when those without data are so many, whoever else comes back. Who is
// about to found it with the node that asks has lost nothing.
func TestWhenAMajorityIsLost(t *testing.T) {
	with, without := answer{Member: true, Birth: "new"}, answer{Birth: "new"}
	begins, late := answer{Birth: "old"}, answer{Birth: "old", Late: true}
	three := []string{"lb1", "lb2", "lb3"}
	tests := []struct {
		name    string
		voters  []string
		member  bool // lb1, which asks
		answers map[string]answer
		want    bool
	}{
		{"all have theirs", three, true, map[string]answer{"lb2": with, "lb3": with}, false},
		{"one lost it", three, true, map[string]answer{"lb2": without, "lb3": with}, false},
		{"one lost it, one is down", three, true, map[string]answer{"lb2": without}, false},
		{"two lost it", three, true, map[string]answer{"lb2": without, "lb3": without}, true},
		{"two are about to begin", three, true, map[string]answer{"lb2": begins, "lb3": begins}, false},
		{"one lost it, one is about to begin", three, true, map[string]answer{"lb2": without, "lb3": begins}, false},
		{"two are members no more", three, true, map[string]answer{"lb2": late, "lb3": late}, true},
		{"two give no birth", three, true, map[string]answer{"lb2": {}, "lb3": {}}, true},
		{"itself and another lost it", three, false, map[string]answer{"lb2": without, "lb3": with}, true},
		{"itself lost it", three, false, map[string]answer{"lb2": with}, false},
		{"newcomers do not count", []string{"lb2"}, false, map[string]answer{"lb2": with, "lb3": without, "lb4": without}, false},
		{"two of four", []string{"lb1", "lb2", "lb3", "lb4"}, true, map[string]answer{"lb2": without, "lb3": without}, true},
		{"nobody knows", nil, false, map[string]answer{"lb2": without}, false},
	}
	n := &Node{}
	n.founders.Store(&map[string]string{"lb1": "old", "lb2": "old", "lb3": "old"})
	for _, tt := range tests {
		if got := lostMajority(tt.voters, "lb1", tt.member, n.withoutData(tt.answers)); (got != nil) != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

func TestNewcomerNeitherVotesNorGrants(t *testing.T) {
	x := newTalking()
	x.member.Store(false)
	if got := x.grantTo("lb2", 7); got != 0 {
		t.Errorf("a newcomer grants %s", got)
	}
	for _, command := range []any{&raft.RequestVoteRequest{Term: 8}, &raft.RequestPreVoteRequest{Term: 8}, &raft.TimeoutNowRequest{}} {
		if out := x.relayed(command); !errors.Is(out.Error, errNewcomer) {
			t.Errorf("%T: %+v", command, out)
		}
	}
}

// votes waits until the owner counts so many voters.
func (g *group) votes(want int) {
	g.t.Helper()
	g.eventually("the right number of voters", func() bool { return len(g.owner().View().Voters) == want })
}

// patiently repeats what may fail because leadership changes hands just then.
func (g *group) patiently(what string, do func(ctx context.Context) error) {
	g.t.Helper()
	g.eventually(what, func() bool {
		ctx, cancel := context.WithTimeout(g.t.Context(), 10*time.Second)
		defer cancel()
		err := do(ctx)
		if err != nil {
			g.t.Logf("%s: %v", what, err)
		}
		return err == nil
	})
}

func TestJoinAndRemove(t *testing.T) {
	g := newGroup(t, 5)
	all := g.peers
	g.peers = all[:3]
	g.startAll()
	g.owner()
	for i := 3; i < 5; i++ {
		g.peers = all[:i+1]
		m := g.start(all[i].Name)
		g.waits(m, "to make it one, run `perch join` there")
		g.patiently(all[i].Name+" joins", func(ctx context.Context) error { return m.Join(ctx, "") })
		g.votes(i + 1)
	}
	for i := 4; i >= 3; i-- {
		name := all[i].Name
		g.patiently(name+" leaves", func(ctx context.Context) error {
			err := g.members[name].Remove(ctx, name)
			if err != nil && strings.Contains(err.Error(), ErrNotMember.Error()) {
				return nil // the last attempt did it
			}
			return err
		})
		g.kill(name)
		g.votes(i)
	}
	if err := g.members["lb1"].Remove(t.Context(), "lb5"); err == nil {
		t.Error("a node that is no member was removed")
	}
}

// The one that leads hands over before it leaves.
func TestOwnerLeaves(t *testing.T) {
	g := newGroup(t, 3)
	g.startAll()
	owner := g.owner()
	g.patiently("the owner leaves", func(ctx context.Context) error { return owner.Remove(ctx, owner.cfg.Node) })
	g.kill(owner.cfg.Node)
	g.votes(2)
}

// Who is removed must not leave the others without a majority.
func TestRemovalThatWouldEndTheMajorityIsRefused(t *testing.T) {
	g := newGroup(t, 3)
	g.startAll()
	owner := g.owner()
	others := g.others(owner)
	g.kill(others[0].cfg.Node)
	g.eventually("it is missed", func() bool { return owner.contact(others[0].cfg.Node).lost })
	err := owner.remove(t.Context(), others[1].cfg.Node)
	if err == nil || !strings.Contains(err.Error(), "only 1 of the other 2 voters are in touch, which is no majority") {
		t.Errorf("%v", err)
	}
}

// A newcomer neither stands for election nor owns, also if a configuration of old in
// its log has it as the only voter.
func TestNewcomerNeverLeads(t *testing.T) {
	g := newGroup(t, 3)
	peers := g.peers
	g.peers = peers[:1]
	g.start("lb1")
	g.owner()
	g.kill("lb1")
	cfg := g.config("lb1")
	store, err := openStore(cfg.Dir, raftLogger(cfg.Log), func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(store.setNote(keyStage, stageNewcomer), store.Close()); err != nil {
		t.Fatal(err)
	}
	m := g.start("lb1")
	g.eventually("it has begun", func() bool { return m.raft.Load() != nil })
	term := m.raft.Load().CurrentTerm()
	time.Sleep(5 * cfg.Heartbeat) // it would have been elected long since
	if r := m.raft.Load(); r.State() != raft.Follower || r.CurrentTerm() != term {
		t.Errorf("a newcomer is %s in term %d, was in term %d", r.State(), r.CurrentTerm(), term)
	}
	m.setMember(true)
	owner := g.owner()
	owner.member.Store(false)
	if own := owner.Ownership(); own.Until != 0 {
		t.Error("a node that is no member owns")
	}
}

// A voter that would find too few of the members, should it lose its data, must get a
// longer list first: it could found a second cluster.
func TestGrowthWaitsForTheLists(t *testing.T) {
	g := newGroup(t, 3)
	all := g.peers
	g.peers = all[:1]
	g.start("lb1")
	g.owner()
	for i := 1; i < 3; i++ {
		g.peers = all[:i+1]
		g.start(all[i].Name)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := g.members["lb2"].Join(ctx, ""); err != nil {
		t.Fatal(err)
	}
	lb1 := g.members["lb1"]
	var err error
	g.eventually("lb1 says that its list is short", func() bool {
		_, err = lb1.admit(t.Context(), "lb3", "", wish{Address: all[2].Address.String(), Joining: true})
		return !errors.Is(err, ErrNotLeader) && !errors.Is(err, ErrChanging)
	})
	if err == nil || !strings.Contains(err.Error(), "the config of lb1 lists only 1 of the then 3 members") {
		t.Errorf("%v", err)
	}
}

// One round of answers is of different moments.
func TestFoundingTakesTwoRoundsThatAgree(t *testing.T) {
	x := newTalking()
	x.store = newMemory()
	list := members(x.cfg.bootstrap())
	var mu sync.Mutex
	rounds := 0
	x.ask = func(_ context.Context, peer string, _ question) (answer, error) {
		mu.Lock()
		defer mu.Unlock()
		birth := peer
		if peer == "lb2" {
			rounds++
		}
		if peer == "lb2" && rounds == 1 {
			birth = "wiped since"
		}
		return answer{Birth: birth, List: list}, nil
	}
	founder, err := x.found(t.Context())
	if err != nil || !founder || rounds < 3 {
		t.Errorf("founder %t after %d rounds: %v", founder, rounds, err)
	}
	if births := *x.founders.Load(); births["lb2"] != "lb2" {
		t.Errorf("founders %v", births)
	}
}
