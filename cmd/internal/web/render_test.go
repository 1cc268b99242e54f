package web

import (
	"bytes"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/events"
)

var update = flag.Bool("update", false, "rewrite golden files")

// website is a service with a server that gets traffic and one that is drained, and one by
// a mark that has to wait.
func website() Metrics {
	return Metrics{
		Version: "v0.1.0", GoVersion: "go1.26", Counted: true, Started: time.Unix(1_700_000_000, 0), Ready: true, Warnings: 2,
		Reloads: Reloads{Applied: 3, Refused: 1, Failed: true, Last: time.Unix(1_700_000_100, 0)},
		Fence:   Fence{Kind: "bpf", Weaker: true, Broken: true, Mended: 4},
		Silence: []Silence{{Part: "holder"}, {Part: "vip", For: 400 * time.Millisecond}},
		Streams: 3,
		Clock:   &Clock{Well: true, Measured: true, Offset: -1500 * time.Microsecond, Max: 100 * time.Millisecond},
		Cluster: &Cluster{
			State: api.StateOK, Role: api.RoleLeader, Leader: "lb1", Term: 7, Quorum: true, Owner: true,
			Lease: 125 * time.Millisecond, Health: api.HealthHealthy, Priority: 90, Tried: 5, Won: 2, LeaderChanges: 6,
			Taken: 1, Refused: 8, Stalls: 2, LongestStall: 1200 * time.Millisecond,
			Late:        Spread{Bounds: []time.Duration{time.Millisecond, 10 * time.Millisecond}, Counts: []uint64{90, 8}, Count: 99, Sum: 50 * time.Millisecond},
			LongestLate: 12 * time.Millisecond, LeastLease: 40 * time.Millisecond, Lapses: 1,
			LastMove:  api.Move{Time: time.Unix(1_700_000_050, 0), Outage: 90 * time.Millisecond, OutageKnown: api.OutageAtMost},
			Transfers: []Transfers{{Reason: "asked", Result: "done", Count: 2}, {Reason: "health", Result: "refused", Count: 1}},
			Peers:     []Peer{{Name: "lb2", Reachable: true, Contact: time.Unix(1_700_000_200, 500e6)}, {Name: "lb3"}},
		},
		VIPs: []VIP{
			{Address: "198.18.0.100/24", Interface: "eth0", Held: true, Readded: 1, Conflicts: 2, Conflict: true},
			{Address: "2001:db8::100/64", Interface: "eth0"},
		},
		Anycast:   []VIP{{Address: "198.18.9.1/32", Interface: "lo", Held: true}},
		Announced: []Announced{{Part: "cluster", Sent: 10, Failed: 1, Withheld: 2, Defended: 3}},
		Routers: []api.VirtualRouter{{
			Name: "gw", VRID: 51, Interface: "eth1", Family: "ipv4", State: api.StateMaster, EffectivePriority: 100, Transitions: 3,
			Adverts: api.Adverts{Sent: 100, Unsent: 1, Received: 20, Dropped: map[string]uint64{"bad TTL": 4, "bad checksum": 0}, Late: 1},
			Addresses: []api.HeldAddress{
				{Address: "198.18.0.200/24", Interface: "eth1", Held: true, Readded: 2, Conflict: &api.Conflict{Count: 3, Ongoing: true}},
				{Address: "198.18.0.201/24", Interface: "eth1"},
			},
		}},
		Checks: []Check{{
			Name: "haproxy", Kind: "http", State: api.CheckHealthy, Looks: 7, Failures: 2, Overdue: 1500 * time.Millisecond,
			Took: Spread{Bounds: []time.Duration{time.Millisecond, time.Second}, Counts: []uint64{4, 2}, Count: 7, Sum: 4 * time.Second},
		}},
		Unknown: 4,
		Converge: []api.Convergence{
			{Hook: "/usr/local/bin/route", About: "cluster", Name: "edge", State: api.Converged, Succeeded: 5, Failed: 1},
			{Hook: "/usr/local/bin/route", About: "vrrp", Name: "gw", State: api.ConvergeFailing, Failed: 9},
		},
		Notify: []api.Notified{{Target: "/usr/local/bin/tell", Told: 5, Failed: 1, Dropped: 2}},
		IPVS:   &api.IPVS{State: api.ServiceReady},
		BGP: &api.BGP{
			State: api.BGPAnnounced, Failures: 3,
			Wanted: []string{"198.18.1.100/32"}, Announced: []string{"198.18.1.100/32"},
			Neighbors: []api.BGPNeighbor{
				{Address: "198.18.0.254", ASN: 65000, Up: true, Received: 12},
				{Address: "eth1", ASN: 4_200_000_001},
			},
		},
		Services: []api.Service{
			{
				Name: "web", Address: "198.18.0.100:80", Addresses: []string{"198.18.0.100:80", "[2001:db8::100]:80"},
				Protocol: "tcp", Scheduler: "wlc", Forward: "dr", State: api.ServiceReady, Here: true,
				Quorum:   api.Quorum{Needed: 1, Weight: 10, Up: true},
				Counters: api.Counters{Connections: 1<<53 + 1, PacketsIn: 20, BytesIn: 3000, PacketsOut: 4, BytesOut: 500},
				Servers: []api.Server{
					{
						Address: "10.0.0.11:80", State: api.ServerUp, Weight: 10, WantedWeight: 10, Healthy: true,
						Connections: api.Connections{Active: 5, Inactive: 6, Persistent: 7},
						Counters:    api.Counters{Connections: 8, PacketsIn: 9, BytesIn: 10, PacketsOut: 11, BytesOut: 12},
					},
					{Address: "10.0.0.12:80", State: api.ServerDrained, Weight: 3, Healthy: true, Drained: true},
				},
			},
			{
				Name: `a "marked"` + "\nservice\\", FWMark: 7, Scheduler: "rr", Forward: "nat",
				State: api.ServiceWaiting, Reason: "busy", Quorum: api.Quorum{Needed: 2}, Sorry: true,
				Servers: []api.Server{{Address: "[2001:db8::11]:80", State: "standing by", WantedWeight: 1}},
			},
		},
	}
}

