package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
)

func TestRenderHooks(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	minutes := func(n int) time.Time { return now.Add(-time.Duration(n) * time.Minute) }
	few := []api.Convergence{
		{Hook: "/bin/claim", About: "cluster", Name: "edge", State: api.Converged, Goal: "owner", Term: 7, Since: minutes(3)},
		{Hook: "/bin/claim", About: "vrrp", Name: "gw", State: api.ConvergeFailing, Goal: "standby", Since: minutes(2), Error: "exit code 1: no route"},
		{Hook: "/bin/other", About: "cluster", Name: "edge", State: api.ConvergeRunning, Goal: "owner", Term: 7, Since: minutes(0)},
	}
	many := few[1:2:2]
	for i := range fewHooks {
		many = append(many, api.Convergence{Hook: "/bin/claim", About: "vrrp", Name: fmt.Sprint("gw", i), State: api.Converged, Goal: "owner", Since: minutes(3)})
	}
	for name, hooks := range map[string][]api.Convergence{"converge": few, "converge-many": many} {
		golden(t, name, renderStatus(api.Status{Node: "lb1", Converge: hooks}, view{now: now, paint: noColour}))
	}
}
