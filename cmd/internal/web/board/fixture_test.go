package board

import (
	"fmt"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// full is a view with something of everything, not all of it well.
func full() *View {
	weight := uint32(5)
	s := api.Status{
		Node: "lb1", Version: "1.0.0",
		Cluster: &api.Cluster{
			Name: "edge", State: api.StateOK, Leader: "lb1", Term: 7, Quorum: true, Refused: 2,
			Nodes: []api.Node{
				{
					Name: "lb1", Address: "198.18.0.1:7400", Role: api.RoleLeader, Voter: true, Healthy: true, Priority: 100, EffectivePriority: 90,
					Health: api.HealthHealthy, Why: "owns them: lb2 was stopped", Version: "1.0.0", Heartbeat: "300ms", Fence: "bpf",
					Mended: &api.Mended{Count: 2, Last: noon, Found: "the filter was removed"},
				},
				{Name: "lb2", Address: "198.18.0.2:7400", Role: api.RoleFollower, Voter: true, Healthy: true, Drained: true, Priority: 100, Why: "is drained", Version: "1.0.0"},
				{Name: "lb3", Address: "198.18.0.3:7400", Role: api.RoleUnreachable, Voter: true, Priority: 50, Why: "does not answer", Error: "node lb3 does not answer in time"},
				{Name: "old", Address: "198.18.0.4:7400", Role: api.RoleFollower, Healthy: true, Priority: 50, Why: "has no vote", Version: "0.9.0"},
			},
		},
		VIPs: []api.VIP{
			{Address: "198.18.0.100/24", Interface: "eth0", Owner: "lb1", Held: true, Since: noon.Add(-time.Hour), Reason: "lb2 was stopped"},
			{Address: "198.18.0.101/24", Interface: "eth1", Owner: "lb1", Since: noon.Add(-time.Hour), Reason: "there is no interface eth1"},
			{
				Address: "2001:db8::100/64", Interface: "eth0", Owner: "lb1", Held: true, Since: noon.Add(-time.Hour), Reason: "lb2 was stopped", Readded: 3,
				Conflict: &api.Conflict{MAC: "02:00:00:00:00:99", Count: 12345, Last: noon.Add(-time.Second), Ongoing: true},
			},
		},
		VRRP: []api.VirtualRouter{
			{
				Name: "gw", VRID: 51, Interface: "eth0", State: api.StateMaster, Priority: 100, EffectivePriority: 100, Master: "198.18.0.1", Since: noon.Add(-time.Minute),
				Reason: "the highest priority", SyncGroup: "site", Addresses: []api.HeldAddress{{Address: "198.18.0.200/24", Held: true}}, Adverts: api.Adverts{Sent: 60, Received: 2},
			},
			{
				Name: "lan", VRID: 52, Interface: "eth1", State: api.StateFault, Priority: 100, Reason: "eth1 is down",
				Addresses: []api.HeldAddress{{Address: "10.0.0.1/24"}, {Address: "10.0.0.2/24"}, {Address: "10.0.0.3/24"}, {Address: "10.0.0.4/24"}},
			},
		},
		Unknown: []api.UnknownRouter{{Interface: "eth0", VRID: 99, Address: "198.18.0.77"}},
		Promise: api.Promise,
		Checks: []api.Check{
			{Name: "haproxy", Kind: "http", Target: "http://127.0.0.1:8080/healthz", State: api.CheckHealthy, Healthy: true, Since: noon.Add(-time.Hour), Took: "1.2ms"},
			{Name: "uplink", Kind: "icmp", Target: "198.18.0.254", State: api.CheckFailed, Since: noon.Add(-time.Minute), Error: "failed 3 of 3: no answer in 500ms", Took: "500ms"},
		},
		Services: []api.Service{
			{
				Name: "web", Addresses: []string{"198.18.0.100:80"}, Protocol: "tcp", Scheduler: "wrr", Forward: "dr", State: api.ServiceReady, Here: true,
				Quorum: api.Quorum{Needed: 1, Weight: 10, Up: true}, Counters: api.Counters{Connections: 1234567, ConnectionRate: 321}, Servers: []api.Server{
					{Address: "10.0.0.11:80", State: api.ServerUp, Weight: 10, WantedWeight: 10, Connections: api.Connections{Active: 17}, Counters: api.Counters{Connections: 1234567, ConnectionRate: 321, BytesIn: 5 << 30}},
					{Address: "10.0.0.12:80", State: api.ServerDown, Reason: "its check failed", Error: "failed 3 of 3: connection refused", WantedWeight: 0},
					{Address: "10.0.0.13:80", State: api.ServerDraining, Reason: "drained by an operator", OrderedWeight: &weight, Weight: 5},
				},
			},
			{
				Name: "dns", FWMark: 7, Scheduler: "rr", Forward: "nat", State: api.ServiceStandby, Reason: "for lb2", Quorum: api.Quorum{Needed: 1, Weight: 1, Up: true},
				Servers: []api.Server{{Address: "10.0.0.53:53", State: api.ServerUp, Weight: 1, WantedWeight: 1}},
			},
		},
		IPVS:     &api.IPVS{State: api.ServiceWaiting, Reason: "module ip_vs_sh is missing"},
		BGP:      &api.BGP{State: api.BGPAnnounced, Since: noon, ASN: 65000, Announced: []string{"198.18.1.100/32"}, Neighbors: []api.BGPNeighbor{{Address: "198.18.0.250", ASN: 65001, State: "Established", Up: true, Since: noon, Received: 3}, {Address: "198.18.0.251", ASN: 65001, State: "Active"}}},
		Notify:   []api.Notified{{Target: "/usr/local/bin/tell", Told: 7}, {Target: "ops@example.com", Told: 1, Failed: 4, Dropped: 2, Error: "connection refused", Last: noon}},
		Warnings: []string{"not answering: lb3"},
	}
	other := api.OverviewOf(&api.Status{
		Node: "lb2", Version: "1.0.0", VRRP: []api.VirtualRouter{{Name: "gw", VRID: 51, Interface: "eth0", State: api.StateBackup, EffectivePriority: 90, Master: "198.18.0.1", Since: noon}},
		Checks:   []api.Check{{Name: "haproxy", Kind: "http", State: api.CheckUnknown}},
		Services: []api.Service{{Name: "dns", FWMark: 7, State: api.ServiceReady, Here: true, Quorum: api.Quorum{Needed: 1, Weight: 1, Up: true}, Servers: []api.Server{{Address: "10.0.0.53:53", State: api.ServerUp, Weight: 1, WantedWeight: 1, Connections: api.Connections{Active: 2}}}}},
		Warnings: []string{"fence lifetime"},
	})
	late := api.OverviewOf(&api.Status{Node: "lb3", Version: "1.0.0", VRRP: []api.VirtualRouter{{Name: "gw", VRID: 51, Interface: "eth0", State: api.StateBackup, Master: "198.18.0.1", Since: noon}}})
	return &View{
		Now: noon, Status: s,
		Others: []Other{
			{Node: "lb2", Overview: &other, Seen: noon},
			{Node: "lb3", Overview: &late, Seen: noon.Add(-time.Minute), Trouble: "node lb3 does not answer in time"},
			{Node: "old", Trouble: "not known from this version (0.9.0)"},
		},
		Moves: []api.Move{
			{Time: noon.Add(-26 * time.Hour), Term: 2, To: "lb2", Reason: "first owner"},
			{Time: noon.Add(-2 * time.Hour), Term: 6, From: "lb3", To: "lb2", Reason: "lb3 fell silent", Outage: 312_345_678, OutageKnown: api.OutageAtMost},
			{Time: noon.Add(-time.Hour), Term: 7, From: "lb2", To: "lb1", Reason: "lb2 was stopped", Outage: 2_345_678, OutageKnown: api.OutageAbout},
		},
		Events: []Event{{Time: noon.Add(-time.Hour), Kind: "ownership_gained", Subject: "lb1", Text: "lb2 was stopped"}},
	}
}

// quiet is a view in which all is well.
func quiet() *View {
	v := full()
	s := &v.Status
	s.Cluster.Nodes = []api.Node{s.Cluster.Nodes[0]}
	s.VIPs, s.VRRP, s.Checks, s.Services, s.Notify, s.Unknown, s.Warnings = s.VIPs[:1], s.VRRP[:1], s.Checks[:1], s.Services[1:], s.Notify[:1], nil, nil
	s.BGP.Neighbors, s.IPVS, v.Others = s.BGP.Neighbors[:1], nil, nil
	return v
}

// large is a view of a large site: of all there is, something is not well.
func large() *View {
	v := full()
	s := &v.Status
	s.VIPs, s.Services, s.VRRP, s.Checks = nil, nil, nil, nil
	for i := range 1000 {
		s.VIPs = append(s.VIPs, api.VIP{Address: fmt.Sprintf("198.18.%d.%d/16", i/250, i%250), Interface: "eth0", Owner: "lb1", Held: i != 700, Since: noon, Reason: "the first owner"})
		service := api.Service{
			Name: fmt.Sprintf("service-%04d", i), Addresses: []string{fmt.Sprintf("198.18.%d.%d:443", i/250, i%250)}, Protocol: "tcp", Scheduler: "wrr", Forward: "dr",
			State: api.ServiceReady, Here: true, Quorum: api.Quorum{Needed: 1, Weight: 50, Up: true},
		}
		for j := range 5 {
			server := api.Server{
				Address: fmt.Sprintf("10.%d.%d.%d:8443", j, i/250, i%250), State: api.ServerUp, Weight: 10, WantedWeight: 10, Since: noon,
				Connections: api.Connections{Active: uint32(i * j)}, Counters: api.Counters{Connections: uint64(i * i * j), BytesIn: uint64(i * i * i * j), ConnectionRate: uint64(j)},
			}
			if i%10 == 3 {
				server.State, server.Reason, server.Error = api.ServerDown, "its check failed", "failed 3 of 3: connection refused"
			}
			service.Servers = append(service.Servers, server)
		}
		s.Services = append(s.Services, service)
	}
	for i := range 250 {
		s.VRRP = append(s.VRRP, api.VirtualRouter{Name: fmt.Sprintf("router-%03d", i), VRID: 1 + i, Interface: "eth0", State: api.StateBackup, Master: "198.18.0.2", Since: noon, Reason: "a higher priority is heard", Addresses: []api.HeldAddress{{Address: fmt.Sprintf("198.18.0.%d/24", i)}}})
		s.Checks = append(s.Checks, api.Check{Name: fmt.Sprintf("check-%03d", i), Kind: "tcp", Target: "127.0.0.1:80", State: api.CheckFailed, Error: "failed 3 of 3: connection refused", Since: noon})
		s.Warnings = append(s.Warnings, fmt.Sprintf("warning %d of something that goes on for about as long as warnings do, with a remedy", i))
		v.Moves = append(v.Moves, v.Moves[0])
		v.Events = append(v.Events, v.Events[0])
		s.Notify = append(s.Notify, s.Notify[0])
		s.Cluster.Nodes = append(s.Cluster.Nodes, s.Cluster.Nodes[1])
		s.BGP.Neighbors = append(s.BGP.Neighbors, s.BGP.Neighbors[0])
	}
	for i, o := range v.Others {
		if o.Overview != nil {
			overview := api.OverviewOf(s)
			overview.Node = o.Node
			v.Others[i].Overview = &overview
		}
	}
	return v
}
