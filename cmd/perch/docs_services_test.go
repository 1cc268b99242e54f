package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/perch-vip/perch/cluster/state"
	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/config"
)

// tutorial is how the directors of docs/ipvs.md stand once they run.
func tutorial() api.Status {
	node := func(name, address, role, why string) api.Node {
		return api.Node{Name: name, Address: address, Role: role, Voter: true, Healthy: true, Fence: "bpf", Priority: 100, Version: "v0.1.0", Why: why}
	}
	web := api.Service{Name: "web", State: api.ServiceReady, Scheduler: "wlc", Forward: "dr", Quorum: api.Quorum{Needed: 1, Weight: 3, Up: true}}
	for _, address := range []string{"198.18.0.11:80", "198.18.0.12:80", "198.18.0.13:80"} {
		web.Servers = append(web.Servers, api.Server{Address: address, State: api.ServerUp, Weight: 1, ConfiguredWeight: 1, Healthy: true})
	}
	return api.Status{
		Node: "lb1",
		Cluster: &api.Cluster{
			Name: "edge", State: api.StateOK, Leader: "lb1", Term: 2, Quorum: true,
			Nodes: []api.Node{
				node("lb1", "198.18.0.1:7400", api.RoleLeader, "owns the VIPs: first owner"),
				node("lb2", "198.18.0.2:7400", api.RoleFollower, "healthy, priority 100, would be next"),
				node("lb3", "198.18.0.3:7400", api.RoleWitness, "is a witness, which owns nothing"),
			},
		},
		VIPs:     []api.VIP{{Address: "198.18.0.100/24", Interface: "eth0", Owner: "lb1", Held: true, Since: now.Add(-3 * time.Second), Reason: "first owner"}},
		Services: []api.Service{web},
	}
}

// What docs/ipvs.md shows at the end of its first steps is what is printed.
func TestDocsShowTheTutorial(t *testing.T) {
	const file = "../../docs/ipvs.md"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var shown strings.Builder
	for line := range strings.Lines(renderStatus(tutorial(), view{now: now, paint: noColour})) {
		if line != "\n" {
			line = "    " + line
		}
		shown.WriteString(line)
	}
	if !strings.Contains(string(text), "\n\n"+shown.String()+"\n") {
		t.Errorf("%s does not show\n%s", file, &shown)
	}
}

// What docs/cli.md shows of services and orders is what is printed.
func TestDocsShowServices(t *testing.T) {
	text, err := os.ReadFile(docsFile)
	if err != nil {
		t.Fatal(err)
	}
	s := balancing()
	s.Services, s.IPVS = s.Services[:2], nil
	_, _, unknown := (&config.Config{Services: []config.Service{{Name: "web"}}}).FindServer("wbe", "10.0.0.11:80")
	report := api.ServerReport{
		ServerName: api.ServerName{Service: "web", Server: "10.0.0.12:80"}, Node: "lb1", Protocol: "tcp",
		Found: api.Server{Drained: true, Connections: api.Connections{Active: 3}},
	}
	for _, printed := range []string{
		drawServices(s, view{now: now, paint: noColour})[0],
		"perch: " + unknown.Error() + "\n",
		"perch: " + whyNotDrained(report) + "\n",
	} {
		if shown := "    " + strings.ReplaceAll(strings.TrimSuffix(printed, "\n"), "\n", "\n    ") + "\n"; !strings.Contains(string(text), "\n"+shown) {
			t.Errorf("%s does not show\n%s", docsFile, shown)
		}
	}
	limit := fmt.Sprintf("%d,%03d servers at most", state.OrdersLimit/1000, state.OrdersLimit%1000)
	for _, said := range []string{limit, fmt.Sprintf("Of more than %d servers", fewServers)} {
		if !strings.Contains(string(text), said) {
			t.Errorf("%s does not say %q", docsFile, said)
		}
	}
}
