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

// The best successor looks last, so that all others have given the dead leader
// up when it asks for their votes.
func TestBestSuccessorIsWokenLast(t *testing.T) {
	preference := []Peer{{Name: "lb1"}, {Name: "lb2"}, {Name: "lb3"}, {Name: "w"}}
	h := 100 * ms
	delay := func(self string) time.Duration { return wakeDelay(h, preference, "lb1", self) }
	if d := delay("w"); d != h {
		t.Errorf("the last in line looks after %s, want %s", d, h)
	}
	step := wakeStep(h)
	if delay("lb3") != h+step || delay("lb2") != h+2*step {
		t.Errorf("delays are %s, %s and %s, want steps of %s", delay("w"), delay("lb3"), delay("lb2"), step)
	}
	if d := wakeDelay(h, preference, "lb2", "lb1"); d != h+2*step {
		t.Errorf("the leader itself still counts: %s", d)
	}
}
