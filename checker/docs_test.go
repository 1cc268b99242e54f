package checker

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/sys/unix"
)

const docsFile = "../docs/checks.md"

// documentedReasons returns the reasons in the table of docs/checks.md, with their kinds,
// as "http: status 503, wanted 200-299".
func documentedReasons(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(docsFile)
	must(t, err)
	_, table, _ := strings.Cut(string(text), "\n| Kinds | Reason |")
	table, _, _ = strings.Cut(table, "\n\n")
	var all []string
	for _, row := range strings.Split(table, "\n")[2:] {
		cells := strings.Split(row, " | ")
		for _, kind := range strings.Split(strings.TrimPrefix(cells[0], "| "), ", ") {
			for _, reason := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[1], -1) {
				all = append(all, kind+": "+reason[1])
			}
		}
	}
	return all
}

// TestDocumentedReasons looks at what fails in each way that docs/checks.md tells of.
func TestDocumentedReasons(t *testing.T) {
	bus := newSystemBus(t)
	l := newLab(t)
	said := slices.Concat(
		refusals(t), mute500(t), brokenConnections(t), l.wrongPlaces(t), wrongWeb(t), wrongCertificates(t), wrongServers(t),
		l.badNeighbors(t), badSessions(t), wrongUnits(t, bus), wrongProcesses(t), wrongFiles(t), wrongScripts(t),
	)
	documented := documentedReasons(t)
	slices.Sort(said)
	slices.Sort(documented)
	if diff := cmp.Diff(said, documented); diff != "" {
		t.Errorf("reasons of looks and of %s (-said +documented):\n%s", docsFile, diff)
	}
	for _, kind := range Kinds() {
		if !slices.ContainsFunc(documented, func(r string) bool { return strings.HasPrefix(r, kind+": ") }) {
			t.Errorf("%s has no reason of kind %s", docsFile, kind)
		}
	}
}

// says looks once and returns the reason with the kind before it.
func says(t *testing.T, spec Spec) string {
	t.Helper()
	return spec.Kind + ": " + lookOnce(t, spec, enough)
}

// saysLate is says for what is not over in time.
func saysLate(t *testing.T, spec Spec) string {
	t.Helper()
	return spec.Kind + ": " + lookOnce(t, spec, 500*time.Millisecond)
}

// at is a spec of a kind for a host and port.
func at(kind, address string) Spec {
	if kind == "http" {
		address = "http://" + address + "/"
	}
	return Spec{Kind: kind, Target: address}
}

func refusals(t *testing.T) (said []string) {
	for _, kind := range []string{"tcp", "udp", "http", "dns", "smtp", "grpc", "tls"} {
		spec := at(kind, closedPort(t, "127.0.0.1"))
		said = append(said, says(t, spec))
	}
	return said
}

func mute500(t *testing.T) []string {
	server := rawServer(t, "127.0.0.1", mute)
	body := at("http", rawServer(t, "127.0.0.1", silentAfter("HTTP/1.1 200 OK\r\n\r\nre")))
	loading := Spec{Kind: "tcp", Target: rawServer(t, "127.0.0.1", tells("-LOADING\r\n"))}
	loading.TCP.Expect.Contains = "+PONG"
	return []string{
		saysLate(t, at("http", server)), saysLate(t, Spec{Kind: "http", Target: "https://" + server}), saysLate(t, body),
		saysLate(t, at("smtp", server)), saysLate(t, loading), saysLate(t, at("grpc", server)), saysLate(t, at("tls", server)),
	}
}

func brokenConnections(t *testing.T) []string {
	pong := TCP{Send: []byte("PING\r\n"), Expect: Pattern{Contains: "+PONG"}}
	// It hears what is asked first: what comes to a connection that is closed resets it.
	closes := rawServer(t, "127.0.0.1", func(c net.Conn) { readSome(c) })
	return []string{
		says(t, Spec{Kind: "tcp", Target: rawServer(t, "127.0.0.1", reset), TCP: pong}),
		says(t, Spec{Kind: "tcp", Target: closes, TCP: pong}),
		says(t, at("http", closes)),
		says(t, at("http", rawServer(t, "127.0.0.1", answers("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nready")))),
	}
}

