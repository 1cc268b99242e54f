package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/perch-vip/perch/cluster/state"
	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/config"
)

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
