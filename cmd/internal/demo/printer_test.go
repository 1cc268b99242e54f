package demo

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/lab"
)

func TestTable(t *testing.T) {
	outages := func(v4, v6 time.Duration) []lab.Outage { return []lab.Outage{{Gap: v4}, {Gap: v6}} }
	var out bytes.Buffer
	newPrinter(Options{Out: &out}).table([]outcome{
		{
			name: "planned transfer", from: "lb1", to: "lb2", answering: []string{"lb2"},
			outages: outages(3140*time.Microsecond, 12600*time.Microsecond), quiet: 1900 * time.Microsecond,
		},
		{
			name: "SIGKILL", from: "lb2", to: "lb3", answering: []string{"lb2", "lb3"}, several: 2 * time.Second,
			outages: outages(9*time.Millisecond, time.Second), quiet: 8999 * time.Microsecond,
		},
		{
			name: "link healed", from: "lb3", to: "lb3", answering: []string{"lb3"},
			outages: outages(2000*time.Microsecond, 12*time.Millisecond), quiet: 12 * time.Millisecond,
		},
	})
	const want = `
What the client saw

    EVENT              OUTAGE IPV4   IPV6      OWNER            ANSWERING AFTERWARDS
    planned transfer   3.1 ms        13 ms     lb1 -> lb2       lb2
    SIGKILL            9.0 ms        1000 ms   lb2 -> lb3       lb2 and lb3 for 2000 ms, then lb3
    link healed        < 13 ms       < 13 ms   lb3, unchanged   lb3

An outage is the longest time between two answers. With "<" it was no longer than
such times were before the event, while nothing happened.
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}

// The story tells what was measured, whether or not it went well.
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
			outcome{from: "lb1", to: "lb2", answering: []string{"lb1", "lb2"}, several: 2 * time.Second},
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
			"    lb1, cut off, gave the VIPs up after 120 ms; lb2 took them after 110 ms.\n",
		},
		"not let go": {
			(*printer).handover,
			outcome{from: "lb1", to: "lb2", taken: 110 * time.Millisecond},
			"    lb1, cut off, still had the VIPs when lb2 took them after 110 ms.\n",
		},
		"silence": {
			(*printer).silence,
			outcome{outages: []lab.Outage{{Gap: 8600 * time.Microsecond}, {Gap: 1990 * time.Microsecond}}, quiet: 2 * time.Millisecond},
			"    Longest silence for the client: 8.6 ms by IPv4, < 2.1 ms by IPv6.\n",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			tt.tell(newPrinter(Options{Out: &out}), tt.o)
			if diff := cmp.Diff(tt.want, out.String()); diff != "" {
				t.Errorf("story (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSurpriseSaysWhatPerchKnows(t *testing.T) {
	o := outcome{from: "lb1", to: "lb2", outages: []lab.Outage{{Gap: time.Second}, {Gap: time.Second}}}
	moves := []api.Move{{Reason: "first owner"}, {Reason: "lost contact with lb1"}}
	for why, known := range map[string][]api.Move{"unknown": nil, "lost contact with lb1": moves} {
		var out bytes.Buffer
		newPrinter(Options{Out: &out}).surprise(o, known)
		want := "\nMeanwhile the VIPs moved by themselves: lb1 -> lb2 (perch history: " + why + ").\n" +
			"    A busy machine does that to the fast profile; try --failover normal.\n" +
			"    Longest silence for the client: 1000 ms by IPv4, 1000 ms by IPv6.\n"
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Errorf("surprise (-want +got):\n%s", diff)
		}
	}
}

func TestColourIfWanted(t *testing.T) {
	for _, want := range []bool{false, true} {
		var out bytes.Buffer
		newPrinter(Options{Out: &out, Colour: want}).command("perch status", "")
		if got := bytes.Contains(out.Bytes(), []byte("\x1b[1m$ perch status\x1b[0m")); got != want {
			t.Errorf("colour: %v, want %v in %q", got, want, out.String())
		}
	}
}

func TestInMillis(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                        "0.0 ms",
		2040 * time.Microsecond:  "2.0 ms",
		9949 * time.Microsecond:  "9.9 ms",
		9951 * time.Microsecond:  "10 ms",
		10500 * time.Microsecond: "11 ms",
		time.Second:              "1000 ms",
	} {
		if got := inMillis(d); got != want {
			t.Errorf("%s is written %q, want %q", d, got, want)
		}
	}
}
