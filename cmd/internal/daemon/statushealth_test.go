package daemon

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/perch-vip/perch/checker"
	"github.com/perch-vip/perch/cluster/state"
	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/config"
)

// ill returns what a node says of itself that is sick.
func ill(node string, reasons ...string) answer {
	a := from(node, "", 7, false, "")
	a.report.Health = &api.Health{State: api.HealthSick, Priority: 40, Reasons: reasons}
	return a
}

// Each node has a line that says why it is or is not the owner, which docs/checks.md has.
func TestStatusExplainsEachNode(t *testing.T) {
	text, err := os.ReadFile("../../../docs/checks.md")
	if err != nil {
		t.Fatal(err)
	}
	_, docs, _ := strings.Cut(string(text), "| It says | |")
	const refused = "check haproxy failed 3 of 3: connection refused"
	left := time.Now().Add(-5 * time.Second)
	for _, tt := range []struct {
		name   string
		change func(*snapshot, map[string]answer)
		node   string
		want   string
		health string
		well   bool
	}{
		{"the owner", func(*snapshot, map[string]answer) {}, "lb1", "owns the VIPs: lost contact with lb2", "healthy", true},
		{"next", func(*snapshot, map[string]answer) {}, "lb2", "healthy, priority 90, would be next", "healthy", true},
		{"sick", func(s *snapshot, _ map[string]answer) {
			s.fitness = fitness{health: sick, priority: 90, reasons: []string{refused}}
		}, "lb2", refused, "sick", false},
		{"a sick owner", func(_ *snapshot, a map[string]answer) {
			owner := a["lb1"]
			owner.report.Health = ill("lb1", refused).report.Health
			a["lb1"] = owner
		}, "lb1", "owns the VIPs although " + refused, "sick", false},
		{"unknown", func(s *snapshot, _ map[string]answer) {
			s.fitness = fitness{health: unsure, priority: 90, reasons: []string{"check haproxy has looked once"}}
		}, "lb2", "no verdict yet: check haproxy has looked once", "unknown", true},
		{"an older version", func(_ *snapshot, a map[string]answer) {
			owner := a["lb1"]
			owner.report.Health, owner.report.VIPs = nil, nil
			a["lb1"] = owner
		}, "lb1", "health unknown: it has not told", "", true},
		{"drained", func(s *snapshot, _ map[string]answer) { s.memory.Drained = []string{"lb2"} }, "lb2", "is drained", "healthy", true},
		{"unreachable", func(_ *snapshot, a map[string]answer) { a["lb1"] = answer{err: errors.New("x")} }, "lb1", "does not answer", "", false},
		{"held down", func(s *snapshot, _ map[string]answer) {
			s.memory.History = []state.Move{{Time: left, Term: 7, From: "lb2", To: "lb1", Cause: state.CauseHealth, Reason: "lb2 is sick: " + refused}}
		}, "lb2", "held down for 5s more: left once because it was sick", "healthy", true},
	} {
		s, answers := knowing(), healthy()
		tt.change(&s, answers)
		nodes := s.status(answers).Cluster.Nodes
		n := nodes[slices.IndexFunc(nodes, func(n api.Node) bool { return n.Name == tt.node })]
		if !strings.Contains(docs, "\n| `"+tt.want+"` |") {
			t.Errorf("docs/checks.md does not explain %q", tt.want)
		}
		if n.Why != tt.want || n.Health != tt.health || n.Healthy != tt.well {
			t.Errorf("%s: %q, health %q, healthy %v; want %q, %q, %v", tt.name, n.Why, n.Health, n.Healthy, tt.want, tt.health, tt.well)
		}
		if tt.name == "held down" != !n.HeldDown.IsZero() {
			t.Errorf("%s: held down until %s", tt.name, n.HeldDown)
		}
	}
}

// Where nobody is to own the VIPs the status says why.
func TestStatusOfNoHealthyNode(t *testing.T) {
	s := knowing()
	s.config.Cluster.WhenUnhealthy = "release"
	st := s.status(map[string]answer{"lb1": ill("lb1", "check web failed 3 of 3: status 503"), "w": from("w", "", 7, false, "")})
	if got := st.VIPs[0]; got.Owner != "" || !strings.Contains(got.Reason, "no healthy node may take over") {
		t.Errorf("%+v", got)
	}
	want := "lb1 is sick: check web failed 3 of 3: status 503"
	if !slices.Contains(st.Warnings, want) {
		t.Errorf("warnings %q, want %q", st.Warnings, want)
	}
}

func TestStatusOfChecks(t *testing.T) {
	list := []checker.Status{
		{Name: "web", Kind: "http", State: checker.Failed, Error: "status 503", Verdict: "failed 3 of 3: status 503", Looks: 3, Failures: 3, Took: 1234567},
		{Name: "load", Kind: "file", State: checker.Healthy, Verdict: "healthy", Looks: 1, Value: checker.Value{Is: 7, Known: true}},
		{Name: "new", Kind: "script", State: checker.Unknown, Verdict: "unknown; no look yet", Overdue: 1234 * time.Millisecond},
	}
	got := checksOf(list, []config.Check{{Name: "web", Target: "http://lb1/"}, {Name: "new", Script: config.CheckScript{Argv: []string{"/bin/x", "-v"}}}})
	if c := got[0]; c.Error != "failed 3 of 3: status 503" || c.Target != "http://lb1/" || c.Took != "1.23ms" || c.Healthy || c.Value != nil {
		t.Errorf("%+v", c)
	}
	if c := got[1]; c.Error != "" || !c.Healthy || c.Value == nil || *c.Value != 7 {
		t.Errorf("%+v", c)
	}
	if c := got[2]; c.Error != "" || c.Target != "/bin/x -v" || c.Overdue != "1.2s" || c.Took != "" {
		t.Errorf("%+v", c)
	}
	if v := verdictOf(list[1]); v != (verdict{state: passed, value: 7, known: true, reason: "healthy"}) {
		t.Errorf("%+v", v)
	}
	script := list[1]
	script.Kind = "script" // its number is the weight of a real server
	if v := verdictOf(script); v.known {
		t.Errorf("%+v", v)
	}
}
