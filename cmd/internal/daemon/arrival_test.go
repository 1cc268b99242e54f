package daemon

import (
	"testing"
	"time"

	"github.com/perch-vip/perch/cluster"
	"github.com/perch-vip/perch/cluster/state"
)

// A node that has not read its log yet knows of no term: the moves that it finds there are none
// the newer for that.
func TestArrival(t *testing.T) {
	a := arrival{begun: since}
	a.note(cluster.View{})
	if a.known {
		t.Error("it knows the term of a cluster that it has not come to")
	}
	a.note(cluster.View{Term: 4, Members: []cluster.Member{{Name: "lb1"}}})
	a.note(cluster.View{Term: 7, Members: []cluster.Member{{Name: "lb1"}}})
	if !a.known || a.term != 4 {
		t.Errorf("%+v, want term 4", a)
	}
	for _, c := range []struct {
		term uint64
		at   time.Duration
		want bool
	}{
		{2, -time.Hour, false},
		{4, -time.Second, false},
		{4, time.Second, true}, // the leader of the first look has taken the VIPs since
		{5, -time.Hour, true},  // by the clock of a node that is behind
		{9, time.Second, true},
	} {
		if got := a.isNew(&state.Move{Term: c.term, Time: since.Add(c.at)}); got != c.want {
			t.Errorf("a move in term %d, %v after the start, is new: %v", c.term, c.at, got)
		}
	}
}
