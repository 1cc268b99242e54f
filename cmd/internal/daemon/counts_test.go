package daemon

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perch-vip/perch/cluster"
	"github.com/perch-vip/perch/cluster/state"
	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/clock"
	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/cmd/internal/web"
	"github.com/perch-vip/perch/vip/fence"
)

func TestMovesAreCounted(t *testing.T) {
	var m moveCount
	for _, each := range []struct {
		why moveReason
		err error
	}{
		{moveAsked, nil},
		{moveAsked, nil},
		{moveStop, fmt.Errorf("x: %w", cluster.ErrNoSuccessor)},
		{moveDrain, cluster.ErrGivenUp},
		{moveReasonOf(state.CauseHealth), errors.New("disk")},
		{moveReasonOf(state.CausePreempt), nil},
		{moveUnfit, cluster.ErrNotLeader},
		{moveUnfit, cluster.ErrTransferring},
	} {
		m.note(each.why, each.err)
	}
	all := m.all()
	if len(all) != int(moveReasons)*int(moveResults) {
		t.Errorf("%d counts", len(all))
	}
	got := slices.DeleteFunc(all, func(x web.Transfers) bool { return x.Count == 0 })
	want := []web.Transfers{
		{Reason: "asked", Result: "done", Count: 2},
		{Reason: "drain", Result: "given_up", Count: 1},
		{Reason: "stop", Result: "no_successor", Count: 1},
		{Reason: "health", Result: "failed", Count: 1},
		{Reason: "preempt", Result: "done", Count: 1},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestReloadsAreCounted(t *testing.T) {
	var r reloadCount
	at := time.UnixMilli(1_700_000_000_000)
	r.begin(at)
	r.note(errors.New("a mistake"), at.Add(time.Second))
	if got, want := r.all(), (web.Reloads{Refused: 1, Failed: true, Last: at}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	r.note(nil, at.Add(2*time.Second))
	if got, want := r.all(), (web.Reloads{Applied: 1, Refused: 1, Last: at.Add(2 * time.Second)}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// Two [[notify]] of one target are one.
func TestTargetsAreAddedUp(t *testing.T) {
	got := byTarget([]api.Notified{{Target: "a", Told: 1, Failed: 2}, {Target: "b", Dropped: 3}, {Target: "a", Told: 4, Dropped: 5}})
	want := []api.Notified{{Target: "a", Told: 5, Failed: 2, Dropped: 5}, {Target: "b", Dropped: 3}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Why a node is not ready, and why it is.
func TestClusterObstacles(t *testing.T) {
	quorum := cluster.View{Quorum: true}
	for _, tt := range []struct {
		view    cluster.View
		witness bool
		drained bool
		fitness fitness
		want    []string
	}{
		{quorum, false, false, fitness{health: well}, nil},
		{quorum, false, false, fitness{health: unsure}, nil},
		{cluster.View{}, false, false, fitness{}, []string{"cluster: no majority stands behind a leader that this node knows of"}},
		{cluster.View{Left: true}, false, false, fitness{}, []string{"cluster: this node is no member of it any more"}},
		{cluster.View{Stuck: "lost"}, false, false, fitness{}, []string{"cluster: it elects nobody any more: lost"}},
		{cluster.View{Waiting: "waits"}, false, false, fitness{}, []string{"cluster: this node does not take part: it waits"}},
		{cluster.View{Quorum: true, Trouble: "full"}, true, true, fitness{health: sick}, []string{"cluster: this node cannot write its log: full"}},
		{quorum, false, true, fitness{health: sick, reasons: []string{"a failed"}}, []string{
			"cluster: this node is drained", "cluster: this node is sick: a failed",
		}},
	} {
		if diff := cmp.Diff(tt.want, clusterObstacles(tt.view, tt.witness, tt.drained, tt.fitness)); diff != "" {
			t.Errorf("%+v: %s", tt.view, diff)
		}
	}
}

func TestRouterObstacles(t *testing.T) {
	routers := []api.VirtualRouter{
		{Name: "a", State: api.StateMaster},
		{Name: "b", State: api.StateBackup},
		{Name: "c", State: api.StateFault, Reason: "eth1 is down"},
		{Name: "d", State: api.StateInit},
	}
	want := []string{"vrrp: virtual router c is in state fault: eth1 is down", "vrrp: virtual router d is in state init: "}
	if diff := cmp.Diff(want, routerObstacles(glimpse{list: routers, answered: true})); diff != "" {
		t.Error(diff)
	}
	if got := routerObstacles(glimpse{}); len(got) != 1 {
		t.Errorf("of a loop that does not answer: %q", got)
	}
}

// The state of the cluster as metrics have it.
func TestClusterStateOfMetrics(t *testing.T) {
	far, near := web.Peer{Name: "b"}, web.Peer{Name: "c", Reachable: true}
	for _, tt := range []struct {
		view  cluster.View
		peers []web.Peer
		want  string
	}{
		{cluster.View{Left: true, Quorum: true}, nil, api.StateLeft},
		{cluster.View{Quorum: true}, []web.Peer{far, far}, api.StateOK},
		{cluster.View{}, []web.Peer{far, near}, api.StateElecting},
		{cluster.View{}, []web.Peer{far, far}, api.StateNoQuorum},
		{cluster.View{Waiting: "waits"}, []web.Peer{near, near}, api.StateNoQuorum},
		{cluster.View{Stuck: "lost"}, []web.Peer{near, near}, api.StateNoQuorum},
	} {
		if got := clusterState(tt.view, tt.peers); got != tt.want {
			t.Errorf("%+v: %s, want %s", tt.view, got, tt.want)
		}
	}
}

// A loop of virtual routers that owes an answer is not asked again.
func TestGlanceThatIsUnderWay(t *testing.T) {
	var g routerGlance
	if it := g.look(nil, fence.Off); it.list != nil || !it.answered || it.unknown() != 0 {
		t.Errorf("without routers: %+v", it)
	}
	g.looking.Store(true)
	if it := g.look(&routers{}, fence.Off); it.answered {
		t.Error("it was asked again")
	}
}

// Each reason for which an advert is not heeded counts from 0.
func TestAllDropsCount(t *testing.T) {
	list := []api.VirtualRouter{{Adverts: api.Adverts{Dropped: map[string]uint64{"bad TTL": 3}}}}
	got := withAllDrops(list)[0].Adverts.Dropped
	if n, is := got["bad checksum"]; !is || n != 0 || got["bad TTL"] != 3 || len(got) < 20 {
		t.Errorf("%v", got)
	}
}

// A node that is about to end, or whose fence does not hold, is not ready; the fence of a
// witness has nothing to end.
func TestObstaclesOfTheNode(t *testing.T) {
	l := newBalancerLab(t)
	d := measured(t, l.balancer)
	if got := d.obstaclesOf(glimpse{answered: true}, nil, nil); got != nil {
		t.Errorf("of a node on which all is well: %q", got)
	}
	d.supervisor = newSupervisor(nil, func() bool { return true })
	if got := d.obstaclesOf(glimpse{answered: true}, nil, nil); len(got) != 1 || got[0] != "daemon: it is about to end" {
		t.Errorf("of a node that is about to end: %q", got)
	}
	broken := errors.New("gone")
	if got := fenceObstacles(broken, true); len(got) != 1 || got[0] != "fence: gone" {
		t.Errorf("of a fence that does not hold: %q", got)
	}
	if got := slices.Concat(fenceObstacles(broken, false), fenceObstacles(nil, true)); got != nil {
		t.Errorf("of one that has nothing to end, or holds: %q", got)
	}
	cfg := &config.Config{Cluster: &config.Cluster{Peers: []config.Peer{{Name: "lb1", Witness: true}}}, Node: config.Node{Name: "lb1"}}
	d.current.Store(&loaded{config: cfg})
	d.member = &member{}
	if d.mayHold() {
		t.Error("a witness may hold an address")
	}
	cfg.Cluster.Peers[0].Witness = false
	if !d.mayHold() {
		t.Error("a node of a cluster may not hold an address")
	}
	cfg.Cluster.Peers[0].Witness = true
	d.routers = &routers{}
	if !d.mayHold() {
		t.Error("a witness with virtual routers may not hold an address")
	}
}

// Services that wait for the kernel, or that it blocks, are obstacles; those of another node
// are none. So it is with what cannot be announced.
func TestObstaclesOfWhatIsServed(t *testing.T) {
	d := measured(t, newBalancerLab(t).balancer)
	for state, want := range map[string][]string{
		api.ServiceReady: nil, api.ServiceStandby: nil, api.ServiceWaiting: {"ipvs: no module"}, api.ServiceBlocked: {"ipvs: no module"},
	} {
		if diff := cmp.Diff(want, d.obstaclesOf(glimpse{answered: true}, nil, &api.IPVS{State: state, Reason: "no module"})); diff != "" {
			t.Errorf("%s: %s", state, diff)
		}
	}
	if diff := cmp.Diff([]string{"bgp: no answer"}, d.obstaclesOf(glimpse{answered: true}, &api.BGP{Error: "no answer"}, nil)); diff != "" {
		t.Error(diff)
	}
}

// Hooks of one program for the same are one to metrics, and the worst of them counts.
func TestHooksThatAreAlike(t *testing.T) {
	got := byHook([]api.Convergence{
		{Hook: "/bin/h", About: "cluster", Name: "edge", State: api.Converged, Succeeded: 1, Error: "not told"},
		{Hook: "/bin/h", About: "vrrp", Name: "gw", State: api.ConvergeWaiting},
		{Hook: "/bin/h", About: "cluster", Name: "edge", State: api.ConvergeFailing, Failed: 2},
		{Hook: "/bin/h", About: "cluster", Name: "edge", State: api.ConvergeRunning, Succeeded: 3},
	})
	want := []api.Convergence{
		{Hook: "/bin/h", About: "cluster", Name: "edge", State: api.ConvergeFailing, Succeeded: 4, Failed: 2},
		{Hook: "/bin/h", About: "vrrp", Name: "gw", State: api.ConvergeWaiting},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestClockOfMetrics(t *testing.T) {
	known := clock.Status{Asked: "lb2", MaxOffset: time.Second, Reading: clock.Reading{Offset: -time.Minute}}
	silent, lost, troubled := known, known, known
	silent.Silent, lost.Reading.Unsynchronized, troubled.Trouble = "refused", "no source", "denied"
	for _, tt := range []struct {
		status *clock.Status
		want   *web.Clock
	}{
		{nil, nil},
		{&clock.Status{MaxOffset: time.Second}, &web.Clock{Well: true, Max: time.Second}}, // of the leader
		{&known, &web.Clock{Well: true, Measured: true, Offset: -time.Minute, Max: time.Second}},
		{&silent, &web.Clock{Max: time.Second}},
		{&lost, &web.Clock{Max: time.Second}},
		{&troubled, &web.Clock{Measured: true, Offset: -time.Minute, Max: time.Second}},
	} {
		if diff := cmp.Diff(tt.want, clockMeasured(tt.status)); diff != "" {
			t.Errorf("%+v: %s", tt.status, diff)
		}
	}
}
