package daemon

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/perch-vip/perch/cluster/state"
)

const (
	causeHealth  = state.CauseHealth
	causePreempt = state.CausePreempt
)

func TestHoldDownGrowsAndIsForgotten(t *testing.T) {
	leavings := func(before ...time.Duration) (moves []state.Move) {
		for _, b := range before {
			moves = append(moves, moved(b, "lb1", "lb2", causeHealth))
		}
		return moves
	}
	every := func(d time.Duration, times int) (moves []state.Move) {
		for i := times - 1; i >= 0; i-- {
			moves = append(moves, leavings(time.Duration(i)*d)...)
		}
		return moves
	}
	again := "left %d times because it was sick"
	tests := []struct {
		name  string
		moves []state.Move
		want  time.Duration // from now on
		why   string
	}{
		{"never left", nil, 0, ""},
		{"once", leavings(0), 10 * time.Second, "left once because it was sick"},
		{"once, some time ago", leavings(9 * time.Second), time.Second, "left once because it was sick"},
		{"over", leavings(10 * time.Second), 0, ""},
		{"twice", leavings(time.Minute, 0), 20 * time.Second, fmt.Sprintf(again, 2)},
		{"six times", every(time.Minute, 6), 320 * time.Second, fmt.Sprintf(again, 6)},
		{"seven times", every(time.Minute, 7), 10 * time.Minute, fmt.Sprintf(again, 7)},
		{"often", every(59*time.Minute, 100), 10 * time.Minute, fmt.Sprintf(again, 100)},
		{"after an hour of peace", leavings(62*time.Minute, 61*time.Minute, time.Minute, 0), 20 * time.Second, fmt.Sprintf(again, 2)},
		{"by a clock that is ahead", leavings(-time.Hour), 10 * time.Second, "left once because it was sick"},
		{"by a clock that is ahead by a day", leavings(-24 * time.Hour), 0, ""},
		{"for other reasons", []state.Move{moved(0, "lb1", "lb2", ""), moved(0, "lb1", "lb2", causePreempt)}, 0, ""},
		{"took back", []state.Move{moved(0, "lb1", "lb1", causeHealth)}, 0, ""},
		{"another", []state.Move{moved(0, "lb2", "lb1", causeHealth)}, 0, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := holdDown{why: tt.why}
			if tt.want > 0 {
				want.until = noon.Add(tt.want)
			}
			if got := newRecord(noon, tt.moves).held("lb1"); got != want {
				t.Errorf("%s from now on (%s), want %s (%s)", got.until.Sub(noon), got.why, tt.want, tt.why)
			}
		})
	}
}

func TestMovesPerHour(t *testing.T) {
	minutes := func(ago time.Duration, from, to, cause string) state.Move {
		return moved(ago*time.Minute, from, to, cause)
	}
	two := []state.Move{minutes(50, "lb1", "lb2", causeHealth), minutes(40, "lb2", "lb1", causePreempt)}
	three := append(two, minutes(30, "lb1", "lb2", causeHealth))
	four := append(three, minutes(20, "lb2", "lb1", causeHealth))
	tests := []struct {
		name        string
		moves       []state.Move
		node, cause string
		want        time.Duration // in minutes from now on
	}{
		{"two moves, preemption", two, "lb1", causePreempt, 0},
		{"three moves, preemption", three, "lb1", causePreempt, 10},
		{"three moves, preemption to where one came from", three, "lb2", causePreempt, 10},
		{"three moves, preemption elsewhere", three, "lb3", causePreempt, 0},
		{"three moves, health", three, "lb1", causeHealth, 0},
		{"four moves, health", four, "lb1", causeHealth, 10},
		{"four moves, health elsewhere", four, "lb3", causeHealth, 0},
		{"four moves, preemption", four, "lb1", causePreempt, 20},
		{"where preemption alone came from", append(three, minutes(20, "lb3", "lb1", causePreempt)), "lb3", causeHealth, 0},
		{"an hour ago", []state.Move{minutes(60, "lb1", "lb2", causeHealth), three[1], three[2]}, "lb1", causePreempt, 0},
		{"none of the others counts", []state.Move{three[2], minutes(9, "lb2", "lb1", ""), minutes(9, "lb1", "lb2", ""), minutes(9, "lb1", "lb2", "")}, "lb1", causePreempt, 0},
		{
			"until it was left an hour ago",
			[]state.Move{two[0], minutes(30, "lb2", "lb3", causePreempt), minutes(20, "lb3", "lb2", causePreempt), minutes(10, "lb2", "lb3", causePreempt)},
			"lb1", causePreempt, 10,
		},
		{
			"held down beyond that",
			[]state.Move{
				minutes(200, "lb1", "lb2", causeHealth), minutes(170, "lb1", "lb2", causeHealth), minutes(140, "lb1", "lb2", causeHealth), minutes(110, "lb1", "lb2", causeHealth),
				minutes(59, "lb1", "lb2", causeHealth), minutes(2, "lb1", "lb2", causeHealth), minutes(1, "lb1", "lb2", causeHealth), minutes(0, "lb1", "lb2", causeHealth),
			},
			"lb1", causeHealth, 10,
		},
		{"nobody went from there within the hour", []state.Move{minutes(60, "lb1", "lb2", causeHealth), four[1], four[1], four[1], four[1]}, "lb1", causeHealth, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var want time.Time
			if tt.want > 0 {
				want = noon.Add(tt.want * time.Minute)
			}
			if got := newRecord(noon, tt.moves).against(tt.node, tt.cause); !got.until.Equal(want) {
				t.Errorf("until %s, want %s (%s)", got.until, want, got.why)
			}
		})
	}
}

