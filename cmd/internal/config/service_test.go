package config

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// mustParseOK parses a file of testdata/ok.
func mustParseOK(t *testing.T, name string) *Config {
	t.Helper()
	return mustParse(t, readFile(t, "testdata/ok/"+name+".toml"))
}

func addrPorts(list ...string) (addresses []netip.AddrPort) {
	for _, s := range list {
		addresses = append(addresses, netip.MustParseAddrPort(s))
	}
	return addresses
}

func wantServices(t *testing.T, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got, compareAddresses); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestServiceDefaults(t *testing.T) {
	c := mustParseOK(t, "ipvs-least")
	wantServices(t, []Service{{
		Name:      "198.18.0.100:80/tcp",
		Addresses: addrPorts("198.18.0.100:80"),
		Protocol:  "tcp",
		Scheduler: "wlc",
		Start:     "checked",
		Quorum:    1,
		Servers:   []RealServer{{Address: netip.MustParseAddrPort("10.0.0.11:80"), Weight: 1, Forward: "nat"}},
	}}, c.Services)
	wantServices(t, IPVS{AtEnd: "keep", Nodes: "candidates"}, c.IPVS)
	wantServices(t, &IPVSSync{Interface: "eth1", ID: 7, Group: netip.MustParseAddr("224.0.0.81"), Port: 8848, TTL: 1}, mustParseOK(t, "ipvs-every-table").IPVS.Sync)
}

func TestEveryIPVSKey(t *testing.T) {
	wantServices(t, IPVS{
		OwnAll: true, AtEnd: "flush", ManageSysctls: true, Nodes: "owner", TCP: 15 * time.Minute, TCPFin: 2 * time.Minute, UDP: 5 * time.Minute,
		Sync: &IPVSSync{Interface: "eth1", ID: 255, Group: netip.MustParseAddr("ff02::81"), Port: 8849, TTL: 2, MaxLen: 1400},
	}, mustParseOK(t, "ipvs-every-key").IPVS)
}

func TestEveryServiceKey(t *testing.T) {
	server := func(address, forward string, checks ...string) RealServer {
		s := RealServer{
			Address: netip.MustParseAddrPort(address), Weight: 10, Forward: forward, UpperThreshold: 1000, LowerThreshold: 900,
			InhibitOnFailure: true, SlowStart: 30 * time.Second,
		}
		for _, name := range checks {
			s.Checks = append(s.Checks, Track{Check: name})
		}
		return s
	}
	heavy := server("10.0.0.12:80", "dr", "10.0.0.12:8443 https /healthz", "10.0.0.12:80 tcp")
	heavy.Weight = 65535
	tunneled := server("10.0.0.14:80", "tunnel", "/usr/local/bin/load --of  10.0.0.14 script")
	tunneled.Tunnel = Tunnel{Kind: "gue", Port: 6080, Checksum: "remote"}
	web := Service{
		Name:              "web",
		Addresses:         addrPorts("198.18.0.100:80", "198.18.0.101:80"),
		Protocol:          "tcp",
		Scheduler:         "mh",
		Options:           []string{"mh-port", "mh-fallback"},
		Persistence:       6 * time.Minute,
		PersistencePrefix: [2]int{24, 128},
		Start:             "up",
		WhileHeld:         true,
		Quorum:            12,
		Hysteresis:        2,
		QuorumUp:          []string{"/usr/local/bin/quorum", "up"},
		QuorumDown:        []string{"/usr/local/bin/quorum", ""},
		Omega:             true,
		SorryServer:       &RealServer{Address: netip.MustParseAddrPort("10.0.0.99:80"), Weight: 1, Forward: "nat"},
		Servers: []RealServer{
			server("10.0.0.11:80", "dr", "10.0.0.11:8443 https /healthz", "10.0.0.11:80 tcp"),
			heavy,
			{Address: netip.MustParseAddrPort("10.0.0.13:80"), Forward: "nat"},
			tunneled,
		},
	}
	gre := Tunnel{Kind: "gre", Checksum: "checksum"}
	marked := Service{
		Name: "fwmark-4294967295/ipv6", FWMark: 4294967295, Families: []string{"ipv6"},
		Scheduler: "fo", Options: []string{"ops", "flag-3"},
		Persistence: 744 * time.Hour, PersistencePrefix: [2]int{32, 64}, PersistenceEngine: "sip",
		Start: "checked", Quorum: 1,
		SorryServer: &RealServer{Address: netip.MustParseAddrPort("[2001:db8::99]:0"), Weight: 1, Forward: "tunnel", Tunnel: gre},
		Servers:     []RealServer{{Address: netip.MustParseAddrPort("[2001:db8::11]:0"), Weight: 1, Forward: "tunnel", Tunnel: gre}},
	}
	all := Service{
		Name: "[2001:db8::100]:0/sctp", Addresses: addrPorts("[2001:db8::100]:0"), Protocol: "sctp",
		Scheduler: "wlc", Persistence: time.Second, PersistencePrefix: [2]int{32, 64}, Start: "checked", Quorum: 1,
		Servers: []RealServer{
			{Address: netip.MustParseAddrPort("[2001:db8::13]:0"), Weight: 1, Forward: "nat", Checks: []Track{{Check: "2001:db8::13 icmp"}}},
			{Address: netip.MustParseAddrPort("[2001:db8::12]:0"), Weight: 1, Forward: "nat", Checks: []Track{{"/run/load file", -65535, true}}},
		},
	}
	wantServices(t, []Service{web, marked, all}, mustParseOK(t, "ipvs-every-key").Services)
}