// wrongPlaces are those that this machine cannot ask, or not so.
func (l *lab) wrongPlaces(t *testing.T) []string {
	l.route(l.here, "203.0.113.9/32", "", unix.RTN_UNREACHABLE)
	strange := at("tcp", "198.18.0.1:80")
	strange.Network.Source = parse("198.18.0.9")
	missing := at("tcp", "198.18.0.1:80")
	missing.Network.Interface = "eth9"
	unknown := explain(&net.DNSError{Name: "db.example.com", IsNotFound: true})
	return []string{
		says(t, at("tcp", "203.0.113.1:80")), says(t, at("tcp", "203.0.113.9:80")), says(t, strange), says(t, missing),
		"tcp: " + unknown.Error(),
	}
}

func wrongWeb(t *testing.T) []string {
	serve := func(answer string, requests ...Request) string {
		spec := at("http", rawServer(t, "127.0.0.1", func(c net.Conn) { readSome(c); saysAndCloses(answer)(c) }))
		spec.HTTP.Requests = requests
		return says(t, spec)
	}
	away := at("http", "www.example.com")
	away.HTTP.Redirect = true
	away.HTTP.Connect = rawServer(t, "127.0.0.1", answers("HTTP/1.1 301 Moved Permanently\r\nLocation: https://www.example.com/\r\n\r\n"))
	const ok, unavailable = "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 503 Service Unavailable\r\n\r\n"
	return []string{
		serve(unavailable),
		serve(unavailable, Request{URL: "/status"}, Request{URL: "/healthz"}),
		serve(ok+"starting", Request{Contains: "ready"}),
		serve(ok+`{"database":{"state":"down"}}`, Request{JSONPath: "database.state", JSONValue: "up"}),
		serve(ok+strings.Repeat("x", 1<<20+1), Request{Contains: "ready"}),
		serve("\x15\x03\x01\x00\x02\x02\x16"),
		says(t, away),
	}
}

func wrongCertificates(t *testing.T) (said []string) {
	ca := newCA(t, time.Now().Add(1000*time.Hour))
	show := func(roots string, certificate tls.Certificate, more TLS) {
		more.CAFile = roots
		spec := Spec{Target: rawServer(t, "127.0.0.1", overTLS(certificate, mute)), TLS: more}
		spec.Kind = "tls"
		said = append(said, says(t, spec))
		spec.Kind, spec.Target = "http", "https://"+spec.Target
		said = append(said, says(t, spec))
	}
	show(ca.file(), ca.issue(-9*day, -3*day-time.Hour, "127.0.0.1"), TLS{})
	show(ca.file(), ca.issue(-day, 9*day+time.Hour, "127.0.0.1"), TLS{ExpiryLimit: 10 * day})
	show(ca.file(), ca.issue(-day, 9*day, "www.example.com"), TLS{})
	show("", ca.issue(-day, 9*day, "127.0.0.1"), TLS{})
	plain := rawServer(t, "127.0.0.1", saysAndCloses("HTTP/1.1 400 Bad Request\r\n\r\n"))
	return append(said, says(t, at("tls", plain)), says(t, Spec{Kind: "http", Target: "https://" + plain}))
}

