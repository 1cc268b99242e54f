package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// checked is a cluster whose nodes have checks, one of which fails.
func checked() api.Status {
	s := healthy()
	n := s.Cluster.Nodes
	n[0].Health, n[0].EffectivePriority, n[0].Why = api.HealthHealthy, 100, "owns the VIPs: lb2 was stopped"
	n[1].Health, n[1].EffectivePriority, n[1].Healthy = api.HealthSick, 30, false
	n[1].Error = "check haproxy failed 3 of 3: connection refused"
	n[1].Why, n[1].HeldDown = n[1].Error, now.Add(20*time.Second)
	n[2].Health, n[2].Why = api.HealthUnknown, "a witness, owns nothing"
	value := 7
	s.Checks = []api.Check{
		{Name: "haproxy", Kind: "http", Target: "http://127.0.0.1:8080/", State: api.CheckFailed, Since: now.Add(-90 * time.Second), Error: "failed 3 of 3: connection refused"},
		{Name: "load", Kind: "file", Target: "/run/load", State: api.CheckHealthy, Since: now.Add(-time.Hour), Value: &value},
		{Name: "tls", Kind: "tls", Target: "lb1:443", State: api.CheckHealthy, Since: now.Add(-time.Hour), Warning: "certificate expires in 6 days"},
		{Name: "new", Kind: "script", Target: "/usr/bin/true -v", State: api.CheckUnknown, Overdue: "3s"},
	}
	return s
}

// hostileChecks is what a checked server should not be able to do to a terminal.
func hostileChecks() api.Status {
	s := checked()
	s.Checks[0].Error, s.Checks[1].Target = "\x1b[2J\n", "\r"
	s.Cluster.Nodes[1].Why = "first\nsecond"
	return s
}

// thousands has more checks than anybody reads.
func thousands() api.Status {
	s := checked()
	for i := range 5000 {
		s.Checks = append(s.Checks, api.Check{Name: fmt.Sprint("c", i), Kind: "tcp", State: api.CheckHealthy})
	}
	return s
}

func TestRenderChecks(t *testing.T) {
	for name, s := range map[string]api.Status{"checks": checked(), "checks-hostile": hostileChecks(), "checks-thousands": thousands()} {
		golden(t, name, renderStatus(s, view{now: now, paint: noColour}))
		for line := range strings.Lines(renderStatus(s, view{now: now, paint: noColour, width: 60})) {
			if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > 60 {
				t.Errorf("%s: a line has %d columns: %q", name, n, line)
			}
		}
	}
}
