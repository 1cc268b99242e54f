package daemon

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/perch-vip/perch/checker"
	"github.com/perch-vip/perch/cmd/internal/config"
)

const repository = "../../.."

// atLeast is a config that some checks make whole.
const atLeast = "[static]\naddresses = [{address = \"198.18.0.10/24\", interface = \"eth0\"}]\n"

// makeable returns the checks of a config, with what this machine need not have replaced
// or left out: the files of TLS by those in a folder, and users.
func makeable(checks []config.Check, folder string) []config.Check {
	for i := range checks {
		c := &checks[i]
		for _, name := range []*string{&c.TLS.CAFile, &c.TLS.CertFile, &c.TLS.KeyFile} {
			if *name != "" {
				*name = filepath.Join(folder, "all.pem")
			}
		}
		c.Script.User = ""
	}
	return checks
}

// tlsFolder returns a folder with a certificate and its key in all.pem.
func tlsFolder(t testing.TB) string {
	t.Helper()
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	pair := server.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]})
	text = append(text, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...)
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "all.pem"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	return folder
}

// newEntries makes the checks of a config that `perch check` takes.
func newEntries(t testing.TB, name, text, folder string) []checker.Entry {
	t.Helper()
	c, _, err := config.Parse(name, []byte(text), "lb1")
	if err != nil {
		t.Fatal(err)
	}
	entries, err := entriesOf(checker.NewHost(slog.New(slog.DiscardHandler)), makeable(slices.Concat(c.Checks, c.ServerChecks), folder))
	if err != nil {
		t.Errorf("%s: %v", name, err)
	}
	return entries
}

// TestChecksOfConfigsCanBeMade is for all checks in configs that are right, and in the docs.
func TestChecksOfConfigsCanBeMade(t *testing.T) {
	folder, made := tlsFolder(t), map[string]int{}
	count := func(entries []checker.Entry) {
		for _, e := range entries {
			made[e.Spec.Kind]++
		}
	}
	for _, pattern := range []string{"cmd/internal/config/testdata/ok/*.toml", "deploy/examples/*/*.toml"} {
		paths, err := filepath.Glob(filepath.Join(repository, pattern))
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, path := range paths {
			count(newEntries(t, path, readText(t, path), folder))
		}
	}
	blocks := regexp.MustCompile("(?ms)^```toml checks\n(.*?)^```$")
	for _, block := range blocks.FindAllStringSubmatch(readText(t, filepath.Join(repository, "docs/checks.md")), -1) {
		count(newEntries(t, "docs/checks.md", block[1]+atLeast, folder))
	}
	for _, kind := range checker.Kinds() {
		if made[kind] < 2 {
			t.Errorf("%d checks of kind %s", made[kind], kind)
		}
	}
}

