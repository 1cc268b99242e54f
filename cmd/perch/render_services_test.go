package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// balancing is a node with services of which something is wrong with each but the first.
func balancing() api.Status {
	up := func(address string, active uint32) api.Server {
		return api.Server{
			Address: address, Forward: "dr", State: api.ServerUp, Since: now.Add(-time.Hour), Weight: 10, ConfiguredWeight: 10, Healthy: true,
			Connections: api.Connections{Active: active, Inactive: 3 * active}, Counters: api.Counters{Connections: 1 << 40, ConnectionRate: 7},
		}
	}
	draining, weighed, down, fresh := up("10.0.0.12:80", 3), up("10.0.0.13:80", 4), up("10.0.0.14:80", 0), up("[2001:db8::15]:80", 0)
	draining.State, draining.Drained, draining.Weight = api.ServerDraining, true, 0
	weighed.Weight, weighed.OrderedWeight = 5, new(uint32(5))
	down.State, down.Healthy, down.Weight, down.Error, down.Drained = api.ServerDown, false, 0, "check 10.0.0.14:80 failed 3 of 3: connection refused", true
	down.Reason = down.Error
	fresh.State, fresh.Healthy, fresh.Weight, fresh.Since = api.ServerUnknown, false, 0, time.Time{}
	fresh.Reason = "check [2001:db8::15]:80 has not looked yet"
	one := api.Quorum{Needed: 1, Weight: 10, Up: true}
	return api.Status{
		Node: "lb1", Version: "v0.1.0",
		Services: []api.Service{
			{Name: "web", Address: "198.18.0.100:80", Protocol: "tcp", Scheduler: "wlc", Forward: "dr", State: api.ServiceReady, Quorum: one, Servers: []api.Server{up("10.0.0.11:80", 12)}},
			{Name: "198.18.0.100:81/tcp", Scheduler: "wrr", Forward: "dr", State: api.ServiceReady, Quorum: api.Quorum{Needed: 20, Weight: 5}, Servers: []api.Server{draining, weighed, down, fresh}},
			{Name: "dns", Scheduler: "mh", Forward: "nat", State: api.ServiceBlocked, Reason: "the kernel has no scheduler mh", Quorum: api.Quorum{Needed: 1}, Sorry: true, SorryServer: "10.0.0.99:53"},
		},
		IPVS: &api.IPVS{
			State: api.ServiceWaiting, Reason: "module ip_vs is not loaded", Foreign: []string{"tcp 198.18.0.9:80", "fwmark 7 ipv4"},
			Sync: &api.IPVSSync{Role: api.SyncOff, Interface: "eth1", ID: 51, Reason: "eth1 is down"},
		},
	}
}

// standingBy is a node whose services are on the owner, and nothing is wrong.
func standingBy() api.Status {
	s := balancing()
	web := s.Services[0]
	web.State, web.Reason = api.ServiceStandby, "the services are where the VIPs are"
	web.Servers[0].Weight = 0
	s.Services, s.IPVS = []api.Service{web}, &api.IPVS{State: api.ServiceStandby, Reason: web.Reason}
	return s
}

// hostileServices is what a checked server should not be able to do to a terminal.
func hostileServices() api.Status {
	s := balancing()
	s.Services[0].Servers[0].Error, s.Services[2].Reason = "\x1b[2J\n", "\r"
	s.IPVS.Foreign[0], s.IPVS.Sync.Reason, s.Services[0].Name = "\x1b]0;x\a", "first\nsecond", "w\teb"
	return s
}

// manyServices has more servers than anybody reads, one of which is down.
func manyServices() api.Status {
	s, big := balancing(), balancing().Services[0]
	server := big.Servers[0]
	for i := range 1000 {
		big.Name, big.Servers = fmt.Sprint("s", i), nil
		for j := range 10 {
			server.Address = fmt.Sprintf("10.0.%d.%d:80", i%250, j)
			big.Servers = append(big.Servers, server)
		}
		s.Services = append(s.Services, big)
	}
	last := &s.Services[len(s.Services)-1].Servers[9]
	last.State, last.Healthy, last.Error = api.ServerDown, false, "failed 3 of 3: connection refused"
	return s
}

func TestRenderServices(t *testing.T) {
	quiet := balancing()
	quiet.Services, quiet.IPVS = quiet.Services[:1], &api.IPVS{State: api.ServiceReady, Sync: &api.IPVSSync{Role: api.SyncMaster, Interface: "eth1", ID: 51}}
	texts := map[string]func(v view) string{
		"services":         func(v view) string { return renderStatus(balancing(), v) },
		"services-hostile": func(v view) string { return renderStatus(hostileServices(), v) },
		"services-many":    func(v view) string { return renderStatus(manyServices(), v) },
		"services-quiet":   func(v view) string { return renderStatus(quiet, v) },
		"servers":          func(v view) string { return renderServices(balancing(), v) },
		"servers-hostile":  func(v view) string { return renderServices(hostileServices(), v) },
		"servers-none":     func(v view) string { return renderServices(healthy(), v) },
	}
	for name, render := range texts {
		golden(t, name, render(view{now: now, paint: noColour}))
		for line := range strings.Lines(render(view{now: now, paint: noColour, width: 60})) {
			if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > 60 {
				t.Errorf("%s: a line has %d columns: %q", name, n, line)
			}
		}
	}
	if parts := drawServices(api.Status{IPVS: &api.IPVS{State: api.ServiceReady}}, view{paint: noColour}); len(parts) > 0 {
		t.Errorf("drawn of nothing: %q", parts)
	}
	problem := api.Status{IPVS: &api.IPVS{State: api.ServiceReady, Reason: "read record: permission denied"}}
	if parts := drawServices(problem, view{paint: noColour}); !slices.Equal(parts, []string{"IPVS: read record: permission denied\n"}) {
		t.Errorf("drawn of a problem: %q", parts)
	}
	golden(t, "services-standby", renderStatus(standingBy(), view{now: now, paint: ansiColour}))
	golden(t, "services-colour", renderStatus(balancing(), view{now: now, paint: ansiColour}))
}

// A watch prints no line for each connection.
func TestJournalLeavesConnectionsOut(t *testing.T) {
	var out strings.Builder
	d := &journal{out: &out, errOut: &out, output: formatJSON}
	first, later, drained := balancing(), balancing(), balancing()
	later.Services[0].Counters.BytesIn++
	later.Services[0].Servers[0].Counters.Connections++
	later.Services[0].Servers[0].Connections.Active++
	drained.Services[0].Servers[0].Drained = true
	for _, s := range []api.Status{first, later, drained} {
		if err := d.show(s); err != nil {
			t.Fatal(err)
		}
	}
	if lines := strings.Count(out.String(), "\n"); lines != 2 {
		t.Errorf("printed %d lines, want one for the first and one for the drain", lines)
	}
	if first.Services[0].Servers[0].Connections.Active != 12 || !slices.Equal(first.IPVS.Foreign, balancing().IPVS.Foreign) {
		t.Error("what was shown has changed")
	}
}
