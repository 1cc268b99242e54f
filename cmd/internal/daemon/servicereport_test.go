package daemon

import (
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perch-vip/perch/cluster/state"
	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/ipvs"
)

// stateOfWeb returns how a balancer reports its first service.
func stateOfWeb(l *lab) [2]string {
	s := l.report(newTable(nil))[0]
	return [2]string{s.State, s.Reason}
}

func TestWhyAServiceIsNotReady(t *testing.T) {
	key := ipvs.KeyOf(ipvs.TCP, netip.MustParseAddrPort("198.18.0.1:80"))
	inTrouble := []ipvs.Trouble{{Key: key, Reason: "busy"}}
	for name, tc := range map[string]struct {
		before func(*lab)
		status ipvs.Status
		want   [2]string
	}{
		"ready":       {nil, ipvs.Status{Ready: true}, [2]string{"ready", ""}},
		"begun":       {nil, ipvs.Status{}, [2]string{"waiting", justBegun}},
		"no IPVS":     {nil, ipvs.Status{Waiting: "no module"}, [2]string{"waiting", "no module"}},
		"failed":      {nil, ipvs.Status{Ready: true, Failed: inTrouble}, [2]string{"waiting", "busy"}},
		"blocked":     {nil, ipvs.Status{Ready: true, Blocked: inTrouble}, [2]string{"blocked", "busy; remove it, or set own_all in [ipvs]"}},
		"another one": {nil, ipvs.Status{Ready: true, Failed: []ipvs.Trouble{{Reason: "busy"}}}, [2]string{"ready", ""}},
		"not the owner": {func(l *lab) {
			l.cfg.IPVS.Nodes, l.where = "owner", whereabouts{labVIP: elsewhere}
		}, ipvs.Status{Ready: true}, [2]string{"standby", onTheOwner}},
		"witness": {func(l *lab) {
			l.cfg.Node.Name, l.cfg.Cluster, l.cfg.VIPs = "n1", witnessWithServices().Cluster, nodeWithServices().VIPs
		}, ipvs.Status{}, [2]string{"standby", notOnWitness}},
	} {
		l := newBalancerLab(t)
		l.kernel.status = tc.status
		if tc.before != nil {
			tc.before(l)
		}
		l.step()
		if got := stateOfWeb(l); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
	l := newBalancerLab(t)
	l.kernel.status.Ready = true
	if got := stateOfWeb(l); got != [2]string{"waiting", justBegun} {
		t.Errorf("before the first step: %q", got)
	}
}

func TestReportOfServices(t *testing.T) {
	l := newBalancerLab(t)
	s := &l.cfg.Services[0]
	s.Addresses, s.Hysteresis = addrPorts("198.18.0.1:80", "198.18.0.1:81"), 1
	s.Servers[1].Forward = "dr"
	l.kernel.status.Ready = true
	l.orders = state.Orders{"web": {"10.0.0.1:80": {Drain: true}}}
	l.verdicts = verdicts{"a": {state: passed}, "b": {state: failed, reason: "failed 3 of 3"}}
	begin := time.Now()
	l.step()
	counted := func(connections uint64, active uint32) ipvs.Counted {
		counters := ipvs.Counters{Connections: connections, PacketsIn: 10 * connections}
		return ipvs.Counted{Counters: counters, Servers: []ipvs.CountedServer{{
			Server: ipvs.Server{Address: s.Servers[0].Address, Weight: 2}, Counters: counters, Active: active, Inactive: 2, Persistent: 3,
		}}}
	}
	l.kernel.counted = []ipvs.Counted{counted(4, 1), counted(5, 0)}
	for i, address := range s.Addresses {
		l.kernel.counted[i].Key = ipvs.KeyOf(ipvs.TCP, address)
	}
	table, err := l.counted()
	if err != nil {
		t.Fatal(err)
	}
	got := l.report(table)
	for i := range got[0].Servers {
		if since := &got[0].Servers[i].Since; since.Before(begin) || time.Since(*since) > time.Minute {
			t.Errorf("server %d is in its state since %s", i, since)
		}
		got[0].Servers[i].Since = time.Time{}
	}
	both := api.Counters{Connections: 9, PacketsIn: 90}
	want := []api.Service{{
		Name: "web", Address: "198.18.0.1:80", Addresses: []string{"198.18.0.1:80", "198.18.0.1:81"},
		Protocol: "tcp", Scheduler: "wlc", Forward: "mixed", State: api.ServiceReady, Here: true,
		Quorum: api.Quorum{Needed: 1, Hysteresis: 1}, Counters: both,
		Servers: []api.Server{
			{
				Address: "10.0.0.1:80", Forward: "nat", State: "draining", Healthy: true, Drained: true,
				Weight: 2, ConfiguredWeight: 1, Counters: both,
				Connections: api.Connections{Active: 1, Inactive: 4, Persistent: 6},
			},
			{
				Address: "10.0.0.2:80", Forward: "dr", State: "down", Reason: "check b failed 3 of 3", ConfiguredWeight: 1,
				Error: "check b failed 3 of 3",
			},
		},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Who gets the traffic without a quorum is named.
func TestReportNamesTheSorryServer(t *testing.T) {
	l := newBalancerLab(t)
	l.cfg.Services[0].SorryServer = &config.RealServer{Address: netip.MustParseAddrPort("10.0.0.9:80"), Weight: 1, Forward: "dr"}
	l.verdicts = verdicts{"a": {state: failed}, "b": {state: failed}}
	l.step()
	if got := l.report(newTable(nil))[0]; !got.Sorry || got.SorryServer != "10.0.0.9:80" {
		t.Errorf("sorry %t, server %q, want true and 10.0.0.9:80", got.Sorry, got.SorryServer)
	}
}

// A server is drained once it is known to have no connections, and not before.
func TestDrainedIsWithoutConnections(t *testing.T) {
	l := newBalancerLab(t)
	l.step()
	l.kernel.status.Ready = true
	l.orders = state.Orders{"web": {"10.0.0.1:80": {Drain: true}}}
	l.step()
	address := l.cfg.Services[0].Servers[0].Address
	key := ipvs.KeyOf(ipvs.TCP, l.cfg.Services[0].Addresses[0])
	with := func(active, inactive uint32) table {
		return newTable([]ipvs.Counted{{Key: key, Servers: []ipvs.CountedServer{{
			Server: ipvs.Server{Address: address}, Active: active, Inactive: inactive,
		}}}})
	}
	for name, tc := range map[string]struct {
		counted table
		want    string
	}{
		"has some":             {with(1, 0), "draining"},
		"has had some":         {with(0, 1), "draining"},
		"has none":             {with(0, 0), "drained"},
		"is not in the kernel": {newTable(nil), "drained"},
		"nobody knows":         {table{}, "draining"},
	} {
		if got := l.report(tc.counted)[0].Servers[0]; got.State != tc.want || !got.Drained {
			t.Errorf("%s: %s, drained %t, want %s", name, got.State, got.Drained, tc.want)
		}
	}
}

// Who waits for the end of connections asks again while these are not counted.
func TestNobodyTakesUncountedForNone(t *testing.T) {
	name := api.ServerName{Service: "web", Server: "10.0.0.1:80"}
	for what, tc := range map[string]struct {
		status ipvs.Status
		err    error
		nodes  string
		fails  bool
	}{
		"counted":           {ipvs.Status{Ready: true}, nil, "candidates", false},
		"no answer":         {ipvs.Status{Ready: true}, errors.New("interrupted"), "candidates", true},
		"no IPVS for now":   {ipvs.Status{Waiting: "no module"}, nil, "candidates", true},
		"nothing is wanted": {ipvs.Status{}, nil, "owner", false},
	} {
		l := newBalancerLab(t)
		l.cfg.IPVS.Nodes, l.where = tc.nodes, whereabouts{labVIP: elsewhere}
		l.kernel.status, l.kernel.countErr = tc.status, tc.err
		d := &daemon{log: slog.New(slog.DiscardHandler), balancer: l.balancer}
		d.current.Store(&loaded{config: l.cfg})
		if _, err := d.serverReport(name); !tc.status.Ready && !errors.Is(err, api.ErrNotNow) {
			t.Errorf("%s, before the first step: %v", what, err)
		}
		l.step()
		report, err := d.serverReport(name)
		switch {
		case tc.fails && !errors.Is(err, api.ErrNotNow):
			t.Errorf("%s: %+v, %v", what, report, err)
		case !tc.fails && (err != nil || report.Found.Address != name.Server):
			t.Errorf("%s: %+v, %v", what, report, err)
		}
	}
}

// A witness that leads is about to hand over: who waits for the end of connections goes on.
func TestAWitnessIsAskedAgain(t *testing.T) {
	l := newBalancerLab(t)
	d := &daemon{log: slog.New(slog.DiscardHandler), balancer: l.balancer}
	for _, many := range []int{1, 0} {
		l.cfg = witnessWithServices()
		l.cfg.Services = l.cfg.Services[:many]
		l.step()
		d.current.Store(&loaded{config: l.cfg})
		_, err := d.serverReport(api.ServerName{Service: "web", Server: "10.0.0.1:80"})
		if !errors.Is(err, api.ErrNotNow) || !strings.Contains(err.Error(), "is a witness") {
			t.Errorf("with %d services: %v", many, err)
		}
	}
}

func TestStatusOfIPVS(t *testing.T) {
	foreign := ipvs.KeyOf(ipvs.UDP, netip.MustParseAddrPort("198.18.0.7:53"))
	for name, tc := range map[string]struct {
		change func(*lab)
		status ipvs.Status
		want   *api.IPVS
	}{
		"ready":                  {nil, ipvs.Status{Ready: true, Foreign: []ipvs.Key{foreign}}, &api.IPVS{State: "ready", Foreign: []string{"udp 198.18.0.7:53"}}},
		"problems":               {nil, ipvs.Status{Ready: true, Problems: []string{"a", "b"}}, &api.IPVS{State: "ready", Reason: "a; b"}},
		"waiting":                {nil, ipvs.Status{Waiting: "no module"}, &api.IPVS{State: "waiting", Reason: "no module"}},
		"waiting with a problem": {nil, ipvs.Status{Waiting: "no module", Problems: []string{"a"}}, &api.IPVS{State: "waiting", Reason: "no module; a"}},
		"a problem without services": {
			func(l *lab) { l.cfg = &config.Config{} },
			ipvs.Status{Problems: []string{"a"}},
			&api.IPVS{State: "waiting", Reason: "a"},
		},
		"a problem elsewhere": {func(l *lab) {
			l.cfg.IPVS.Nodes, l.where = "owner", whereabouts{labVIP: elsewhere}
		}, ipvs.Status{Problems: []string{"a"}}, &api.IPVS{State: "waiting", Reason: "a"}},
		"no services": {func(l *lab) { l.cfg = &config.Config{} }, ipvs.Status{}, nil},
		"old services do not go": {
			func(l *lab) { l.cfg = &config.Config{} },
			ipvs.Status{Waiting: "no module"},
			&api.IPVS{State: "waiting", Reason: "no module"},
		},
		"elsewhere": {func(l *lab) {
			l.cfg.IPVS.Nodes, l.where = "owner", whereabouts{labVIP: elsewhere}
		}, ipvs.Status{}, &api.IPVS{State: "standby", Reason: onTheOwner}},
		"witness": {func(l *lab) {
			l.cfg.Node.Name, l.cfg.Cluster, l.cfg.VIPs = "n1", witnessWithServices().Cluster, nodeWithServices().VIPs
		}, ipvs.Status{}, &api.IPVS{State: "standby", Reason: notOnWitness}},
		"sync": {
			func(l *lab) { l.cfg.IPVS.Sync = &config.IPVSSync{Interface: "eth0", ID: 3} },
			ipvs.Status{Ready: true},
			&api.IPVS{State: "ready", Sync: &api.IPVSSync{Role: "master", Interface: "eth0", ID: 3}},
		},
	} {
		l := newBalancerLab(t)
		l.kernel.status = tc.status
		if tc.change != nil {
			tc.change(l)
		}
		l.step()
		if diff := cmp.Diff(tc.want, l.balancer.status()); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
	if got := newBalancerLab(t).balancer.status(); got.Reason != justBegun {
		t.Errorf("before the first step: %+v", got)
	}
}

func TestRoleOfSync(t *testing.T) {
	c := &config.IPVSSync{Interface: "eth0", ID: 3}
	both := []ipvs.SyncDaemon{{Role: ipvs.SyncMaster}, {Role: ipvs.SyncBackup}}
	for _, tc := range []struct {
		want    []ipvs.SyncDaemon
		trouble string
		role    string
	}{{nil, "", "off"}, {asBackup, "", "backup"}, {both, "", "master"}, {both, "no such device", "off"}} {
		got := syncOf(c, tc.want, tc.trouble)
		if *got != (api.IPVSSync{Role: tc.role, Interface: "eth0", ID: 3, Reason: tc.trouble}) {
			t.Errorf("%v, trouble %q: %+v", tc.want, tc.trouble, got)
		}
	}
}