func readText(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// slots are the places of a check that any text may be tried in, at %s.
var slots = []string{
	"kind = 'tcp'\ntarget = %s",
	"kind = 'udp'\ntarget = 'a.example:53'\nsend = %s",
	"kind = 'udp'\ntarget = 'a.example:53'\nexpect = %s",
	"kind = 'tcp'\ntarget = '198.18.0.1:80'\nexpect_hex = %s",
	"kind = 'tcp'\ntarget = '198.18.0.1:80'\nsend_hex = %s",
	"kind = 'tcp'\ntarget = '198.18.0.1:80'\nsource = %s",
	"kind = 'tcp'\ntarget = '198.18.0.1:80'\ninterface = %s",
	"kind = 'tcp'\ntarget = '198.18.0.1:80'\ntls = true\nserver_name = %s",
	"kind = 'tls'\ntarget = %s",
	"kind = 'grpc'\ntarget = '198.18.0.1:80'\nservice = %s",
	"kind = 'smtp'\ntarget = '198.18.0.1:25'\nhello = %s",
	"kind = 'http'\ntarget = %s",
	"kind = 'http'\ntarget = 'https://a.example/b?c'\nurl = [%s]",
	"kind = 'http'\ntarget = 'http://a.example/'\nhost = %s",
	"kind = 'http'\ntarget = 'https://a.example/'\nconnect = %s",
	"kind = 'http'\ntarget = 'http://a.example/'\nmethod = %s",
	"kind = 'http'\ntarget = 'http://a.example/'\nheaders = [%s]",
	"kind = 'http'\ntarget = 'http://a.example/'\nstatus = [%s]",
	"kind = 'http'\ntarget = 'http://a.example/'\nmatches = %s",
	"kind = 'http'\ntarget = 'http://a.example/'\nmismatch = %s",
	"kind = 'http'\ntarget = 'http://a.example/'\ndigest = %s",
	"kind = 'http'\ntarget = 'http://a.example/'\njson_path = %s",
	"kind = 'dns'\ntarget = %s",
	"kind = 'dns'\ntls = true\ntarget = %s",
	"kind = 'smtp'\ntls = true\ntarget = %s",
	"kind = 'dns'\ntarget = '198.18.0.1'\nquery = %s",
	"kind = 'dns'\ntarget = '198.18.0.1'\ntype = %s",
	"kind = 'dns'\ntarget = '198.18.0.1'\nrcode = %s",
	"kind = 'dns'\ntarget = '198.18.0.1'\ntype = 'A'\nanswers = [%s]",
	"kind = 'dns'\ntarget = '198.18.0.1'\ntype = 'AAAA'\nanswers = [%s]",
	"kind = 'dns'\ntarget = '198.18.0.1'\ntype = 'CAA'\nanswers = [%s]",
	"kind = 'dns'\ntarget = '198.18.0.1'\ntype = 'MX'\nanswers = [%s]",
	"kind = 'dns'\ntarget = '198.18.0.1'\ntype = 'NS'\nanswers = [%s]",
	"kind = 'dns'\ntarget = '198.18.0.1'\ntype = 'SOA'\nanswers = [%s]",
	"kind = 'dns'\ntarget = '198.18.0.1'\ntype = 'SRV'\nanswers = [%s]",
	"kind = 'dns'\ntarget = '198.18.0.1'\ntype = 'TXT'\nanswers = [%s]",
	"kind = 'icmp'\ntarget = %s",
	"kind = 'gateway'\ntarget = %s",
	"kind = 'gateway'\ninterface = 'eth0'\ntarget = %s",
	"kind = 'interface'\ntarget = %s",
	"kind = 'unit'\ntarget = %s",
	"kind = 'file'\ntarget = %s",
	"kind = 'process'\ntarget = %s",
	"kind = 'process'\npidfile = %s",
	"kind = 'process'\ncommand = %s",
	"kind = 'script'\nargv = [%s]",
	"kind = 'script'\nargv = ['/bin/true', %s]",
}

// trials are texts at the edges of what some place allows.
var trials = []string{
	"a.example", "a.example.", ".", "_sip._tcp.a.example", "*.a", "a..b", "-", "A", "aaaa", "TXT", "NXDOMAIN", "nxdomain",
	"198.18.0.1", "127.0.0.1", "::1", "::", "2001:db8::1", "fe80::1", "fe80::1%eth0", "::ffff:198.18.0.1", "0.0.0.0", "224.0.0.1",
	"a.example:80", "a.example:0", "a.example:http", "[2001:db8::1]:80", "[2001:db8::1]", "[fe80::1%eth0]:80", "a:b:80",
	"http://a.example", "HTTP://a.example/", "http://[2001:db8::1]:8080/x?y", "http://2001:db8::1/", "https://a.example:/", "http://a%41.example/",
	"http://%5B::1%5D/", "http://a_b/%zz", "http://a.example/%2f", "https://1.2.3.4.5/", "/", "?a=b", "//b.example/", "../..", ":", "a:b", "/%", "*",
	"GET", "HEAD", "CONNECT", "PROPFIND", "get", "Accept: */*", "Accept:", "X:a\tb", "Connection: keep-alive", "Host: x", "TE: trailers", "trailer: x",
	"100-599", "200", "099", "600", "300-200", "+200", "md5:0123456789abcdef0123456789ABCDEF", "MD5:00", "sha256:",
	"a.b[0][\"c\\u0022\"]", "a[1048576]", "a[1048577]", "a[999999]", "[\"\"]", "[\"\\ud800\"]", "a.[0]", "a[\"b\"].c", "ü.ß", "[00]", "[\"\t\"]", "a\x7f",
	"(a", "a{1001}", "(((a{99}){99}){99})", "(?i)ok", "\\C", "\\pX", "48 5x", "xx", "0", "",
	"10 mx.a.example.", "0 .", "0 5 389 ldap.a", "4294967295 1 2 .", "a b 1 2 3 4 5", "0 issue \"ca.example\"", "0 issue ca", "256 issue ca", "0 issue",
	"0 issue \"", "\"a b\" \"c\"", "\"a", "\"a\"b", "\"a\\\"b\"", "\"", "'",
	"nginx.service", ".a.service", "a@.service", "a@b.service", "-.mount", "a.snapshot", ".service", "/etc/passwd", "/", "etc", "/a/../b", "/a\x01",
	"eth0", "eth0.100", "a/b", "aaaaaaaaaaaaaaaa", "haproxy", "a b", "ü", "\u0085", "\u2028", "\x00", strings.Repeat("a", 255), strings.Repeat("x", 5000),
	strings.Repeat("x", 65507), strings.Repeat("a.", 127), strings.Repeat("(", 1001),
}

// FuzzWhatConfigTakesCanBeMade: a config that `perch check` takes is one that the daemon
// starts with.
func FuzzWhatConfigTakesCanBeMade(f *testing.F) {
	for slot := range slots {
		for _, trial := range trials {
			f.Add(slot, trial)
		}
	}
	host := checker.NewHost(slog.New(slog.DiscardHandler))
	f.Fuzz(func(t *testing.T, slot int, trial string) {
		if slot < 0 || slot >= len(slots) {
			return
		}
		text := atLeast + "[[check]]\nname = 'x'\n" + fmt.Sprintf(slots[slot], tomlString(trial))
		c, _, err := config.Parse("perch.toml", []byte(text), "lb1")
		if err != nil {
			return
		}
		if _, err := entriesOf(host, c.Checks); err != nil {
			t.Errorf("%s\n%v", text, err)
		}
	})
}

// tomlString returns a text as a string of TOML.
func tomlString(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r >= ' ' && r != '"' && r != '\\' && r != 0x7f {
			b.WriteRune(r)
		} else {
			b.WriteString(fmt.Sprintf(`\u%04x`, r))
		}
	}
	return `"` + b.String() + `"`
}