func TestRender(t *testing.T) {
	for name, change := range map[string]func(*Metrics){
		"all":        func(*Metrics) {},
		"uncounted":  func(m *Metrics) { m.Counted, m.IPVS.State = false, api.ServiceWaiting },
		"no-servers": func(m *Metrics) { m.Services = m.Services[:1]; m.Services[0].Servers = nil },
		"nothing":    func(m *Metrics) { *m = Metrics{} },
	} {
		m := website()
		change(&m)
		text := rendered(nil, &m)
		parse(t, text)
		path := "testdata/" + name + ".txt"
		if *update {
			if err := os.WriteFile(path, text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(text)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
}

// rendered is render where all is in order.
func rendered(b []byte, m *Metrics) []byte {
	b, err := render(b, m)
	if err != nil {
		panic(err)
	}
	return b
}

// sources are those of a node on which all is well.
func sources() Sources {
	return Sources{
		Metrics: website, Alive: func() bool { return true }, Obstacles: func() []string { return nil }, Events: events.New("lb1"),
		Board: watched, Names: func() []string { return []string{"lb1", "LB2", "lb1.Example.com."} },
	}
}

// parse reads a page as Prometheus does, strictly.
func parse(t *testing.T, text []byte) map[string]*dto.MetricFamily {
	t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range families {
		if f.GetHelp() == "" || f.GetType() == dto.MetricType_UNTYPED {
			t.Errorf("%s has no help or no type", name)
		}
		seen := map[string]bool{}
		for _, m := range f.Metric {
			labels := fmt.Sprint(m.Label)
			if seen[labels] {
				t.Errorf("%s has labels twice: %s", name, labels)
			}
			seen[labels] = true
		}
	}
	return families
}

// What is read back is what was to be shown, also where it had to be escaped.
func TestParsed(t *testing.T) {
	m := website()
	families := parse(t, rendered(nil, &m))
	info := families[serviceInfo].Metric[1].Label[0]
	if info.GetName() != "service" || info.GetValue() != m.Services[1].Name {
		t.Errorf("label %s = %q, want the name %q", info.GetName(), info.GetValue(), m.Services[1].Name)
	}
	for name, want := range map[string]float64{
		serverConnections: 8, serverIncomingPackets: 9, serverIncomingBytes: 10, serverOutgoingPackets: 11, serverOutgoingBytes: 12,
	} {
		got := families[name].Metric[0].Counter
		if got == nil || got.GetValue() != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
}

// many is a node of a cluster with so many VIPs, and services with 10 servers each.
func many(vips, services int) Metrics {
	m := website()
	m.VIPs, m.Services = nil, nil
	for i := range vips {
		m.VIPs = append(m.VIPs, VIP{Address: fmt.Sprintf("198.18.%d.%d/16", i/250, i%250), Interface: "eth0", Held: true})
	}
	counters := api.Counters{Connections: 123_456, PacketsIn: 1_234_567, BytesIn: 123_456_789, PacketsOut: 1_234_567, BytesOut: 1_234_567_890}
	for i := range services {
		address := fmt.Sprintf("198.18.%d.%d:80", i/250, i%250)
		s := api.Service{
			Name: address + "/tcp", Addresses: []string{address}, Protocol: "tcp", Scheduler: "wlc", Forward: "dr",
			State: api.ServiceReady, Counters: counters,
		}
		for j := range 10 {
			s.Servers = append(s.Servers, api.Server{
				Address: fmt.Sprintf("10.%d.%d.%d:80", i/250, i%250, j), State: api.ServerUp, Weight: 1, Counters: counters,
			})
		}
		m.Services = append(m.Services, s)
	}
	return m
}

// What a scrape of 1,000 VIPs and 5,000 servers costs, from the request to the last byte,
// where none was made in the second before.
func BenchmarkScrape(b *testing.B) {
	m := many(1000, 500)
	from := sources()
	from.Metrics = func() Metrics { return m }
	s := NewServer(from, quiet)
	size, before := 0, cpuTime(b)
	b.ReportAllocs()
	for b.Loop() {
		s.pages.metrics.last = nil
		w := httptest.NewRecorder()
		w.Body.Grow(8 << 20)
		s.routes().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		size = w.Body.Len()
	}
	b.ReportMetric(float64(size)/1e6, "MB/page")
	b.ReportMetric(float64((cpuTime(b)-before).Microseconds())/1000/float64(b.N), "CPU-ms/op")
}

// cpuTime is what this process has used, which others on the machine do not change much.
func cpuTime(tb testing.TB) time.Duration {
	tb.Helper()
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
