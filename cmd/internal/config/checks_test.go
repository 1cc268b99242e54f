package config

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// checkNamed returns a check of a config.
func checkNamed(t *testing.T, c *Config, name string) Check {
	t.Helper()
	for _, check := range c.Checks {
		if check.Name == name {
			return check
		}
	}
	t.Fatalf("no check %s", name)
	return Check{}
}

// scheduled returns a check with the defaults of all kinds.
func scheduled(name, kind, target string, rise, fall int) Check {
	return Check{
		Name: name, Kind: kind, Target: target,
		Interval: time.Second, FastInterval: time.Second, Timeout: time.Second,
		Rise: rise, Fall: fall,
	}
}

func patient(c Check) Check {
	c.Timeout = 5 * time.Second
	return c
}

func TestCheckDefaults(t *testing.T) {
	c := mustParse(t, readFile(t, "testdata/ok/check-every-kind.toml"))
	for _, want := range []Check{
		scheduled("tcp", "tcp", "198.18.0.1:80", 2, 3),
		scheduled("icmp", "icmp", "198.18.0.1", 2, 3),
		patient(scheduled("unit", "unit", "nginx.service", 1, 1)),
		scheduled("file", "file", "/run/maintenance", 1, 1),
		scheduled("interface", "interface", "eth0", 1, 1),
	} {
		if diff := cmp.Diff(want, checkNamed(t, c, want.Name), compareAddresses); diff != "" {
			t.Errorf("%s (-want +got):\n%s", want.Name, diff)
		}
	}
	if got := checkNamed(t, c, "process"); got.Process.Quorum != 1 || got.Rise != 1 || got.Fall != 1 {
		t.Errorf("process: %+v", got)
	}
	if got := checkNamed(t, c, "dns").DNS; cmp.Diff(CheckDNS{Type: "SOA", RCode: "NOERROR"}, got) != "" {
		t.Errorf("dns: %+v", got)
	}
	least := checkNamed(t, mustParse(t, readFile(t, top+"/deploy/examples/haproxy/lb1.toml")), "haproxy").HTTP
	ok := CheckRequest{Status: []CheckRange{{200, 299}}}
	if diff := cmp.Diff(CheckHTTP{Method: "GET", Answer: ok, Requests: []CheckRequest{ok}}, least); diff != "" {
		t.Errorf("http (-want +got):\n%s", diff)
	}
}

func TestTimeoutOfInterval(t *testing.T) {
	c := mustParse(t, readFile(t, "testdata/ok/check-timeout-of-interval.toml"))
	if got := c.Checks[0]; got.Timeout != 5*time.Second || got.FastInterval != 10*time.Second {
		t.Errorf("%+v", got)
	}
}

func TestEveryCheckKey(t *testing.T) {
	c := mustParse(t, readFile(t, "testdata/ok/check-every-key.toml"))
	web := Check{
		Name: "web", Kind: "http", Target: "https://www.example.com:8443/app/",
		Interval: 2 * time.Second, FastInterval: 200 * time.Millisecond, Timeout: 500 * time.Millisecond, Warmup: 3 * time.Second,
		Rise: 3, Fall: 5, Weight: -253, Reverse: true,
		Network: CheckNetwork{Source: netip.MustParseAddr("127.0.0.2"), Interface: "vrf-blue", Mark: 0xffffffff},
		TLS: CheckTLS{
			ServerName: "www.example.com", CAFile: "/etc/perch/web-ca.pem", CertFile: "/etc/perch/web.pem", KeyFile: "/etc/perch/web.key",
			ExpiryWarning: 336 * time.Hour, ExpiryLimit: 24 * time.Hour,
		},
		HTTP: CheckHTTP{
			Connect: "127.0.0.1:8443", Host: "www.example.com:8443", Protocol: "h2", Method: "POST",
			Headers: []string{"Accept: text/plain", "X-Probe:perch"}, Body: "ping\n", Redirect: true,
		},
	}
	all := CheckRequest{
		Status: []CheckRange{{200, 299}, {304, 304}, {404, 404}}, Contains: "pong", Matches: "(?i)ok", Mismatch: "error|fail",
		Digest:   "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		JSONPath: "components.db[0][1].status", JSONValue: "up",
	}
	first, last := all, all
	first.URL = "health?full=1"
	last.URL, last.JSONPath, last.JSONValue = "/", "[1].c", "" // the value is that of the other path
	web.HTTP.Answer = all
	web.HTTP.Requests = []CheckRequest{first, {
		URL: "/login", Status: []CheckRange{{302, 302}}, Contains: "home", Matches: "^h", Mismatch: "x$",
		Digest: "md5:0123456789abcdef0123456789abcdef", JSONPath: "a", JSONValue: "b",
	}, last}
	if diff := cmp.Diff(web, checkNamed(t, c, "web"), compareAddresses); diff != "" {
		t.Errorf("web (-want +got):\n%s", diff)
	}
}