func wrongServers(t *testing.T) []string {
	none := func(m *dnsmessage.Message) { m.RCode = dnsmessage.RCodeNameError }
	nxdomain := packetServer(t, "127.0.0.1", func(query []byte) [][]byte { return [][]byte{dnsReply(t, query, none)} })
	other := packetServer(t, "127.0.0.1", func(query []byte) [][]byte {
		return [][]byte{dnsReply(t, query, nil, &dnsmessage.AResource{A: [4]byte{198, 18, 0, 7}})}
	})
	mail := mailServer("220 mail\r\n", map[string]string{"EHLO": "250 mail\r\n"}, tls.Certificate{})
	echo := packetServer(t, "127.0.0.1", func([]byte) [][]byte { return [][]byte{[]byte("-ERR")} })
	serves := func(status string) string {
		return grpcServer(t, "127.0.0.1", tls.Certificate{}, grpcAnswer("\x00\x00\x00\x00\x02\x08"+status, "0", ""))
	}
	return []string{
		says(t, at("dns", nxdomain)),
		says(t, Spec{Kind: "dns", Target: other, DNS: DNS{Query: "www.example.com", Type: "A", Answers: []string{"198.18.0.100"}}}),
		says(t, Spec{Kind: "udp", Target: echo, UDP: UDP{Send: []byte("PING"), Expect: Pattern{Contains: "+PONG"}}}),
		says(t, Spec{Kind: "udp", Target: echo, UDP: UDP{Answer: true, MaxAnswer: new(3)}}),
		says(t, at("smtp", rawServer(t, "127.0.0.1", tells("554 no service\r\n")))),
		says(t, Spec{Kind: "smtp", Target: rawServer(t, "127.0.0.1", mail), SMTP: SMTP{StartTLS: true}}),
		says(t, at("grpc", serves("\x02"))), says(t, at("grpc", serves("\x03"))),
		says(t, at("grpc", grpcServer(t, "127.0.0.1", tls.Certificate{}, grpcOnly("12", "")))),
	}
}

func (l *lab) badNeighbors(t *testing.T) []string {
	l.route(l.here, "203.0.113.0/24", "198.18.0.1", unix.RTN_UNICAST)
	l.route(l.there, "203.0.113.5/32", "", unix.RTN_UNREACHABLE)
	l.in(l.thereFD, l.forwards)
	port := func() string { return says(t, Spec{Kind: "interface", Target: "eth0"}) }
	said := []string{
		says(t, pinging("203.0.113.5")), saysLate(t, pinging("198.18.0.77")),
		saysLate(t, gateway("198.18.0.254", "")), says(t, gateway("203.0.113.1", "")),
		says(t, Spec{Kind: "interface", Target: "eth9"}),
	}
	l.down(l.there, "peer0")
	said = append(said, port(), says(t, gateway("198.18.0.254", "eth0")))
	l.down(l.here, "eth0")
	return append(said, port())
}

// badSessions are as whoever knows of BGP sessions tells of them.
func badSessions(t *testing.T) []string {
	h := NewHost(slog.New(slog.DiscardHandler))
	h.Follow(func(_ context.Context, neighbor string) error {
		return fmt.Errorf("neighbor %s is in state Active", neighbor)
	})
	return []string{"bgp: " + reasonOf(t, made(t, h, Spec{Kind: "bgp", Target: "198.18.0.254"}), enough)}
}

func wrongUnits(t *testing.T, bus *systemBus) (said []string) {
	systemd := bus.systemd()
	h := runningHost(t, bus.address)
	for _, properties := range []string{
		"ActiveState=inactive SubState=dead", "ActiveState=failed Result=exit-code", "ActiveState=inactive LoadState=not-found",
	} {
		systemd.set("nginx.service", strings.Split(properties, " ")...)
		said = append(said, "unit: "+reasonOf(t, made(t, h, unit("nginx.service")), enough))
	}
	away := runningHost(t, "unix:path="+filepath.Join(t.TempDir(), "none"))
	return append(said, "unit: "+reasonOf(t, made(t, away, unit("nginx.service")), 500*time.Millisecond)) // it asks until then
}

