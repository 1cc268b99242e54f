package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/lab"
)

// looked is a check, and what becomes of it.
type looked struct {
	lines   []string
	value   string // while it is well; "" for none
	warning string // likewise, a regular expression
	reason  string // once all is broken, a regular expression
}

// surroundings are what a node's checks look at.
type surroundings struct {
	*site
	node    *station
	servers *lobby
	router  *lab.Host
	uplink  *lab.Link // eth1 of the node
	dir     string
	program string // of the process
	process *lab.Process
}

// A check of each kind but unit, which takes a systemd, becomes healthy, fails for its
// reason when all breaks at once, and is healthy again when that is over.
func TestCheckEachKind(t *testing.T) {
	t.Parallel()
	s := surround(t)
	checks := s.checks()
	tables := []string{router("gw", 51, 200, gateway+"/24")}
	for name, c := range checks {
		usual := []string{`interval = "300ms"`, `timeout = "700ms"`, "fall = 2"}
		tables = append(tables, check(name, append(usual, c.lines...)...))
	}
	s.node.write(tables...)
	s.start(s.node)
	s.become(checks, api.CheckHealthy)
	s.breakAll()
	s.become(checks, api.CheckFailed)
	s.mend()
	s.become(checks, api.CheckHealthy)
}

func surround(t *testing.T) *surroundings {
	t.Helper()
	s := &surroundings{site: newSite(t, "lb1")}
	s.dir = s.net.tempDir(t)
	must(t, os.Chmod(s.dir, 0o755)) // the script's user looks into it
	s.node, s.router = s.nodes[0], s.net.addHost(t, "router")
	sw, err := s.net.AddSwitch()
	must(t, err)
	s.uplink, err = s.node.Host.Join(sw)
	must(t, err)
	s.servers = &lobby{t: t, host: s.net.addHost(t, "servers")}
	s.certify()
	t.Cleanup(func() { s.servers.stop() })
	s.servers.start()

	sleep, err := exec.LookPath("sleep")
	must(t, err)
	s.program = s.file("kinds" + strconv.Itoa(os.Getpid()%100000))
	must(t, os.Symlink(sleep, s.program))
	s.begin()
	return s
}

func (s *surroundings) file(name string) string { return filepath.Join(s.dir, name) }

