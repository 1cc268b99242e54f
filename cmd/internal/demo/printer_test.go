package demo

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

func TestTable(t *testing.T) {
	outages := func(v4, v6 time.Duration) []lab.Outage { return []lab.Outage{{Gap: v4}, {Gap: v6}} }
	var out bytes.Buffer
	newPrinter(&out).table([]outcome{
		{
			name: "planned transfer", from: "lb1", to: "lb2", answering: []string{"lb2"},
			outages: outages(3140*time.Microsecond, 12600*time.Microsecond),
		},
		{
			name: "SIGKILL", from: "lb2", to: "lb3", answering: []string{"lb2", "lb3"}, alone: 2 * time.Second,
			outages: outages(9*time.Millisecond, time.Second),
		},
	}, 1900*time.Microsecond)
	const want = `
What the client saw

    EVENT              OUTAGE IPV4   IPV6      OWNER        ANSWERING AFTERWARDS
    planned transfer   3.1 ms        13 ms     lb1 -> lb2   lb2
    SIGKILL            9.0 ms        1000 ms   lb2 -> lb3   lb2 and lb3 for 2000 ms, then lb3

An outage is the longest time between two answers; between the events it was 1.9 ms.
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}

// The story tells only what was measured, and nothing where all went well.
func TestStories(t *testing.T) {
	tests := map[string]struct {
		tell func(*printer, outcome)
		o    outcome
		want string
	}{
		"moved":       {(*printer).move, outcome{from: "lb1", to: "lb2"}, "    lb1 -> lb2\n"},
		"stayed":      {(*printer).move, outcome{from: "lb1", to: "lb1"}, "    lb1 owns the VIPs, as before.\n"},
		"no leftover": {(*printer).leftBehind, outcome{from: "lb1", to: "lb2", answering: []string{"lb2"}}, ""},
		"leftover": {
			(*printer).leftBehind,
			outcome{from: "lb1", to: "lb2", answering: []string{"lb1", "lb2"}, alone: 2 * time.Second},
			"    The kernel of lb1 went on answering beside lb2 for 2000 ms, until the addresses,\n" +
				"    which perch only lends to it, ran out.\n",
		},
		"let go in time": {
			(*printer).handover,
			outcome{from: "lb1", to: "lb2", released: 80 * time.Millisecond, taken: 110 * time.Millisecond},
			"    lb1, cut off, gave the VIPs up after 80 ms; lb2 took them after 110 ms.\n",
		},
		"let go too late": {
			(*printer).handover,
			outcome{from: "lb1", to: "lb2", released: 120 * time.Millisecond, taken: 110 * time.Millisecond},
			"",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			tt.tell(newPrinter(&out), tt.o)
			if diff := cmp.Diff(tt.want, out.String()); diff != "" {
				t.Errorf("story (-want +got):\n%s", diff)
			}
		})
	}
}
