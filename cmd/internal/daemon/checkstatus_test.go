package daemon

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/perch-vip/perch/checker"
)

func TestNumbersThatChecksFind(t *testing.T) {
	found := func(n int) checker.Value { return checker.Value{Is: n, Known: true} }
	for name, tc := range map[string]struct {
		status checker.Status
		want   verdict
	}{
		"a weight":             {checker.Status{Kind: kindScript, State: checker.Healthy, Value: found(9)}, verdict{state: passed, weight: new(uint32(9))}},
		"weight 0":             {checker.Status{Kind: kindScript, State: checker.Healthy, Value: found(0)}, verdict{state: passed, weight: new(uint32(0))}},
		"no weight":            {checker.Status{Kind: kindScript, State: checker.Healthy}, verdict{state: passed}},
		"less than none":       {checker.Status{Kind: kindScript, State: checker.Healthy, Value: found(-1)}, verdict{state: passed}},
		"the number of a file": {checker.Status{Kind: kindFile, State: checker.Healthy, Value: found(9)}, verdict{state: passed, value: 9, known: true}},
		"of another kind":      {checker.Status{Kind: "tcp", State: checker.Healthy, Value: found(9)}, verdict{state: passed}},
		"one that failed":      {checker.Status{Kind: "tcp", State: checker.Failed, Verdict: "failed 3 of 3"}, verdict{state: failed, reason: "failed 3 of 3"}},
		"one that begins":      {checker.Status{Kind: "tcp", State: checker.Unknown, Looks: 1, Error: "refused"}, verdict{state: undecided, reason: "has looked once: refused"}},
	} {
		if diff := cmp.Diff(tc.want, verdictOf(tc.status), cmp.AllowUnexported(verdict{})); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
}