func wrongProcesses(t *testing.T) []string {
	path, name := program(t, "pt-docs", "/bin/sleep")
	begin(t, path, "1000")
	file := filepath.Join(t.TempDir(), "pid")
	missing := says(t, processSpec("", Process{PIDFile: file}))
	must(t, os.WriteFile(file, []byte("4194303\n"), 0o600)) // which nobody has
	gone := says(t, processSpec("", Process{PIDFile: file}))
	few := says(t, processSpec(name, Process{Quorum: 2}))
	alone := says(t, processSpec(name, Process{QuorumMax: new(0)}))
	begin(t, path, "1000")
	many := says(t, processSpec(name, Process{QuorumMax: new(1)}))
	return []string{
		says(t, processSpec("no-such-program", Process{})), says(t, processSpec("", Process{Command: "java -jar no-such.jar"})),
		strings.ReplaceAll(few, name, "nginx"), strings.ReplaceAll(alone, name, "nginx"), strings.ReplaceAll(many, name, "nginx"), missing, strings.ReplaceAll(gone, "4194303", "4711"),
		"process: ...: " + hidden, // see TestProcessesThatAreHidden
	}
}

func wrongFiles(t *testing.T) []string {
	path := filepath.Join(t.TempDir(), "file")
	look := func(spec File) string { return says(t, Spec{Kind: "file", Target: path, File: spec}) }
	missing := look(File{})
	must(t, os.WriteFile(path, []byte("high\n"), 0o600))
	said := []string{missing, look(File{Absent: true}), look(File{Number: true})}
	old := time.Now().Add(-3 * time.Minute)
	must(t, os.Chtimes(path, old, old))
	return append(said, look(File{MaxAge: time.Minute}))
}

func wrongScripts(t *testing.T) []string {
	run := func(path string) Spec { return Spec{Kind: "script", Script: Script{Argv: []string{path}}} }
	path := shell(t, "echo lag is 9s; exit 2")
	said := []string{says(t, run(path)), saysLate(t, run(shell(t, "sleep 1000"))), says(t, run(shell(t, "kill -SEGV $$")))}
	for _, mode := range []os.FileMode{0o644, 0o777} {
		must(t, os.Chmod(path, mode))
		said = append(said, strings.ReplaceAll(says(t, run(path)), path, "/usr/local/bin/lag"))
	}
	must(t, os.Remove(path))
	return append(said, strings.ReplaceAll(says(t, run(path)), path, "/usr/local/bin/lag"))
}

// What docs/checks.md says of the time until a failure is known is what comes of it at
// worst, jitter left out: the last good look has begun just before.
func TestDocumentedTimes(t *testing.T) {
	text, err := os.ReadFile(docsFile)
	must(t, err)
	rows := regexp.MustCompile(`(?m)^\| (\d+m?s) \| (\d+m?s) \| (\d+m?s) \| (\d) \| ([0-9.]+m?s) \| ([0-9.]+m?s) \|$`).FindAllStringSubmatch(string(text), -1)
	if len(rows) < 3 {
		t.Fatalf("%d rows of times in %s", len(rows), docsFile)
	}
	for _, row := range rows {
		s := Schedule{Interval: parseSpan(t, row[1]), FastInterval: parseSpan(t, row[2]), Timeout: parseSpan(t, row[3]), Rise: 1, Fall: int(row[4][0] - '0')}
		for took, want := range map[time.Duration]string{0: row[5], s.Timeout: row[6]} {
			if got := untilFailed(s, took); got != parseSpan(t, want) {
				t.Errorf("%+v, looks of %v: failed after %v, documented as %s", s, took, got, want)
			}
		}
	}
}

func parseSpan(t *testing.T, text string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(text)
	must(t, err)
	return d
}

// untilFailed returns how long after a good look a check has failed whose looks take so long.
func untilFailed(s Schedule, took time.Duration) time.Duration {
	const middle = 0.5
	m := newMachine(s, 0, middle)
	m.begin(0)
	m.end(0, true, middle)
	for m.state != Failed {
		m.begin(m.due)
		m.end(m.begun+took, false, middle)
	}
	return m.begun + took
}