// serverCheck returns a check of servers of a config.
func serverCheck(t *testing.T, c *Config, name string) Check {
	t.Helper()
	for _, check := range c.ServerChecks {
		if check.Name == name {
			return check
		}
	}
	t.Fatalf("no check %q in %+v", name, c.ServerChecks)
	return Check{}
}

func TestEveryServerCheckKey(t *testing.T) {
	c := mustParseOK(t, "ipvs-every-key")
	ok := CheckRequest{Status: []CheckRange{{200, 299}}}
	first, last := ok, ok
	first.URL, last.URL = "/healthz", "/login"
	wantServices(t, Check{
		Name: "10.0.0.12:8443 https /healthz", Kind: "http", Target: "https://10.0.0.12:8443/",
		Interval: 2 * time.Second, FastInterval: 200 * time.Millisecond, Timeout: time.Second, Warmup: 2 * time.Second, Rise: 1, Fall: 2,
		TLS:  CheckTLS{ServerName: "www.example.com"},
		HTTP: CheckHTTP{Host: "www.example.com", Method: "GET", Answer: ok, Requests: []CheckRequest{first, last}},
	}, serverCheck(t, c, "10.0.0.12:8443 https /healthz"))
	wantServices(t, scheduled("10.0.0.12:80 tcp", "tcp", "10.0.0.12:80", 2, 3), serverCheck(t, c, "10.0.0.12:80 tcp"))
	if load := serverCheck(t, c, "/usr/local/bin/load --of  10.0.0.14 script"); !load.Script.Weighted {
		t.Errorf("%+v", load)
	}
	if len(c.ServerChecks) != 7 || len(c.Checks) != 0 || len(c.Cluster.Track) != 0 {
		t.Errorf("%d checks of servers, %+v, tracked %+v", len(c.ServerChecks), c.Checks, c.Cluster.Track)
	}
}

