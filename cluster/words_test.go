package cluster

import (
	"fmt"
	"testing"
	"time"

	"github.com/perch-vip/perch/cluster/state"
)

func TestOutage(t *testing.T) {
	const ms = time.Millisecond
	for name, tt := range map[string]struct {
		said func(*words)
		want state.Outage
	}{
		"nothing was heard":       {func(*words) {}, state.Outage{}},
		"of another node":         {func(w *words) { w.heard("lb2", 10*ms) }, state.Outage{}},
		"silence":                 {func(w *words) { w.heard("lb1", 5*ms); w.heard("lb1", 10*ms) }, state.Outage{For: 90 * ms, Known: state.AtMost}},
		"release":                 {func(w *words) { w.heard("lb1", 10*ms); w.released("lb1", 3, 96*ms) }, state.Outage{For: 4 * ms, Known: state.About}},
		"release, long ago":       {func(w *words) { w.heard("lb1", 10*ms); w.released("lb1", 1, 60*ms) }, state.Outage{For: 90 * ms, Known: state.AtMost}},
		"release, and led on":     {func(w *words) { w.released("lb1", 2, 10*ms); w.heard("lb1", 50*ms) }, state.Outage{For: 50 * ms, Known: state.AtMost}},
		"release of this term":    {func(w *words) { w.released("lb1", 4, 10*ms) }, state.Outage{}},
		"another one in between":  {func(w *words) { w.heard("lb1", 10*ms); w.heard("lb2", 50*ms) }, state.Outage{For: 90 * ms, Known: state.AtMost}},
		"release, heard long ago": {func(w *words) { w.heard("lb1", 10*ms); w.released("lb1", 4, 20*ms) }, state.Outage{For: 90 * ms, Known: state.AtMost}},
	} {
		var w words
		tt.said(&w)
		if got := w.outage(state.Move{To: "lb1", Term: 2}, 4, 100*ms); got != tt.want {
			t.Errorf("%s: %+v, want %+v", name, got, tt.want)
		}
	}
}

// Words of names that no cluster has do not fill the memory.
func TestWordsAreFew(t *testing.T) {
	var w words
	for i := range 2 * mostLeaders {
		w.heard(fmt.Sprint("node", i), time.Duration(i))
		w.released("node0", 1, time.Duration(i))
	}
	if len(w) != mostLeaders || w["node0"].released != 2*mostLeaders-1 {
		t.Errorf("%d words, of the first one %+v", len(w), w["node0"])
	}
}
