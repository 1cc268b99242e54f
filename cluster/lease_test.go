package cluster

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const ms = time.Millisecond

func TestLeaseLengthIsShorterThanDetection(t *testing.T) {
	for _, h := range []time.Duration{50 * ms, 100 * ms, 300 * ms, time.Second, 10 * time.Second} {
		l := leaseLength(h)
		// The follower's clock may run faster than the leader's by all of the drift,
		// and the leader may act a tick late on a clock read a little before.
		if limit := h - h/clockDrift; l+tick+slack > limit {
			t.Errorf("H = %s: L = %s ends after %s", h, l, limit)
		}
		if l < h/2 {
			t.Errorf("H = %s: L = %s leaves no room for a late heartbeat", h, l)
		}
	}
	if l := leaseLength(100 * ms); l > 84*ms {
		t.Errorf("H = 100ms: L = %s, at most 84ms", l)
	}
}

func TestLeaseUntil(t *testing.T) {
	three := []string{"a", "b", "c"}
	five := []string{"a", "b", "c", "d", "e"}
	type grant struct {
		term  uint64
		voter string
		end   time.Duration
	}
	const self = time.Second
	tests := []struct {
		name   string
		grants []grant
		term   uint64
		voters []string
		want   time.Duration
	}{
		{"nobody granted", nil, 2, three, 0},
		{"one of two others", []grant{{2, "b", 900 * ms}}, 2, three, 900 * ms},
		{"the later of two others", []grant{{2, "b", 900 * ms}, {2, "c", 950 * ms}}, 2, three, 950 * ms},
		{"others that grant for longer", []grant{{2, "b", 2 * self}, {2, "c", 3 * self}}, 2, three, 2 * self},
		{"a grant overtaken by a newer one", []grant{{2, "b", 900 * ms}, {2, "b", 800 * ms}}, 2, three, 900 * ms},
		{"another term", []grant{{2, "b", 900 * ms}}, 3, three, 0},
		{"a grant of an older term", []grant{{3, "b", 900 * ms}, {2, "c", 950 * ms}}, 3, three, 900 * ms},
		{"a new term forgets", []grant{{2, "b", 900 * ms}, {3, "c", 950 * ms}}, 3, five, 0},
		{"five need two others", []grant{{2, "b", 900 * ms}}, 2, five, 0},
		{"the second latest of five", []grant{{2, "b", 900 * ms}, {2, "d", 950 * ms}}, 2, five, 900 * ms},
		{"a grant of a node without a vote", []grant{{2, "x", 900 * ms}}, 2, three, 0},
		{"a leader that is no voter does not count itself", []grant{{2, "b", 900 * ms}}, 2, []string{"b", "c", "d"}, 0},
		{"alone", nil, 2, []string{"a"}, self},
		{"no configuration", nil, 2, nil, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var l lease
			for _, g := range tt.grants {
				l.grant(g.term, g.voter, g.end)
			}
			if got := l.until(tt.term, "a", self, tt.voters); got != tt.want {
				t.Errorf("until = %s, want %s", got, tt.want)
			}
		})
	}
	var l lease
	l.grant(2, "b", 900*ms)
	if got := l.until(2, "a", 0, three); got != 0 {
		t.Errorf("until = %s for a leader that has granted to another, want 0", got)
	}
}

// Whatever comes in whatever order, a majority of the voters has granted at least
// until the end of the lease.
func TestLeaseNeedsAMajority(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		voters := []string{"a", "b", "c", "d", "e", "f", "g"}[:rapid.IntRange(1, 7).Draw(t, "voters")]
		var l lease
		latest := map[string]time.Duration{"a": 10 * time.Second}
		for range rapid.IntRange(0, 40).Draw(t, "grants") {
			voter := rapid.SampledFrom([]string{"b", "c", "d", "e", "f", "g", "x"}).Draw(t, "voter")
			end := time.Duration(rapid.Int64Range(1, int64(20*time.Second)).Draw(t, "end"))
			term := rapid.Uint64Range(1, 2).Draw(t, "term")
			l.grant(term, voter, end)
			if term == 2 {
				latest[voter] = max(latest[voter], end)
			}
		}
		until := l.until(2, "a", latest["a"], voters)
		if until == 0 {
			return
		}
		count := 0
		for voter, end := range latest {
			if slices.Contains(voters, voter) && end >= until {
				count++
			}
		}
		if count <= len(voters)/2 {
			t.Fatalf("until = %s with %d grants of %d voters", until, count, len(voters))
		}
	})
}
