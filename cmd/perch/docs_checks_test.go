package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
)

const checksFile = "../../docs/checks.md"

// moved is the cluster of docs/checks.md after HAProxy was stopped on lb1.
func moved() (api.Status, []api.Move) {
	const check = "check haproxy failed 3 of 3: connection refused"
	node := func(name, address, role string, priority int, health, why string) api.Node {
		return api.Node{
			Name: name, Address: address, Role: role, Voter: true, Healthy: health == api.HealthHealthy, Fence: "bpf",
			Priority: priority, Health: health, EffectivePriority: priority, Why: why, Version: "v0.1.0",
		}
	}
	left := now.Add(-5 * time.Second)
	moves := []api.Move{
		{Time: now.Add(-24 * time.Hour), Term: 2, To: "lb1", Reason: "first owner"},
		{Time: left, Term: 3, From: "lb1", To: "lb2", Reason: "lb1 is sick: " + check, Outage: 2_400_000, OutageKnown: api.OutageAbout},
		{Time: now.Add(58 * time.Second), Term: 4, From: "lb2", To: "lb1", Reason: "lb1 has a higher priority", Outage: 2_100_000, OutageKnown: api.OutageAbout},
	}
	s := api.Status{
		Node: "lb1", Version: "v0.1.0",
		Cluster: &api.Cluster{
			Name: "edge", State: api.StateOK, Leader: "lb2", Term: 3, Quorum: true,
			Nodes: []api.Node{
				node("lb1", "198.18.0.1:7400", api.RoleFollower, 120, api.HealthSick, check),
				node("lb2", "198.18.0.2:7400", api.RoleLeader, 100, api.HealthHealthy, "owns the VIPs: lb1 is sick: "+check),
				node("lb3", "198.18.0.3:7400", api.RoleFollower, 100, api.HealthHealthy, "healthy, priority 100, would be next"),
			},
		},
		VIPs: []api.VIP{{Address: "198.18.0.100/24", Interface: "eth0", Owner: "lb2", Held: true, Since: left, Reason: "lb1 is sick: " + check}},
		Checks: []api.Check{{
			Name: "haproxy", Kind: "http", Target: "http://127.0.0.1:8080/healthz", State: api.CheckFailed, Since: left,
			Error: "failed 3 of 3: connection refused",
		}},
		Warnings: []string{"lb1 is sick: " + check},
	}
	n := &s.Cluster.Nodes[0]
	n.Error, n.HeldDown = "is sick: "+check, left.Add(10*time.Second)
	return s, moves
}

// What docs/checks.md shows of status and history is what they print.
func TestDocsShowAMove(t *testing.T) {
	text, err := os.ReadFile(checksFile)
	if err != nil {
		t.Fatal(err)
	}
	s, moves := moved()
	v := view{now: now, paint: noColour}
	for _, printed := range []string{renderStatus(s, v), renderHistory(moves, v)} {
		var indented strings.Builder
		for line := range strings.Lines(printed) {
			if strings.TrimSpace(line) != "" {
				line = "    " + line
			}
			indented.WriteString(line)
		}
		if !strings.Contains(string(text), "\n\n"+indented.String()+"\n") {
			t.Errorf("%s does not show\n%s", checksFile, indented.String())
		}
	}
}

// The check that perch init has as an example is right.
func TestInitShowsACheck(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "perch.toml")
	must := func(args ...string) {
		t.Helper()
		var out strings.Builder
		if code := run(t.Context(), args, &out, &out); code != 0 || strings.Contains(out.String(), "warning") {
			t.Fatalf("perch %s: exit code %d\n%s", strings.Join(args, " "), code, &out)
		}
	}
	must("init", "--dir", dir, "--name", "lb1", "--peer", "lb1=198.18.0.1", "--peer", "lb2=198.18.0.2", "--peer", "lb3=198.18.0.3",
		"--vip", "198.18.0.100/24", "--interface", "eth0")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	shown := strings.ReplaceAll(string(text), "\n#     ", "\n")
	if !strings.Contains(shown, "\n[[check]]\n") {
		t.Fatalf("no check in\n%s", shown)
	}
	if err := os.WriteFile(path, []byte(shown), 0o600); err != nil {
		t.Fatal(err)
	}
	must("check", "-c", path)
}
