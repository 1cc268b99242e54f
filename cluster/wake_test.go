package cluster

import (
	"slices"
	"testing"
	"time"
)

func names(peers []Peer) []string {
	var out []string
	for _, p := range peers {
		out = append(out, p.Name)
	}
	return out
}

func TestPreference(t *testing.T) {
	peers := []Peer{{Name: "w", Priority: 200, Witness: true}, {Name: "c", Priority: 100}, {Name: "b", Priority: 100}, {Name: "a", Priority: 50}, {Name: "d", Priority: 150}}
	drained := func(name string) bool { return name == "d" }
	sick := func(name string) bool { return name == "b" || name == "d" }
	got := names(byPreference(peers, drained, sick))
	if want := []string{"c", "a", "b", "w", "d"}; !slices.Equal(got, want) {
		t.Errorf("preference = %v, want %v", got, want)
	}
}

// When the best successor asks, just so many have given the leader up that it wins, and no
// two who could win ask at the same time.
func TestBestSuccessorIsTheFirstWhoCanWin(t *testing.T) {
	for nodes := 2; nodes <= 9; nodes++ {
		majority := nodes/2 + 1
		turns := map[int]int{}
		for rank := range nodes - 1 {
			turns[wakeTurn(rank, nodes-1, nodes)]++
		}
		best := wakeTurn(0, nodes-1, nodes)
		before := 0
		for turn, many := range turns {
			if turn < best {
				before += many
			}
			if turn >= best && many > 1 {
				t.Errorf("%d nodes: %d of them ask in turn %d, any of whom can win", nodes, many, turn)
			}
		}
		if before >= majority {
			t.Errorf("%d nodes: %d wake before the best, and can elect one of themselves", nodes, before)
		}
		if survivors := nodes - 1; survivors >= majority && before+1 < majority {
			t.Errorf("%d nodes: the best asks with %d others who have given up, and cannot win", nodes, before)
		}
		if best > 1 {
			t.Errorf("%d nodes: the best asks in turn %d, want the next after the first", nodes, best)
		}
	}
}

func TestWakeDelay(t *testing.T) {
	preference := []Peer{{Name: "lb1"}, {Name: "lb2"}, {Name: "lb3"}, {Name: "lb4"}, {Name: "w"}}
	h, step := 100*ms, wakeStep(100*ms)
	for self, want := range map[string]time.Duration{"w": h, "lb4": h, "lb2": h + step, "lb3": h + 4*step} {
		if got := wakeDelay(h, preference, "lb1", self); got != want {
			t.Errorf("%s looks after %s when lb1 is silent, want %s", self, got, want)
		}
	}
	if got := wakeDelay(h, preference, "w", "lb1"); got != h+step {
		t.Errorf("the best of all looks after %s when the worst is silent, want %s", got, h+step)
	}
}
