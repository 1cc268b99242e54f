package state

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

var t0 = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

func mustApply(t interface{ Fatal(...any) }, s *State, c Command) {
	entry, err := Encode(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Apply(s.Applied+1, entry); err != nil {
		t.Fatal(err)
	}
}

func claim(term uint64, node string) Command {
	return Command{Claim: &Claim{Time: t0.Add(time.Duration(term) * time.Second), Term: term, Node: node}}
}

func plan(term uint64, from, reason string) Command {
	return Command{Plan: &Plan{Term: term, From: from, Reason: reason}}
}

func because(cause string, c Command) Command {
	c.Plan.Cause = cause
	return c
}

func TestDrainIsASortedSet(t *testing.T) {
	var s State
	for _, node := range []string{"lb2", "lb1", "lb2", "lb3"} {
		mustApply(t, &s, Command{Drain: &Drain{Node: node, Drained: true}})
	}
	mustApply(t, &s, Command{Drain: &Drain{Node: "lb1"}})
	mustApply(t, &s, Command{Drain: &Drain{Node: "never"}})
	if diff := cmp.Diff([]string{"lb2", "lb3"}, s.Drained); diff != "" {
		t.Error(diff)
	}
	if s.IsDrained("lb1") || !s.IsDrained("lb3") {
		t.Error("IsDrained disagrees with Drained")
	}
}

func TestHistoryTellsPlannedMovesFromFailures(t *testing.T) {
	tests := []struct {
		name     string
		commands []Command
		want     []string
	}{
		{"first owner", []Command{claim(2, "lb1")}, []string{"-> lb1: first owner"}},
		{
			"failure",
			[]Command{claim(2, "lb1"), claim(3, "lb2")},
			[]string{"-> lb1: first owner", "lb1 -> lb2: lost contact with lb1"},
		},
		{
			"planned",
			[]Command{claim(2, "lb1"), plan(2, "lb1", "transfer to lb2 asked for on lb3"), claim(3, "lb2")},
			[]string{"-> lb1: first owner", "lb1 -> lb2: transfer to lb2 asked for on lb3"},
		},
		{
			"a plan is good for one move",
			[]Command{claim(2, "lb1"), plan(2, "lb1", "drain"), claim(3, "lb2"), claim(4, "lb1")},
			[]string{"-> lb1: first owner", "lb1 -> lb2: drain", "lb2 -> lb1: lost contact with lb2"},
		},
		{
			"planned before the claim was written",
			[]Command{claim(2, "lb1"), plan(3, "lb2", "lb2 is sick"), claim(3, "lb2"), claim(4, "lb3")},
			[]string{"-> lb1: first owner", "lb1 -> lb2: lost contact with lb1", "lb2 -> lb3: lb2 is sick"},
		},
		{
			"given up, and the planner elected again",
			[]Command{claim(2, "lb1"), plan(2, "lb1", "drain"), claim(3, "lb1")},
			[]string{"-> lb1: first owner", "lb1 -> lb1: took back, hand-over not completed: drain"},
		},
		{
			"all stopped one by one, and started again",
			[]Command{claim(2, "lb1"), plan(2, "lb1", Stopped("lb1")), claim(3, "lb2"), plan(3, "lb2", Stopped("lb2")), claim(5, "lb2")},
			[]string{"-> lb1: first owner", "lb1 -> lb2: lb1 was stopped", "lb2 -> lb2: lb2 was stopped and started again"},
		},
		{
			"all stopped one by one, and another elected",
			[]Command{claim(2, "lb2"), plan(2, "lb2", Stopped("lb2")), claim(4, "lb1"), claim(4, "lb1")},
			[]string{"-> lb2: first owner", "lb2 -> lb1: lb2 was stopped", "lb1 -> lb1: lb1 regained a majority"},
		},
		{
			"majority lost and regained while being stopped",
			[]Command{claim(2, "lb1"), plan(2, "lb1", Stopped("lb1")), claim(2, "lb1")},
			[]string{"-> lb1: first owner", "lb1 -> lb1: lb1 regained a majority"},
		},
		{
			"a hand-over of a stop is given up, and the owner lost",
			[]Command{claim(2, "lb1"), plan(2, "lb1", Stopped("lb1")), plan(2, "lb1", ""), claim(3, "lb1")},
			[]string{"-> lb1: first owner", "lb1 -> lb1: lb1 regained a majority"},
		},
		{
			"withdrawn, then a real failure",
			[]Command{claim(2, "lb1"), plan(2, "lb1", "drain"), plan(2, "lb1", ""), claim(3, "lb2")},
			[]string{"-> lb1: first owner", "lb1 -> lb2: lost contact with lb1"},
		},
		{
			"given up, then a real failure",
			[]Command{claim(2, "lb1"), plan(2, "lb1", "drain"), claim(3, "lb1"), claim(4, "lb2")},
			[]string{"-> lb1: first owner", "lb1 -> lb1: took back, hand-over not completed: drain", "lb1 -> lb2: lost contact with lb1"},
		},
		{
			"a plan of somebody who no longer owned",
			[]Command{claim(2, "lb1"), claim(3, "lb2"), plan(2, "lb1", "drain"), claim(4, "lb3")},
			[]string{"-> lb1: first owner", "lb1 -> lb2: lost contact with lb1", "lb2 -> lb3: lost contact with lb2"},
		},
		{
			"majority lost and regained",
			[]Command{claim(2, "lb1"), claim(2, "lb1")},
			[]string{"-> lb1: first owner", "lb1 -> lb1: lb1 regained a majority"},
		},
		{
			"a claim that came too late",
			[]Command{claim(2, "lb1"), claim(4, "lb2"), claim(3, "lb3")},
			[]string{"-> lb1: first owner", "lb1 -> lb2: lost contact with lb1"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var s State
			for _, c := range tt.commands {
				mustApply(t, &s, c)
			}
			var got []string
			for _, m := range s.History {
				got = append(got, strings.TrimSpace(fmt.Sprintf("%s -> %s: %s", m.From, m.To, m.Reason)))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestHistoryKeepsTheCauseOfAPlan(t *testing.T) {
	sick, better := because(CauseHealth, plan(2, "lb1", "lb1 is sick")), because(CausePreempt, plan(3, "lb2", "lb1 is better"))
	tests := map[string]struct {
		commands []Command
		want     []string // of each move
	}{
		"moved":                    {[]Command{claim(2, "lb1"), sick, claim(3, "lb2"), better, claim(4, "lb1")}, []string{"", CauseHealth, CausePreempt}},
		"asked for":                {[]Command{claim(2, "lb1"), plan(2, "lb1", "asked for"), claim(3, "lb2")}, []string{"", ""}},
		"another won":              {[]Command{claim(2, "lb1"), sick, claim(3, "lb3")}, []string{"", CauseHealth}},
		"took back":                {[]Command{claim(2, "lb1"), sick, claim(3, "lb1")}, []string{"", CauseHealth}},
		"good for one move":        {[]Command{claim(2, "lb1"), sick, claim(3, "lb2"), claim(4, "lb1")}, []string{"", CauseHealth, ""}},
		"withdrawn":                {[]Command{claim(2, "lb1"), sick, plan(2, "lb1", ""), claim(3, "lb2")}, []string{"", ""}},
		"majority regained before": {[]Command{claim(2, "lb1"), sick, claim(2, "lb1")}, []string{"", ""}},
		"of somebody else":         {[]Command{claim(2, "lb1"), better, claim(4, "lb3")}, []string{"", ""}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var s State
			for _, c := range tt.commands {
				mustApply(t, &s, c)
			}
			var got []string
			for _, m := range s.History {
				got = append(got, m.Cause)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What a perch wrote that knew of no causes.
func TestOldEntriesHaveNoCause(t *testing.T) {
	var s State
	if err := s.Decode([]byte(`{"applied":4,"history":[{"time":"2026-11-01T12:00:02Z","term":2,"from":"","to":"lb1","reason":"first owner"}],"plan":{"term":2,"from":"lb1","reason":"asked for"}}`)); err != nil {
		t.Fatal(err)
	}
	if err := s.Apply(5, []byte(`{"claim":{"time":"2026-11-01T12:00:03Z","term":3,"node":"lb2"}}`)); err != nil {
		t.Fatal(err)
	}
	if err := s.Apply(6, []byte(`{"plan":{"term":3,"from":"lb2","reason":"asked for"}}`)); err != nil {
		t.Fatal(err)
	}
	want := State{Applied: 6, Plan: &Plan{Term: 3, From: "lb2", Reason: "asked for"}, History: []Move{
		{Time: t0.Add(2 * time.Second), Term: 2, To: "lb1", Reason: "first owner"},
		{Time: t0.Add(3 * time.Second), Term: 3, From: "lb1", To: "lb2", Reason: "asked for"},
	}}
	if diff := cmp.Diff(want, s); diff != "" {
		t.Error(diff)
	}
	snapshot, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(snapshot), "cause") {
		t.Errorf("a cause where there is none: %s", snapshot)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	var s State
	for term := uint64(1); term <= HistoryLimit+7; term++ {
		mustApply(t, &s, claim(term, fmt.Sprintf("lb%d", term%3)))
	}
	if len(s.History) != HistoryLimit {
		t.Fatalf("%d moves kept, want %d", len(s.History), HistoryLimit)
	}
	if first := s.History[0].Term; first != 8 {
		t.Errorf("oldest term is %d, want 8: the newest moves must stay", first)
	}
}

func TestUnreadableEntriesChangeNothing(t *testing.T) {
	var s State
	mustApply(t, &s, claim(2, "lb1"))
	before := s.Clone()
	for _, entry := range []string{``, `{`, `null`, `[]`, `{"drain":7}`, `{"future":{"a":1}}`} {
		err := s.Apply(s.Applied, []byte(entry))
		if err == nil {
			t.Errorf("%q was applied", entry)
		}
		if entry == `{"future":{"a":1}}` && !errors.Is(err, ErrUnknownCommand) {
			t.Errorf("%q: %v, want ErrUnknownCommand", entry, err)
		}
	}
	for _, snapshot := range []string{``, `{`, `null`, `[]`, `{"drained":1}`, `{"history":[` + strings.Repeat(`{},`, HistoryLimit) + `{}]}`} {
		if err := s.Decode([]byte(snapshot)); err == nil {
			t.Errorf("the snapshot %.20q was restored", snapshot)
		}
	}
	if diff := cmp.Diff(before, s); diff != "" {
		t.Error(diff)
	}
}

func TestCloneIsIndependent(t *testing.T) {
	var s State
	mustApply(t, &s, Command{Drain: &Drain{Node: "lb2", Drained: true}})
	mustApply(t, &s, claim(2, "lb1"))
	clone := s.Clone()
	mustApply(t, &s, Command{Drain: &Drain{Node: "lb1", Drained: true}})
	mustApply(t, &s, claim(3, "lb2"))
	want := State{Applied: 2, Drained: []string{"lb2"}, History: []Move{{Time: t0.Add(2 * time.Second), Term: 2, To: "lb1", Reason: "first owner"}}}
	if diff := cmp.Diff(want, clone); diff != "" {
		t.Error(diff)
	}
}

// Any log, cut anywhere by a snapshot and a restore, ends in the same state.
func TestSnapshotAnywhereChangesNothing(t *testing.T) {
	node := rapid.SampledFrom([]string{"lb1", "lb2", "lb3"})
	want := rapid.SampledFrom([]Want{WantDrain, WantUndrain, WantWeight, WantDefault})
	command := rapid.Custom(func(t *rapid.T) Command {
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			return Command{Drain: &Drain{Node: node.Draw(t, "node"), Drained: rapid.Bool().Draw(t, "drained")}}
		case 1:
			cause := rapid.SampledFrom([]string{"", CauseHealth, CausePreempt}).Draw(t, "cause")
			return because(cause, plan(rapid.Uint64Range(1, 9).Draw(t, "term"), node.Draw(t, "from"), "asked"))
		case 2:
			return orderFor(want.Draw(t, "want"), node.Draw(t, "service"), node.Draw(t, "server"), rapid.Uint32Range(0, 3).Draw(t, "weight"))
		default:
			return claim(rapid.Uint64Range(1, 9).Draw(t, "term"), node.Draw(t, "to"))
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		log := rapid.SliceOfN(command, 0, 30).Draw(t, "log")
		cut := rapid.IntRange(0, len(log)).Draw(t, "cut")
		var straight, restored State
		for i, c := range log {
			if i == cut {
				snapshot, err := restored.Encode()
				if err != nil {
					t.Fatal(err)
				}
				restored = State{}
				if err := restored.Decode(snapshot); err != nil {
					t.Fatal(err)
				}
			}
			mustApply(t, &straight, c)
			mustApply(t, &restored, c)
		}
		if diff := cmp.Diff(straight, restored, cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestLingersAreRemembered(t *testing.T) {
	var s State
	tell := func(node string, linger time.Duration) {
		mustApply(t, &s, Command{Linger: &Linger{Node: node, For: linger}})
	}
	tell("lb1", 3*time.Second)
	tell("lb2", 2*time.Second)
	before := s.Clone()
	tell("lb1", 0)
	tell("lb3", -time.Second)
	if got := s.LongestLinger("lb3"); got != 2*time.Second {
		t.Errorf("longest %s, want lb2's 2s", got)
	}
	if got := s.LongestLinger("lb2"); got != 0 {
		t.Errorf("longest but for lb2 %s, want none", got)
	}
	if got := before.LongestLinger("lb3"); got != 3*time.Second {
		t.Errorf("a clone has changed: longest %s", got)
	}
	snapshot, err := before.Encode()
	if err != nil {
		t.Fatal(err)
	}
	var restored State
	if err := restored.Decode(snapshot); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, restored); diff != "" {
		t.Error(diff)
	}
}
