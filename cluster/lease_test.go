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
		// The follower's clock may run fast and the leader's slow, each by half
		// the drift, and the leader may act a tick late.
		if limit := h - h/clockDrift; l+tick > limit {
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
	type ack struct {
		term uint64
		peer string
		sent time.Duration
	}
	tests := []struct {
		name   string
		acks   []ack
		term   uint64
		voters []string
		want   time.Duration // 0 or the send time that counts; now is 1s
	}{
		{"nobody answered", nil, 2, three, 0},
		{"one of two others", []ack{{2, "b", 900 * ms}}, 2, three, 900 * ms},
		{"the newest of two others", []ack{{2, "b", 900 * ms}, {2, "c", 950 * ms}}, 2, three, 950 * ms},
		{"an answer overtaken by a newer one", []ack{{2, "b", 900 * ms}, {2, "b", 800 * ms}}, 2, three, 900 * ms},
		{"another term", []ack{{2, "b", 900 * ms}}, 3, three, 0},
		{"an answer of an older term", []ack{{3, "b", 900 * ms}, {2, "c", 950 * ms}}, 3, three, 900 * ms},
		{"a new term forgets", []ack{{2, "b", 900 * ms}, {3, "c", 950 * ms}}, 3, five, 0},
		{"five need two others", []ack{{2, "b", 900 * ms}}, 2, five, 0},
		{"the second newest of five", []ack{{2, "b", 900 * ms}, {2, "d", 950 * ms}}, 2, five, 900 * ms},
		{"an answer of a node without a vote", []ack{{2, "x", 900 * ms}}, 2, three, 0},
		{"a leader that is no voter does not count itself", []ack{{2, "b", 900 * ms}}, 2, []string{"b", "c", "d"}, 0},
		{"alone", nil, 2, []string{"a"}, time.Second},
		{"no configuration", nil, 2, nil, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := lease{length: 80 * ms}
			for _, a := range tt.acks {
				l.ack(a.term, a.peer, a.sent)
			}
			want := tt.want
			if want > 0 {
				want += l.length
			}
			if got := l.until(tt.term, "a", tt.voters, time.Second); got != want {
				t.Errorf("until = %s, want %s", got, want)
			}
		})
	}
}

func TestLeaseRestartForgetsEarlierRequests(t *testing.T) {
	voters := []string{"a", "b", "c"}
	l := lease{length: 80 * ms}
	l.ack(2, "b", 900*ms)
	l.restart(950 * ms)
	l.ack(2, "c", 940*ms) // was under way
	if got := l.until(2, "a", voters, time.Second); got != 0 {
		t.Errorf("until = %s after a restart, want 0", got)
	}
	l.ack(2, "c", 960*ms)
	if got, want := l.until(2, "a", voters, time.Second), 1040*ms; got != want {
		t.Errorf("until = %s, want %s", got, want)
	}
}

// Whatever comes in whatever order, a majority of the voters was asked within
// the length of the lease before its end.
func TestLeaseNeedsAMajority(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		voters := []string{"a", "b", "c", "d", "e", "f", "g"}[:rapid.IntRange(1, 7).Draw(t, "voters")]
		l := lease{length: 80 * ms}
		newest := map[string]time.Duration{}
		now := 10 * time.Second
		for range rapid.IntRange(0, 40).Draw(t, "acks") {
			peer := rapid.SampledFrom([]string{"b", "c", "d", "e", "f", "g", "x"}).Draw(t, "peer")
			sent := time.Duration(rapid.Int64Range(0, int64(now)).Draw(t, "sent"))
			term := rapid.Uint64Range(1, 2).Draw(t, "term")
			l.ack(term, peer, sent)
			if term == 2 {
				newest[peer] = max(newest[peer], sent)
			}
		}
		until := l.until(2, "a", voters, now)
		if until == 0 {
			return
		}
		recent := 1 // itself
		for peer, sent := range newest {
			if slices.Contains(voters, peer) && sent+l.length >= until {
				recent++
			}
		}
		if recent <= len(voters)/2 {
			t.Fatalf("until = %s with %d recent of %d voters", until, recent, len(voters))
		}
	})
}