// What a server does not say its service says, and for checks the group before that.
func TestInherited(t *testing.T) {
	c := mustParseOK(t, "ipvs-every-table")
	for i, want := range []RealServer{
		{Address: netip.MustParseAddrPort("10.0.0.11:80"), Checks: []Track{{Check: "10.0.0.11:80 tcp"}}},
		{Address: netip.MustParseAddrPort("10.0.0.12:8080"), Checks: []Track{{Check: "10.0.0.12 icmp"}}},
		{Address: netip.MustParseAddrPort("10.0.0.13:8080"), Checks: []Track{{Check: "10.0.0.13:8080 tcp"}}},
	} {
		want.Weight, want.Forward = 1, "nat"
		wantServices(t, want, c.Services[0].Servers[i])
	}
	gue := Tunnel{Kind: "gue", Port: 6080, Checksum: "none"}
	wantServices(t, gue, c.Services[1].Servers[0].Tunnel)
	wantServices(t, gue, c.Services[1].SorryServer.Tunnel)

	const web = "[[service]]\naddress = '198.18.0.100:80'\nforward = 'tunnel'\ntunnel = {kind = 'gre'}\nsorry_server = '10.0.0.99'\nserver = [{address = '10.0.0.11', forward = 'nat'}, {address = '10.0.0.12'}]\n"
	s := mustParse(t, web).Services[0]
	gre := Tunnel{Kind: "gre", Checksum: "none"}
	wantServices(t, []Tunnel{{}, gre, gre}, []Tunnel{s.Servers[0].Tunnel, s.Servers[1].Tunnel, s.SorryServer.Tunnel})
}

// Each thing is looked at once, whoever wants it.
func TestServerChecksOnce(t *testing.T) {
	c := mustParse(t, `
[[service]]
address = "198.18.0.100:80"
group = "web"

[[service]]
address = "198.18.0.101:80"
group = "web"
server = [{address = "10.0.0.12:8080", check = []}]

[[service]]
fwmark = 1
check = [{kind = "tcp", interval = "2s"}, {kind = "tcp", port = 80, interval = "2s"}, {kind = "tcp", target = "10.0.0.11:80"}]
server = [{address = "10.0.0.11:80"}, {address = "10.0.0.13", check = {kind = "http", port = 81, tls = true, redirects = true}}]

[[service]]
fwmark = 2
server = [{address = "10.0.0.13", check = {kind = "http", target = "https://10.0.0.13:81/", redirects = true}}]

[[server_group]]
name = "web"
check = {kind = "tcp"}
server = [{address = "10.0.0.11"}, {address = "10.0.0.12"}]
`)
	var names []string
	for _, check := range c.ServerChecks {
		names = append(names, check.Name)
	}
	wantServices(t, []string{"10.0.0.11:80 tcp", "10.0.0.12:80 tcp", "10.0.0.11:80 tcp #2", "10.0.0.13:81 https"}, names)
	wantServices(t, []Track{{Check: "10.0.0.11:80 tcp #2"}, {Check: "10.0.0.11:80 tcp"}}, c.Services[2].Servers[0].Checks)
	wantServices(t, []Track{{Check: "10.0.0.13:81 https"}}, c.Services[3].Servers[0].Checks)
	wantServices(t, c.Services[0].Servers, c.Services[1].Servers[:2])
	if c.Services[1].Servers[2].Checks != nil {
		t.Errorf("checks in spite of an empty list: %v", c.Services[1].Servers[2].Checks)
	}
}

// A file is looked at once, however much its number counts. Twice counts twice.
func TestNumbersOfServers(t *testing.T) {
	c := mustParse(t, `
[[service]]
address = "198.18.0.100:80"

[[service.server]]
address = "10.0.0.11"
check = {kind = "file", target = "/run/load", number = true, weight = -2}

[[service.server]]
address = "10.0.0.12"
check = [
    {kind = "file", target = "/run/load", number = true, weight = 65535, reverse = true},
    {kind = "file", target = "/run/load", number = true, weight = 65535, reverse = true},
    {kind = "file", target = "/run/load", number = true},
    {kind = "file", target = "/run/load", number = true},
    {kind = "file", target = "/run/load", number = true, missing = 0},
]
`)
	twice := Track{"/run/load file", 65535, true}
	for i, want := range [][]Track{{{"/run/load file", -2, false}}, {twice, twice, {Check: "/run/load file"}, {Check: "/run/load file #2"}}} {
		wantServices(t, want, c.Services[0].Servers[i].Checks)
	}
	var found []CheckFile
	for _, check := range c.ServerChecks {
		found = append(found, check.File)
		if check.Weight != 0 || check.Reverse {
			t.Errorf("%+v says how much it counts", check)
		}
	}
	wantServices(t, []CheckFile{{Number: true}, {Number: true, Missing: new(0)}}, found)
}