// flapping is a cluster in virtual time whose leader does what its policy says.
type flapping struct {
	*rapid.T
	nodes   []peer
	owner   int
	now     time.Time
	history []state.Move
	foreign bool // leadership has changed hands otherwise, too
}

func newFlapping(t *rapid.T, nodes int) *flapping {
	f := &flapping{T: t, now: noon}
	for i := range nodes {
		f.nodes = append(f.nodes, is(fmt.Sprint("lb", i+1), well, 100))
	}
	f.owner = rapid.IntRange(0, nodes-1).Draw(t, "first owner")
	return f
}

// conditions are what a check can make of a node.
func conditions() *rapid.Generator[fitness] {
	return rapid.Custom(func(t *rapid.T) fitness {
		return fitness{
			health:   rapid.SampledFrom([]health{well, well, sick, unsure}).Draw(t, "health"),
			priority: rapid.SampledFrom([]int{1, 50, 100, 110, 200}).Draw(t, "priority"),
		}
	})
}

// whiles are times between two changes of a check, in seconds.
func whiles() *rapid.Generator[int] {
	return rapid.OneOf(rapid.IntRange(1, 30), rapid.IntRange(1, 600), rapid.IntRange(600, 4000))
}

func (f *flapping) succession(moves []state.Move) succession {
	s := succession{now: f.now, self: f.nodes[f.owner], moves: moves, preempt: true, holding: true}
	for i, p := range f.nodes {
		if i != f.owner {
			s.peers = append(s.peers, p)
		}
	}
	return s
}

func (f *flapping) index(name string) int {
	for i, p := range f.nodes {
		if p.name == name {
			return i
		}
	}
	f.Fatalf("%s is not a node", name)
	return -1
}

func (f *flapping) move(to int, cause string) {
	f.history = append(f.history, state.Move{Time: f.now, From: f.nodes[f.owner].name, To: f.nodes[to].name, Cause: cause})
	f.owner = to
}

// within returns the automatic moves of the last hour.
func (f *flapping) within() (recent []state.Move) {
	for _, m := range f.history {
		if f.now.Sub(m.Time) < time.Hour && m.Cause != "" && m.From != m.To {
			recent = append(recent, m)
		}
	}
	return recent
}

// leftSick tells whether a node was left for health within the last hour.
func (f *flapping) leftSick(name string) bool {
	for _, m := range f.within() {
		if m.From == name && m.Cause == causeHealth {
			return true
		}
	}
	return false
}

// pass lets time pass, and the leader look once in a step, until it stays.
func (f *flapping) pass(d, step time.Duration) {
	for end := f.now.Add(d); f.now.Before(end); f.now = f.now.Add(step) {
		for f.decide() {
		}
	}
	f.decide()
}

// decide does what the policy says, and checks it. It returns whether the VIPs moved.
func (f *flapping) decide() bool {
	c := f.succession(f.history).course()
	if f.nodes[f.owner].health == sick && c.action != leave {
		for i, p := range f.nodes {
			if i != f.owner && p.able && p.health == well && !f.leftSick(p.name) {
				f.Fatalf("the sick owner stays, and %s was well all the time", p.name)
			}
		}
	}
	if c.action != leave {
		return false
	}
	to := f.index(c.to[0])
	f.allowed(f.nodes[to])
	f.move(to, c.cause)
	return true
}

