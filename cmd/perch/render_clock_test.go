package main

import (
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
)

func TestRenderClock(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	following := func(m *api.Measured, trouble string) api.Status {
		return api.Status{Node: "lb2", Clock: &api.Clock{Follows: "lb1", Address: "198.18.0.1", Error: trouble, MaxOffset: 100 * time.Millisecond, Measured: m}}
	}
	at := now.Add(-12 * time.Second)
	for name, s := range map[string]api.Status{
		"clock":        following(&api.Measured{At: at, Offset: 41300, RoundTrip: 304000, Stratum: 3}, ""),
		"clock-off":    following(&api.Measured{At: at, Offset: -1234 * time.Millisecond, RoundTrip: 304000, Stratum: 3}, "chronyc fails"),
		"clock-silent": following(&api.Measured{At: at, Error: "no answer"}, ""),
		"clock-leader": {Node: "lb1", Cluster: &api.Cluster{Name: "edge", State: api.StateOK, Leader: "lb1", Term: 7, Quorum: true}, Clock: &api.Clock{}},
		"clock-nobody": {Node: "lb1", Clock: &api.Clock{}},
	} {
		golden(t, name, renderStatus(s, view{now: now, paint: ansiColour}))
	}
}
