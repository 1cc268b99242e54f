package lab

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRequests(t *testing.T) {
	const ms = time.Millisecond
	start := time.Unix(1000, 0)
	at := func(d time.Duration) time.Time { return start.Add(d) }
	good := func(sent, took time.Duration, by string) Request {
		return Request{Sent: at(sent), Took: took, Status: 200, By: by}
	}
	rs := Requests{
		good(20*ms, 1*ms, "lb2"),
		good(0, 1*ms, "lb1"),
		{Sent: at(5 * ms), Took: 10 * ms, Failure: "no answer"},
		{Sent: at(10 * ms), Took: 1 * ms, Failure: "no answer"},
		{Sent: at(15 * ms), Took: 1 * ms, Status: 503, By: "lb1"},
		good(2*ms, 7*ms, "lb1"), // the answer comes at 9 ms
		good(25*ms, 1*ms, "lb2"),
		good(26*ms, 4*ms, "lb1"),
	}
	t.Run("outage", func(t *testing.T) {
		tests := map[string]struct{ from, until, want time.Duration }{
			"between two answers":     {0, 30 * ms, 12 * ms},
			"begun before the window": {15 * ms, 30 * ms, 12 * ms},
			"lasts":                   {0, 60 * ms, 30 * ms},
			"before the window":       {22 * ms, 30 * ms, 5 * ms},
		}
		for name, tt := range tests {
			if got := rs.Outage(at(tt.from), at(tt.until)); got != tt.want {
				t.Errorf("%s: %s, want %s", name, got, tt.want)
			}
		}
	})
	t.Run("stints", func(t *testing.T) {
		want := []Stint{
			{"lb1", at(1 * ms), at(9 * ms), 2},
			{"lb2", at(21 * ms), at(26 * ms), 2},
			{"lb1", at(30 * ms), at(30 * ms), 1},
		}
		if diff := cmp.Diff(want, rs.Stints()); diff != "" {
			t.Errorf("stints (-want +got):\n%s", diff)
		}
	})
	t.Run("text", func(t *testing.T) {
		const want = "8 requests, 2 answered by lb1, 2 answered by lb2, 1 answered by lb1, 2 times no answer, 1 times status 503"
		if got := rs.String(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	})
}