// Each part that is for some kinds only arrives there.
func TestPartsOfKinds(t *testing.T) {
	c := mustParse(t, readFile(t, "testdata/ok/check-every-key.toml"))
	for name, parts := range map[string][2]any{
		"port":    {checkNamed(t, c, "port").Payload, CheckPayload{Send: []byte("PING\r\n"), Expect: CheckPattern{Contains: "+PONG"}}},
		"port2":   {checkNamed(t, c, "port").TLS, CheckTLS{Enabled: true, Insecure: true}},
		"log":     {checkNamed(t, c, "log").Payload, CheckPayload{Send: []byte("\n\v\f"), Answer: true, Expect: CheckPattern{Bytes: []byte("HP\x00"), Mask: []byte{0xff, 0xf0, 0}}, MaxAnswer: new(512)}},
		"ask":     {checkNamed(t, c, "ask").DNS, CheckDNS{Query: "_ldap._tcp.example.com.", Type: "SRV", Answers: []string{"0 5 389 ldap.example.com."}, RCode: "NOERROR", TCP: true}},
		"mail":    {checkNamed(t, c, "mail").SMTP, CheckSMTP{Hello: "lb1.example.com", StartTLS: true}},
		"asks":    {checkNamed(t, c, "ask-safely").TLS, CheckTLS{Enabled: true, ServerName: "dns.example.com"}},
		"mails":   {checkNamed(t, c, "mail-safely").TLS, CheckTLS{Enabled: true, CAFile: "/etc/perch/mail-ca.pem"}},
		"health":  {checkNamed(t, c, "health").GRPC, CheckGRPC{Service: "shop.Cart"}},
		"load":    {checkNamed(t, c, "load").Script, CheckScript{Argv: []string{"/usr/local/bin/load", "", "--limit\n", "5"}, User: "nobody", Weighted: true}},
		"daemon":  {checkNamed(t, c, "daemon").Process, CheckProcess{Quorum: 2, QuorumMax: new(4)}},
		"pid":     {checkNamed(t, c, "pid").Process, CheckProcess{PIDFile: "/run/haproxy.pid", Quorum: 1}},
		"args":    {checkNamed(t, c, "args").Process, CheckProcess{Command: "java -jar shop.jar", Quorum: 1}},
		"flag":    {checkNamed(t, c, "flag").File, CheckFile{Absent: true}},
		"level":   {checkNamed(t, c, "level").File, CheckFile{MaxAge: time.Minute, Number: true, Missing: new(-1)}},
		"cluster": {c.Cluster.WhenUnhealthy, "release"},
	} {
		if diff := cmp.Diff(parts[1], parts[0]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// What a list does not say of a check, the check says.
func TestTracks(t *testing.T) {
	c := mustParse(t, readFile(t, "testdata/ok/check-every-key.toml"))
	for name, tracks := range map[string][2][]Track{
		"cluster": {c.Cluster.Track, {{"web", -253, true}, {"port", -10, false}, {"load", 5, false}}},
		"gw":      {c.VRRP[0].Track, {{"ask", 0, false}, {"ask-safely", 0, false}, {"mail", 0, false}, {"mail-safely", 0, false}, {"health", 0, false}, {"cert", 0, false}}},
		"lan":     {c.VRRP[1].Track, {{"way-out", -253, false}, {"log", 0, true}}},
		"both":    {c.SyncGroups[0].Track, {{"load", 0, false}, {"daemon", 253, false}, {"pid", 0, false}, {"args", 0, false}, {"flag", 0, false}, {"level", 0, false}}},
	} {
		if diff := cmp.Diff(tracks[1], tracks[0]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// A list may take back what a check says.
func TestTrackOverrides(t *testing.T) {
	const check = "[[check]]\nname = 'web'\nkind = 'icmp'\ntarget = '198.18.0.1'\nweight = -20\nreverse = true\n"
	cluster := readFile(t, "testdata/ok/least.toml") + check
	for line, want := range map[string][]Track{
		"":                        {{"web", -20, true}},
		"track = []":              nil,
		"track = ['web']":         {{"web", -20, true}},
		"track = [{check='web'}]": {{"web", -20, true}},
		"track = [{check='web', weight=0, reverse=false}]": {{"web", 0, false}},
	} {
		got := mustParse(t, strings.Replace(cluster, "[cluster]\n", "[cluster]\n"+line+"\n", 1)).Cluster.Track
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", line, diff)
		}
	}
}

// Each check has its own number for a file that is not there.
func TestMissingOfSeveralChecks(t *testing.T) {
	text := readFile(t, "testdata/ok/least.toml")
	for i, name := range []string{"a", "b"} {
		text += fmt.Sprintf("[[check]]\nname = %q\nkind = \"file\"\ntarget = \"/run/load\"\nnumber = true\nmissing = %d\n", name, i)
	}
	for i, c := range mustParse(t, text).Checks {
		if c.File.Missing == nil || *c.File.Missing != i {
			t.Errorf("%s: missing is %v, want %d", c.Name, c.File.Missing, i)
		}
	}
}
