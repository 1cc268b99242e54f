package daemon

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestWeigh(t *testing.T) {
	known := verdicts{
		"up":    {state: passed},
		"down":  {state: failed, reason: "failed 3 of 3: connection refused"},
		"mute":  {state: failed},
		"new":   {state: undecided, reason: "has looked once"},
		"two":   {state: passed, value: 2, known: true},
		"zero":  {state: passed, known: true},
		"much":  {state: passed, value: 1 << 62, known: true},
		"minus": {state: passed, value: -254, known: true},
		"gone":  {state: failed, value: 7, known: true, reason: "failed 1 of 1: no such file"},
	}
	fault := func(reasons ...string) fitness { return fitness{sick, 100, reasons} }
	open := func(reasons ...string) fitness { return fitness{unsure, 100, reasons} }
	is := func(priority int) fitness { return fitness{health: well, priority: priority} }
	refused := "check down failed 3 of 3: connection refused"
	tests := []struct {
		name string
		base int
		refs []reference
		want fitness
	}{
		{"no checks", 100, nil, is(100)},
		{"all well", 100, []reference{{"up", 0, false}}, is(100)},
		{"a fault", 100, []reference{{"up", 0, false}, {"down", 0, false}}, fault(refused)},
		{"a fault twice", 100, []reference{{"down", 0, false}, {"down", 0, false}}, fault(refused)},
		{"two faults", 100, []reference{{"mute", 0, false}, {"down", 0, false}}, fault(refused, "check mute failed")},
		{"a fault and one open", 100, []reference{{"new", 0, false}, {"down", 0, false}, {"new", 0, false}}, fault(refused)},
		{"open", 100, []reference{{"up", 0, false}, {"new", 0, false}}, open("check new has looked once")},
		{"never heard of", 100, []reference{{"else", 0, false}}, open("check else has no verdict yet")},
		{"open with a weight", 100, []reference{{"new", -20, false}, {"new", 20, false}}, is(100)},
		{"failed, negative", 100, []reference{{"down", -20, false}}, is(80)},
		{"failed, positive", 100, []reference{{"down", 20, false}}, is(100)},
		{"well, positive", 100, []reference{{"up", 20, false}}, is(120)},
		{"well, negative", 100, []reference{{"up", -20, false}}, is(100)},
		{"they add up", 100, []reference{{"up", 20, false}, {"down", -30, false}, {"up", 5, false}}, is(95)},
		{"reverse, well", 100, []reference{{"up", 0, true}}, fault("check up is healthy, and must not be")},
		{"reverse, failed", 100, []reference{{"down", 0, true}}, is(100)},
		{"reverse, failed, positive", 100, []reference{{"down", 20, true}}, is(120)},
		{"reverse, well, negative", 100, []reference{{"up", -20, true}}, is(80)},
		{"reverse, open", 100, []reference{{"new", 0, true}}, open("check new has looked once")},
		{"a number", 100, []reference{{"two", 10, false}}, is(120)},
		{"a number, negative", 100, []reference{{"two", -10, false}}, is(80)},
		{"a number, reverse", 100, []reference{{"two", 10, true}}, is(80)},
		{"a number, weight 0", 100, []reference{{"two", 0, false}}, fault("check two has found 2")},
		{"a number, weight 0, reverse", 100, []reference{{"two", 0, true}}, is(100)},
		{"0, weight 0", 100, []reference{{"zero", 0, false}}, is(100)},
		{"a number that is a fault", 100, []reference{{"two", -127, false}}, fault("check two has found 2, times -127")},
		{"a number that is just none", 200, []reference{{"two", -126, false}}, is(1)},
		{"-254", 100, []reference{{"minus", 1, false}}, fault("check minus has found -254, times 1")},
		{"-254, reverse", 100, []reference{{"minus", 1, true}}, is(254)},
		{"huge", 100, []reference{{"much", 2, false}, {"down", -200, false}}, is(154)},
		{"huge, reverse", 100, []reference{{"much", 253, true}}, fault("check much has found 4611686018427387904, times 253")},
		{"no number any more", 100, []reference{{"gone", 0, false}}, fault("check gone failed 1 of 1: no such file")},
		{"no number any more, weighed", 100, []reference{{"gone", 5, false}}, is(100)},
		{"at least 1", 100, []reference{{"down", -253, false}}, is(1)},
		{"at most 254", 100, []reference{{"up", 253, false}}, is(254)},
		{"bounds only of the sum", 100, []reference{{"down", -253, false}, {"up", 200, false}}, is(47)},
		{"owner of the address", 255, []reference{{"down", -253, false}, {"two", -10, false}}, is(255)},
		{"owner of the address, a fault", 255, []reference{{"down", 0, false}}, fitness{sick, 255, []string{refused}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := weigh(tt.base, tt.refs, known)
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(fitness{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// In whatever order the references come.
func TestWeighHasBoundsAndNoOrder(t *testing.T) {
	known := verdicts{
		"a": {state: passed}, "b": {state: failed}, "c": {}, "d": {state: passed, value: -3, known: true}, "e": {state: failed, reason: "failed"},
	}
	ref := rapid.Custom(func(t *rapid.T) reference {
		return reference{
			rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}).Draw(t, "check"),
			rapid.SampledFrom([]int{0, 1, -1, 90, -90, 253, -253}).Draw(t, "weight"),
			rapid.Bool().Draw(t, "reverse"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		base := rapid.IntRange(1, 255).Draw(t, "base")
		refs := rapid.SliceOfN(ref, 0, 6).Draw(t, "refs")
		got := weigh(base, refs, known)
		if got.priority < 1 || got.priority > 254 && base != 255 {
			t.Fatalf("priority %d", got.priority)
		}
		if (got.health == well) != (len(got.reasons) == 0) {
			t.Fatalf("%s, because of %q", got.health, got.reasons)
		}
		again := weigh(base, rapid.Permutation(refs).Draw(t, "permutation"), known)
		if diff := cmp.Diff(got, again, cmp.AllowUnexported(fitness{})); diff != "" {
			t.Fatal(diff)
		}
	})
}
