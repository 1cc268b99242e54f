package cluster

import (
	"testing"
	"time"

	"github.com/hashicorp/raft"
	"pgregory.net/rapid"
)

func TestGrantsGoToOneLeaderAtATime(t *testing.T) {
	var g grants
	if !g.give("a", 2, 0, 100*ms) {
		t.Fatal("a new register refuses")
	}
	if g.give("b", 3, 99*ms, 200*ms) {
		t.Error("granted to b while a's grant runs, because the term is newer")
	}
	if !g.give("a", 3, 99*ms, 150*ms) {
		t.Error("refused the one that has the grant")
	}
	if g.give("b", 4, 149*ms, 300*ms) {
		t.Error("granted to b before the end of a's renewed grant")
	}
	if !g.give("b", 4, 150*ms, 300*ms) {
		t.Error("refused b after the end of a's grant")
	}
}

func TestGrantIsNeverShortened(t *testing.T) {
	var g grants
	g.give("a", 2, 0, 100*ms)
	g.give("a", 2, 10*ms, 50*ms)
	if g.give("b", 3, 60*ms, 200*ms) {
		t.Error("a's second grant shortened the first")
	}
}

func TestGrantEndsWithTheWordOfItsLeader(t *testing.T) {
	tests := []struct {
		name     string
		released uint64
		want     bool
	}{
		{"in the term of the grant", 2, true},
		{"in an older term", 1, false},
		{"in a newer term", 3, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var g grants
			g.give("a", 2, 0, 100*ms)
			g.released(tt.released)
			if got := g.give("b", 3, 50*ms, 150*ms); got != tt.want {
				t.Errorf("granted to b: %t, want %t", got, tt.want)
			}
		})
	}
}

// Answers overtake each other.
func TestGrantIsOfItsNewestTerm(t *testing.T) {
	var g grants
	g.give("a", 8, 0, 100*ms)
	g.give("a", 7, 0, 100*ms)
	g.released(7)
	if g.give("b", 9, 50*ms, 150*ms) {
		t.Error("the word of a's term 7 ended its grant of term 8")
	}
}

// After a start nobody knows whom the last run granted to; no word ends that.
func TestQuietTimeAfterAStartHasNoLeader(t *testing.T) {
	g := grants{until: 100 * ms}
	g.released(0)
	if g.give("a", 2, 99*ms, 200*ms) {
		t.Error("granted before the quiet time was over")
	}
	if !g.give("a", 2, 100*ms, 200*ms) {
		t.Error("refused after the quiet time")
	}
}

// Whatever is asked in whatever order, no two leaders are granted to at one time
// but for one that has released.
func TestGrantsNeverOverlap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var g grants
		ends := map[string]time.Duration{}
		now := time.Duration(0)
		for range rapid.IntRange(1, 50).Draw(t, "steps") {
			now += time.Duration(rapid.IntRange(0, 50).Draw(t, "later")) * ms
			leader := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "leader")
			until := now + time.Duration(rapid.IntRange(1, 100).Draw(t, "length"))*ms
			if g.give(leader, 2, now, until) {
				ends[leader] = max(ends[leader], until)
			}
			running := 0
			for _, end := range ends {
				if now < end {
					running++
				}
			}
			if running > 1 {
				t.Fatalf("at %s: %v", now, ends)
			}
		}
	})
}

func TestMarksOfAnswers(t *testing.T) {
	resp := &raft.AppendEntriesResponse{RPCHeader: raft.RPCHeader{Addr: []byte("198.18.0.1:7400")}}
	if got := granted(resp); got != 0 {
		t.Errorf("an unmarked answer grants %s", got)
	}
	resp.Addr = marked(markGrant, 250*ms)
	if got := granted(resp); got != 250*ms {
		t.Errorf("granted %s, want 250ms", got)
	}
	for name, addr := range map[string][]byte{
		"nothing":   nil,
		"short":     resp.Addr[:len(resp.Addr)-1],
		"long":      append(resp.Addr[:len(resp.Addr):len(resp.Addr)], 0),
		"too short": append([]byte("\x00grant"), 0, 0, 0, 0, 0, 0, 0, 2),
		"too much":  append([]byte("\x00grant"), 0xff, 0, 0, 0, 0, 0, 0, 0),
		"other tag": append([]byte("\x00term\x00"), 0, 0, 0, 0, 0, 0, 0, 1),
	} {
		if got := granted(&raft.AppendEntriesResponse{RPCHeader: raft.RPCHeader{Addr: addr}}); got != 0 {
			t.Errorf("%s: granted %s", name, got)
		}
	}
}

func TestMarksOfCalls(t *testing.T) {
	req := &raft.TimeoutNowRequest{RPCHeader: raft.RPCHeader{ID: []byte("lb1"), Addr: []byte("198.18.0.1:7400")}}
	if got := callOf(req); got != (call{}) {
		t.Errorf("an unmarked call carries %+v", got)
	}
	for _, c := range []call{{term: 7}, {term: 7, clear: true}} {
		marked := calling(req, c)
		if callOf(marked) != c || string(marked.ID) != "lb1" || string(req.Addr) != "198.18.0.1:7400" {
			t.Errorf("marked %+v, of %+v", marked, req)
		}
	}
}