// certify makes certificates for the servers and for the node, which end within a day.
func (s *surroundings) certify() {
	s.t.Helper()
	authority, err := lab.NewAuthority()
	must(s.t, err)
	must(s.t, authority.WriteRoot(s.file("ca.pem")))
	until := time.Now().Add(20 * time.Hour)
	must(s.t, authority.Issue(s.file("server.pem"), until, s.servers.host.Eth0.IPv4.Addr()))
	must(s.t, authority.Issue(s.file("client.pem"), until, s.node.Host.Eth0.IPv4.Addr()))
	pair, err := tls.LoadX509KeyPair(s.file("server.pem"), s.file("server.pem"))
	must(s.t, err)
	root, err := os.ReadFile(s.file("ca.pem"))
	must(s.t, err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(root)
	s.servers.server = &tls.Config{Certificates: []tls.Certificate{pair}}
	s.servers.mutual = s.servers.server.Clone()
	s.servers.mutual.ClientAuth, s.servers.mutual.ClientCAs = tls.RequireAndVerifyClientCert, roots
}

// begin has the process run and the files be there.
func (s *surroundings) begin() {
	s.t.Helper()
	var err error
	s.process, err = s.node.Host.Start(exec.Command(s.program, "1000"))
	must(s.t, err)
	must(s.t, os.WriteFile(s.file("pid"), []byte(strconv.Itoa(s.process.PID())), 0o644))
	must(s.t, os.WriteFile(s.file("number"), []byte("42\n"), 0o644))
	must(s.t, os.WriteFile(s.file("flag"), nil, 0o644))
}

func (s *surroundings) breakAll() {
	s.t.Helper()
	s.servers.stop()
	must(s.t, s.process.Signal(syscall.SIGKILL))
	must(s.t, errors.Join(os.Remove(s.file("number")), os.Remove(s.file("flag")), s.uplink.Cut(), s.router.Eth0.Isolate()))
}

func (s *surroundings) mend() {
	s.t.Helper()
	must(s.t, errors.Join(s.uplink.Splice(), s.router.Eth0.Rejoin()))
	s.servers.start()
	s.begin()
}

// checks are of each kind, in the ways that differ.
func (s *surroundings) checks() map[string]looked {
	const refused = "connection refused$"
	at := func(port int) string { return fmt.Sprintf("target = %q", s.servers.at(port)) }
	url := func(scheme string, port int) string {
		return fmt.Sprintf("target = \"%s://%s/\"", scheme, s.servers.at(port))
	}
	path := func(key, name string) string { return fmt.Sprintf("%s = %q", key, s.file(name)) }
	trust := path("ca_file", "ca.pem")
	name := filepath.Base(s.program)
	script := fmt.Sprintf("argv = [\"/bin/sh\", \"-c\", 'test -e %s && exit 7; echo no flag; exit 1']", s.file("flag"))
	checks := map[string]looked{
		"tcp":       {[]string{`kind = "tcp"`, at(portTCP), `send = "PING\r\n"`, `expect = "+PONG"`}, "", "", refused},
		"tcp-tls":   {[]string{`kind = "tcp"`, at(portTLS), `send = "PING\r\n"`, `expect = "+PONG"`, "tls = true", trust}, "", "", refused},
		"udp":       {[]string{`kind = "udp"`, at(portUDP), `send = "ping"`, "answer = true", `expect_hex = "70 6f xx 67"`}, "", "", refused},
		"http":      {[]string{`kind = "http"`, url("http", portHTTP), `contains = "well"`}, "", "", refused},
		"https":     {[]string{`kind = "http"`, url("https", portHTTPS), trust, path("cert_file", "client.pem"), path("key_file", "client.pem")}, "", "", refused},
		"dns":       {[]string{`kind = "dns"`, fmt.Sprintf("target = %q", s.servers.host.Eth0.IPv4.Addr()), `query = "www.example.com"`, `type = "A"`}, "", "", refused},
		"dns-tcp":   {[]string{`kind = "dns"`, at(portDNS), `transport = "tcp"`}, "", "", refused},
		"dns-tls":   {[]string{`kind = "dns"`, fmt.Sprintf("target = %q", s.servers.host.Eth0.IPv4.Addr()), "tls = true", trust}, "", "", refused},
		"smtp":      {[]string{`kind = "smtp"`, at(portSMTP), "starttls = true", trust}, "", "", refused},
		"smtps":     {[]string{`kind = "smtp"`, at(portSMTPS), "tls = true", trust}, "", "", refused},
		"grpc":      {[]string{`kind = "grpc"`, at(portGRPC), `service = "shop.Cart"`}, "", "", refused},
		"tls":       {[]string{`kind = "tls"`, at(portTLS), trust, `expiry_warning = "48h"`}, "", "^certificate expires in (19|20) hours", refused},
		"interface": {[]string{`kind = "interface"`, `target = "eth1"`}, "", "", "interface eth1 has no carrier$"},
		"file":      {[]string{`kind = "file"`, path("target", "number"), "number = true"}, "42", "", "no such file$"},
		"process":   {[]string{`kind = "process"`, fmt.Sprintf("target = %q", name)}, "", "", `no process named "` + name + `"$`},
		"pidfile":   {[]string{`kind = "process"`, path("pidfile", "pid")}, "", "", "process [0-9]+ is not running$"},
		"command":   {[]string{`kind = "process"`, fmt.Sprintf("command = %q", s.program+" 1000")}, "", "", `no process with ".*" in its command line$`},
		"script":    {[]string{`kind = "script"`, script, `user = "nobody"`, "weighted = true"}, "5", "", "exit code 1: no flag$"},
	}
	for family, target := range map[string]netip.Addr{"ARP": s.router.Eth0.IPv4.Addr(), "neighbor discovery": s.router.Eth0.IPv6.Addr()} {
		suffix, line := "-v4", fmt.Sprintf("target = %q", target)
		if target.Is6() {
			suffix = "-v6"
		}
		checks["gateway"+suffix] = looked{[]string{`kind = "gateway"`, line, `interface = "eth0"`}, "", "", "does not answer " + family + " on eth0 within 700ms$"}
		// The kernel may have given the neighbor up by then.
		checks["icmp"+suffix] = looked{[]string{`kind = "icmp"`, line}, "", "", "no answer within 700ms$|no route to host$|unreachable"}
	}
	return checks
}

// become waits until each check has been in the state, with all that it should say there.
func (s *surroundings) become(checks map[string]looked, state string) {
	s.t.Helper()
	begin, waiting := time.Now(), map[string]string{} // what it says instead
	for name := range checks {
		waiting[name] = "nothing"
	}
	defer func() {
		for name, says := range waiting {
			s.t.Logf("%s: says %s", name, says)
		}
	}()
	s.eventuallySays("each check is "+state, func() bool {
		status, err := s.node.status()
		must(s.t, err)
		for _, c := range status.Checks {
			if c.State == state && checks[c.Name].fits(c) {
				delete(waiting, c.Name)
			} else if waiting[c.Name] != "" {
				waiting[c.Name] = fmt.Sprintf("%+v", c)
			}
		}
		return len(waiting) == 0
	})
	s.t.Logf("%d checks are %s after %s", len(checks), state, time.Since(begin).Round(time.Millisecond))
}

// fits tells whether the status of the check is what it should be in its state.
func (l looked) fits(c api.Check) bool {
	if c.State == api.CheckFailed {
		return strings.HasPrefix(c.Error, "failed ") && regexp.MustCompile(l.reason).MatchString(c.Error)
	}
	value := ""
	if c.Value != nil {
		value = strconv.Itoa(*c.Value)
	}
	warned := l.warning == "" && c.Warning == "" || l.warning != "" && regexp.MustCompile(l.warning).MatchString(c.Warning)
	return c.Error == "" && value == l.value && warned
}