// TestKeysTogether is for what only several keys together can have wrong.
func TestKeysTogether(t *testing.T) {
	for _, text := range []string{
		"kind = 'process'\npidfile = '/run/a.pid'\nquorum = 2",
		"kind = 'process'\ntarget = 'a'\nquorum = " + strconv.Itoa(1000000),
		"kind = 'process'\ntarget = 'a'\nquorum = 1024",
		"kind = 'file'\ntarget = '/a'\nabsent = true\nmax_age = '1s'",
		"kind = 'http'\ntarget = 'http://a/'\nmethod = 'HEAD'\njson_path = 'a'",
		"kind = 'http'\ntarget = 'http://a/'\nurl = [{url = '/', json_value = 'a'}]\njson_path = 'a'",
		"kind = 'http'\ntarget = 'http://a/'\nsource = '2001:db8::1'\nconnect = '198.18.0.1:80'",
		"kind = 'http'\ntarget = 'http://198.18.0.1/'\nsource = '2001:db8::1'\nconnect = '[2001:db8::2]:80'",
		"kind = 'http'\ntarget = 'http://[2001:db8::2]/'\nsource = '198.18.0.1'",
		"kind = 'dns'\ntarget = '2001:db8::1'\nsource = '198.18.0.1'",
		"kind = 'gateway'\ntarget = '2001:db8::1'\nsource = '198.18.0.1'",
		"kind = 'icmp'\ntarget = '198.18.0.1'\nsource = '2001:db8::1'",
		"kind = 'smtp'\ntarget = 'a:25'\nstarttls = true\nverify = false",
		"kind = 'dns'\ntarget = 'a'\ntls = true\ntransport = 'tcp'",
		"kind = 'dns'\ntarget = 'a'\ntls = true\ntransport = 'udp'",
		"kind = 'smtp'\ntarget = 'a:25'\ntls = true\nstarttls = true",
		"kind = 'udp'\ntarget = 'a:25'\nsend = 'a'\nsend_hex = '00'",
		"kind = 'dns'\ntarget = 'a'\ntype = 'DS'\nanswers = ['x']",
	} {
		c, _, err := config.Parse("perch.toml", []byte(atLeast+"[[check]]\nname = 'x'\n"+text), "lb1")
		if err != nil {
			continue
		}
		if _, err := entriesOf(checker.NewHost(slog.New(slog.DiscardHandler)), c.Checks); err != nil {
			t.Errorf("%s\n%v", text, err)
		}
	}
}

// TestFilesThatCannotBeRead: the error names check and file, in one line for each check.
func TestFilesThatCannotBeRead(t *testing.T) {
	const none = "/nowhere/"
	text := atLeast + `
[[check]]
name = "ca"
kind = "tls"
target = "a:443"
ca_file = "/nowhere/ca.pem"
[[check]]
name = "pair"
kind = "http"
target = "https://a/"
cert_file = "/nowhere/a.pem"
key_file = "/nowhere/a.key"
[[check]]
name = "well"
kind = "tls"
target = "a:443"
`
	c, _, err := config.Parse("perch.toml", []byte(text), "lb1")
	if err != nil {
		t.Fatal(err)
	}
	_, err = openChecks(c.Checks, slog.New(slog.DiscardHandler))
	lines := strings.Split(fmt.Sprint(err), "\n")
	want := []string{"check ca: CA file: open " + none + "ca.pem: no such file", "check pair: client certificate " + none + "a.pem"}
	if len(lines) != len(want) {
		t.Fatalf("%q", lines)
	}
	for i, line := range lines {
		if !strings.HasPrefix(line, want[i]) {
			t.Errorf("%q, want %q", line, want[i])
		}
	}
}

// What a check looks at is shown to whoever reaches the dashboard: not what may be a secret.
func TestSubjectHasNoQuery(t *testing.T) {
	for target, want := range map[string]string{
		"http://127.0.0.1/x?token=t?u": "http://127.0.0.1/x?***", "http://127.0.0.1/x?": "http://127.0.0.1/x?", "/run/what?": "/run/what?", "/run/a?b": "/run/a?b",
	} {
		if got := subjectOf(&config.Check{Target: target}); got != want {
			t.Errorf("%s is shown as %s, want %s", target, got, want)
		}
	}
}