// allowed wants a node to be a proper target of an automatic move.
func (f *flapping) allowed(p peer) {
	if p.health != well || !p.able {
		f.Fatalf("moves to %+v", p)
	}
	recent := f.within()
	if f.leftSick(p.name) && len(recent) >= 4 {
		f.Fatalf("goes back to %s after %d moves within the hour: %v", p.name, len(recent), recent)
	}
	if most := 4 + len(f.nodes) - 1; !f.foreign && len(recent) >= most {
		f.Fatalf("more than %d moves within the hour: %v", most, recent)
	}
	times, last := 0, time.Time{}
	for _, m := range f.history {
		if m.From == p.name && m.Cause == causeHealth {
			if m.Time.Sub(last) >= time.Hour {
				times = 0
			}
			times, last = times+1, m.Time
		}
	}
	if times > 0 && f.now.Sub(last) < []time.Duration{10, 20, 40, 80, 160, 320, 600}[min(times, 7)-1]*time.Second {
		f.Fatalf("%s is held down: left %d times, %s ago", p.name, times, f.now.Sub(last))
	}
}

// Whatever checks do, on whatever nodes, and whoever else moves the VIPs.
func TestFlappingChecksDoNotTakeTheVIPsAlong(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := newFlapping(t, rapid.IntRange(2, 5).Draw(t, "nodes"))
		node := rapid.IntRange(0, len(f.nodes)-1)
		step := time.Duration(rapid.IntRange(1, 30).Draw(t, "step")) * time.Second
		for range rapid.IntRange(0, 60).Draw(t, "changes") {
			at := node.Draw(t, "node")
			switch rapid.IntRange(0, 9).Draw(t, "change") {
			case 0:
				f.nodes[at].able = !f.nodes[at].able
			case 1:
				f.foreign = true
				f.move(at, "")
			default:
				f.nodes[at].fitness = conditions().Draw(t, "condition")
			}
			f.pass(time.Duration(whiles().Draw(t, "seconds"))*time.Second, step)
		}
		f.settles()
	})
}

// settles wants everything to be as it should after hours in which nothing changes.
func (f *flapping) settles() {
	f.pass(3*time.Hour, time.Minute)
	owner := f.nodes[f.owner]
	for i, p := range f.nodes {
		if i == f.owner || p.health != well || !p.able {
			continue
		}
		if owner.health == sick || p.priority > owner.priority {
			f.Fatalf("%+v does not get the VIPs from %+v", p, owner)
		}
		for _, cause := range []string{causeHealth, causePreempt} {
			if against := newRecord(f.now, f.history).against(p.name, cause); against != (holdDown{}) {
				f.Fatalf("%s is held against %s still", against.why, p.name)
			}
		}
	}
	f.nodes[f.owner].health = sick
	if diff := cmp.Diff(f.succession(nil).course(), f.succession(f.history).course(), cmp.AllowUnexported(course{})); diff != "" {
		f.Fatalf("not as at the start:\n%s", diff)
	}
}

// One check, of any kind: it comes and goes, and makes a fault or any priority. The
// other nodes are what they are.
func TestOneFlappingCheckMovesTheVIPsFourTimesAnHour(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := newFlapping(t, rapid.IntRange(2, 5).Draw(t, "nodes"))
		for i := range f.nodes {
			f.nodes[i].fitness = conditions().Draw(t, "condition")
			f.nodes[i].able = rapid.IntRange(0, 5).Draw(t, "able") > 0
		}
		flapper := rapid.IntRange(0, len(f.nodes)-1).Draw(t, "flapper")
		f.nodes[flapper].able = true
		step := time.Duration(rapid.IntRange(1, 30).Draw(t, "step")) * time.Second
		for range rapid.IntRange(0, 60).Draw(t, "changes") {
			f.nodes[flapper].fitness = conditions().Draw(t, "condition")
			f.pass(time.Duration(whiles().Draw(t, "seconds"))*time.Second, step)
			for i := range f.history {
				if i >= 4 && f.history[i].Time.Sub(f.history[i-4].Time) < time.Hour {
					t.Fatalf("five moves within an hour: %v", f.history[i-4:i+1])
				}
			}
		}
		f.settles()
	})
}