// Each kind that looks at a server has its address, and its port where it has one.
func TestServerTargets(t *testing.T) {
	for check, want := range map[string][2]string{
		"kind = 'tcp'":                             {"[2001:db8::11]:25 tcp", "[2001:db8::11]:25"},
		"kind = 'udp', port = 53":                  {"[2001:db8::11]:53 udp", "[2001:db8::11]:53"},
		"kind = 'http'":                            {"[2001:db8::11]:25 http", "http://[2001:db8::11]:25/"},
		"kind = 'http', tls = true, url = ['a?b']": {"[2001:db8::11]:25 https /a?b", "https://[2001:db8::11]:25/"},
		"kind = 'http', target = 'http://a.example/b/', url = ['c', 'd']": {"a.example http /b/c", "http://a.example/b/"},
		"kind = 'dns'":                                {"[2001:db8::11]:25 dns", "[2001:db8::11]:25"},
		"kind = 'smtp', starttls = true":              {"[2001:db8::11]:25 smtp", "[2001:db8::11]:25"},
		"kind = 'grpc'":                               {"[2001:db8::11]:25 grpc", "[2001:db8::11]:25"},
		"kind = 'tls'":                                {"[2001:db8::11]:25 tls", "[2001:db8::11]:25"},
		"kind = 'icmp'":                               {"2001:db8::11 icmp", "2001:db8::11"},
		"kind = 'gateway'":                            {"2001:db8::11 gateway", "2001:db8::11"},
		"kind = 'interface', target = 'eth1'":         {"eth1 interface", "eth1"},
		"kind = 'unit', target = 'nginx.service'":     {"nginx.service unit", "nginx.service"},
		"kind = 'file', target = '/run/web'":          {"/run/web file", "/run/web"},
		"kind = 'process', target = 'nginx'":          {"nginx process", "nginx"},
		"kind = 'process', command = 'nginx -g'":      {"nginx -g process", ""},
		"kind = 'process', pidfile = '/run/web'":      {"/run/web process", ""},
		"kind = 'script', argv = ['/bin/x', \"\\n\"]": {"/bin/x   script", ""},
	} {
		c := mustParse(t, "[[service]]\naddress = '[2001:db8::100]:25'\nserver = [{address = '2001:db8::11'}]\ncheck = {"+check+"}\n")
		if got := [2]string{c.ServerChecks[0].Name, c.ServerChecks[0].Target}; got != want {
			t.Errorf("%s: %q, want %q", check, got, want)
		}
	}
}

// A name is short whatever is looked at, and one of its own.
func TestLongServerChecks(t *testing.T) {
	const service = "[[service]]\naddress = '198.18.0.100:80'\nserver = [{address = '10.0.0.11'}]\n[[service.check]]\nkind = 'http'\nurl = ['/%a']\n[[service.check]]\nkind = 'http'\nurl = ['/%b']\n"
	long := strings.Repeat("x", 500)
	c := mustParse(t, strings.NewReplacer("%a", long+"1", "%b", long+"2").Replace(service))
	first, second := c.ServerChecks[0].Name, c.ServerChecks[1].Name
	if second != first+" #2" || len(first) > 90 {
		t.Errorf("names %q and %q", first, second)
	}
}
