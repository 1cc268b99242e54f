package daemon

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/perch-vip/perch/cluster"
	"github.com/perch-vip/perch/cluster/state"
	"github.com/perch-vip/perch/cmd/internal/api"
)

var noon = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

func is(name string, h health, priority int, reasons ...string) peer {
	return peer{name: name, able: true, fitness: fitness{h, priority, reasons}}
}

func unable(p peer) peer {
	p.able = false
	return p
}

func aged(age time.Duration, p peer) peer {
	p.age = age
	return p
}

// moved is a move some time before noon.
func moved(before time.Duration, from, to, cause string) state.Move {
	return state.Move{Time: noon.Add(-before), From: from, To: to, Cause: cause}
}

func TestCourse(t *testing.T) {
	ill := is("lb1", sick, 100, "check haproxy failed 3 of 3: connection refused", "check disk failed")
	because := "lb1 is sick: check haproxy failed 3 of 3: connection refused (and 1 more)"
	away := func(to ...string) course {
		return course{action: leave, to: to, reason: because, cause: state.CauseHealth}
	}
	back := func(to string) course {
		return course{action: leave, to: []string{to}, reason: to + " has a higher priority", cause: state.CausePreempt}
	}
	tests := []struct {
		name string
		s    succession
		want course
	}{
		{"healthy", succession{self: is("lb1", well, 100), peers: []peer{is("lb2", well, 100)}}, course{}},
		{"sick", succession{self: ill, peers: []peer{is("lb2", well, 50)}}, away("lb2")},
		{
			"the best first",
			succession{self: ill, peers: []peer{is("lb5", well, 50), aged(2*tellEvery, is("lb2", well, 90)), aged(2*tellEvery-1, is("lb3", well, 90)), is("lb4", well, 90)}},
			away("lb3", "lb4", "lb2", "lb5"),
		},
		{
			"who is no target",
			succession{self: ill, peers: []peer{
				is("lb2", sick, 200), is("lb3", unsure, 200), unable(is("lb4", well, 200)),
				aged(reportLife+1, is("lb5", well, 200)), is("lb6", "", 200), aged(reportLife, is("lb7", well, 1)),
			}},
			away("lb7"),
		},
		{"nobody is better: keep", succession{self: ill, peers: []peer{is("lb2", sick, 100)}}, course{reason: because}},
		{"nobody is better: release", succession{self: ill, peers: []peer{is("lb2", sick, 100), is("lb3", unsure, 1)}, release: true}, course{dark: true, reason: because}},
		{"nobody is there: release", succession{self: ill, peers: []peer{unable(is("lb2", unsure, 100))}, release: true}, course{dark: true, reason: because}},
		{"the one there is sick: release", succession{self: ill, peers: []peer{is("lb2", sick, 100), unable(is("lb3", unsure, 100))}, release: true}, course{dark: true, reason: because}},
		{"alone: release", succession{self: ill, release: true}, course{dark: true, reason: because}},
		{"nothing is known of those there", succession{self: ill, peers: []peer{is("lb2", unsure, 100), unable(is("lb3", sick, 1))}, release: true}, course{reason: because}},
		{"somebody is better: no release", succession{self: ill, peers: []peer{is("lb2", well, 100)}, release: true}, away("lb2")},
		{
			"what is dark stays so until the hand-over",
			succession{self: ill, peers: []peer{is("lb2", well, 100)}, release: true, dark: true},
			course{action: leave, dark: true, to: []string{"lb2"}, reason: because, cause: state.CauseHealth},
		},
		{"what is dark stays so while nothing is known", succession{self: ill, peers: []peer{is("lb2", unsure, 100)}, release: true, dark: true}, course{dark: true, reason: because}},
		{"what is dark is kept again by another config", succession{self: ill, peers: []peer{is("lb2", sick, 100)}, dark: true}, course{reason: because}},
		{"what is dark is taken by a healthy node", succession{self: is("lb1", well, 100), peers: []peer{is("lb2", sick, 100)}, release: true, dark: true}, course{}},
		{"one that does not hold yet waits", succession{self: is("lb1", well, 100), peers: []peer{is("lb2", well, 200)}, preempt: true}, course{}},
		{"what is dark is not taken by a node of unknown health", succession{self: is("lb1", unsure, 100), release: true, dark: true}, course{dark: true}},
		{"what is held is kept by a node of unknown health", succession{self: is("lb1", unsure, 100), release: true}, course{}},
		{"unknown does not leave for health", succession{self: is("lb1", unsure, 100), peers: []peer{is("lb2", well, 100)}, preempt: true, holding: true, release: true}, course{}},
		{"unknown gives way to priority", succession{self: is("lb1", unsure, 100), peers: []peer{is("lb2", well, 101)}, preempt: true, holding: true}, back("lb2")},
		{"preempted", succession{self: is("lb1", well, 100), peers: []peer{is("lb2", well, 110), is("lb3", well, 120)}, preempt: true, holding: true}, back("lb3")},
		{"not preempted", succession{self: is("lb1", well, 100), peers: []peer{is("lb2", well, 110)}}, course{}},
		{
			"not preempted by those that are no better",
			succession{self: is("lb1", well, 100), preempt: true, holding: true, peers: []peer{
				is("lb2", sick, 200), is("lb3", unsure, 200), unable(is("lb4", well, 200)), aged(time.Minute, is("lb5", well, 200)), is("lb6", well, 100),
			}},
			course{},
		},
		{
			"no target while it is held down",
			succession{self: ill, peers: []peer{is("lb2", well, 100), is("lb3", well, 90)}, moves: []state.Move{moved(9*time.Second, "lb2", "lb1", state.CauseHealth)}},
			away("lb3"),
		},
		{
			"not preempted by one that is held down",
			succession{self: is("lb1", well, 100), peers: []peer{is("lb2", well, 200), is("lb3", well, 110)}, preempt: true, holding: true, moves: []state.Move{moved(9*time.Second, "lb2", "lb1", state.CauseHealth)}},
			back("lb3"),
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.s.now = noon
			if diff := cmp.Diff(tt.want, tt.s.course(), cmp.AllowUnexported(course{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPlannedMovesGoToTheHealthiest(t *testing.T) {
	got := inOrder([]peer{
		is("lb1", sick, 254), is("lb2", unsure, 90), is("lb3", well, 20), aged(5*time.Second, is("lb4", well, 30)), is("lb5", well, 30),
		aged(time.Minute, is("lb6", well, 80)), is("lb7", "", 100), unable(is("lb8", well, 10)), is("lb9", sick, 10),
	})
	want := []string{"lb5", "lb4", "lb3", "lb8", "lb7", "lb2", "lb6", "lb1", "lb9"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestExplain(t *testing.T) {
	history := []state.Move{
		moved(15*time.Minute, "lb4", "lb1", state.CauseHealth), moved(10*time.Minute, "lb4", "lb1", state.CauseHealth),
		moved(time.Second, "lb4", "lb1", state.CauseHealth),
	}
	old := aged(14*time.Second, is("lb10", well, 100))
	nodes := []entrant{
		{peer: is("lb1", well, 100)},
		{peer: is("lb2", well, 90)},
		{peer: is("lb3", well, 80)},
		{peer: is("lb4", well, 100)},
		{peer: is("lb5", sick, 100, "check haproxy failed 3 of 3: connection refused")},
		{peer: is("lb6", well, 100), obstacle: "is drained"},
		{peer: is("lb7", sick, 1, "check a failed"), obstacle: "is a witness"},
		{peer: is("lb8", unsure, 100, "check haproxy has looked once")},
		{peer: is("lb9", unsure, 100)},
		{peer: old},
	}
	want := map[string]explanation{
		"lb1":  {why: "owns the VIPs"},
		"lb2":  {why: "healthy, priority 90, would be next"},
		"lb3":  {why: "healthy, priority 80, after lb2"},
		"lb4":  {"held down for 39s more: left 3 times because it was sick", noon.Add(39 * time.Second)},
		"lb5":  {why: "check haproxy failed 3 of 3: connection refused"},
		"lb6":  {why: "is drained"},
		"lb7":  {why: "is a witness"},
		"lb8":  {why: "no verdict yet: check haproxy has looked once"},
		"lb9":  {why: "health unknown: it has not told"},
		"lb10": {why: "health unknown: it has not told for 14s"},
	}
	check := func(owner string, want map[string]explanation) {
		t.Helper()
		got := explain(noon, owner, nodes, history)
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(explanation{}), cmpopts.EquateEmpty()); diff != "" {
			t.Error(diff)
		}
	}
	check("lb1", want)
	nodes[0] = entrant{peer: is("lb1", sick, 100, "check a failed", "check b failed", "check c failed")}
	want["lb1"] = explanation{why: "owns the VIPs although check a failed (and 2 more)"}
	check("lb1", want)
	want["lb1"] = explanation{why: "check a failed (and 2 more)"}
	check("", want)
}

// One that would be preferred waits for the hour to be over, which a failover does not.
func TestExplainTellsHowManyMovesThereWere(t *testing.T) {
	history := []state.Move{
		moved(50*time.Minute, "lb2", "lb1", state.CauseHealth), moved(40*time.Minute, "lb1", "lb2", state.CausePreempt),
		moved(30*time.Minute, "lb2", "lb1", state.CauseHealth),
	}
	nodes := []entrant{{peer: is("lb1", well, 100)}, {peer: is("lb2", well, 110)}}
	want := explanation{"held down for 10m more: 3 moves within an hour", noon.Add(10 * time.Minute)}
	if got := explain(noon, "lb1", nodes, history)["lb2"]; got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	nodes[0].health = sick
	if got, want := explain(noon, "lb1", nodes, history)["lb2"].why, "healthy, priority 110, would be next"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestNobodyIsSentToASickNode(t *testing.T) {
	unwell := is("lb2", sick, 100, "check a failed", "check b failed")
	_, err := asked([]peer{unwell, is("lb3", well, 1)}, "lb2", "asked for")
	if want := "lb2 is sick: check a failed (and 1 more)"; err == nil || err.Error() != want || !errors.Is(err, api.ErrNotNow) {
		t.Errorf("%v, want %s", err, want)
	}
	for _, p := range []peer{is("lb2", well, 1), is("lb2", unsure, 1), aged(time.Minute, is("lb2", sick, 1))} {
		move, err := asked([]peer{p}, "lb2", "asked for")
		if diff := cmp.Diff(cluster.Move{To: []string{"lb2"}, Reason: "asked for"}, move); diff != "" || err != nil {
			t.Errorf("%v, %s", err, diff)
		}
	}
	all := []peer{unwell, is("lb3", unsure, 100), is("lb4", well, 1)}
	if move, err := asked(all, "", "asked for"); err != nil || !slices.Equal(move.To, []string{"lb4", "lb3"}) {
		t.Errorf("%v, %v", move.To, err)
	}
	if _, err := asked(all[:1], "", "asked for"); !errors.Is(err, api.ErrNotNow) {
		t.Errorf("to the only one, which is sick: %v", err)
	}
	if move, err := asked(nil, "", "asked for"); err != nil || len(move.To) > 0 {
		t.Errorf("where there is no other: %v, %v", move, err)
	}
}
