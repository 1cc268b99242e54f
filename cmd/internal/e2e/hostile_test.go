package e2e

import (
	"bufio"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// webAddress is where a node serves its pages, to its own host.
const webAddress = "127.0.0.1:7401"

// hostile is a cluster whose owner is told nonsense.
type hostile struct {
	*cluster
	owner *lab.Node
	conns []net.Conn
}

// open connects to the owner: its pages, its control socket or its port for peers.
func (h *hostile) open(where string) net.Conn {
	h.t.Helper()
	var conn net.Conn
	var err error
	ctx, cancel := h.limit()
	defer cancel()
	switch where {
	case "web":
		conn, err = h.owner.Host.Dial(ctx, "tcp", netip.MustParseAddrPort(webAddress))
	case "control":
		conn, err = net.Dial("unix", h.owner.Socket())
	default:
		conn, err = h.net.client.Dial(ctx, "tcp", h.owner.Address())
	}
	h.must(err)
	must(h.t, conn.SetDeadline(time.Now().Add(patience)))
	h.conns = append(h.conns, conn)
	return conn
}

// send writes to a connection, which the other side may have ended.
func (h *hostile) send(where string, text ...string) net.Conn {
	h.t.Helper()
	conn := h.open(where)
	for _, t := range text {
		_, _ = io.WriteString(conn, t)
	}
	return conn
}

// many opens connections that say this and stay.
func (h *hostile) many(n int, where, text string) {
	h.t.Helper()
	for range n {
		h.send(where, text)
	}
}

// served waits until the pages have done with those who came before: they take so many a second.
func (h *hostile) served() {
	h.t.Helper()
	conn := h.open("web")
	must(h.t, conn.SetDeadline(time.Now().Add(time.Minute)))
	_, err := io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
	h.must(err)
	_, err = conn.Read(make([]byte, 1))
	h.must(err)
}

// pour writes to a connection until the other side ends it, and wants that to come soon.
func (h *hostile) pour(where, head, text string) {
	h.t.Helper()
	if where == "web" {
		h.served()
	}
	conn := h.send(where, head)
	must(h.t, conn.SetDeadline(time.Now().Add(patience)))
	for poured := 0; poured < 256<<20; poured += len(text) {
		_, err := io.WriteString(conn, text)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			h.t.Errorf("%s does not end %.20q within %s", where, text, patience)
		}
		if err != nil {
			return
		}
	}
	h.t.Errorf("%s takes 256 MiB of %.20q", where, text)
}

// flood asks for more and more, and reads nothing: who is served at the pace of all need not be cut off.
func (h *hostile) flood(where, text string) {
	h.t.Helper()
	conn := h.open(where)
	must(h.t, conn.SetDeadline(time.Now().Add(2*time.Second)))
	for range 256 << 20 / len(text) {
		if _, err := io.WriteString(conn, text); err != nil {
			return
		}
	}
	h.t.Errorf("%s takes 256 MiB of %.20q", where, text)
}

func (h *hostile) hangUp() {
	for _, conn := range h.conns {
		_ = conn.Close()
	}
	h.conns = nil
}

// used is what a process takes of its machine.
type used struct{ files, threads, kilobytes int }

func (h *hostile) used() (u used) {
	h.t.Helper()
	proc := filepath.Join("/proc", strconv.Itoa(h.owner.Process().PID()))
	files, err := os.ReadDir(filepath.Join(proc, "fd"))
	h.must(err)
	status, err := os.ReadFile(filepath.Join(proc, "status"))
	h.must(err)
	u.files = len(files)
	for line := range strings.Lines(string(status)) {
		for key, to := range map[string]*int{"Threads:": &u.threads, "VmRSS:": &u.kilobytes} {
			if rest, ok := strings.CutPrefix(line, key); ok {
				*to, err = strconv.Atoi(strings.Fields(rest)[0])
				h.must(err)
			}
		}
	}
	return u
}

// Limits of what hostile clients may have cost when they are there, and when they are gone.
const (
	mostFiles   = 400 // 256 of the control socket, 32 of the pages, 32 strangers among the peers
	mostMemory  = 64 << 10
	mostThreads = 24
	filesLeft   = 12
)

// attacks is what is said, where; "peer" is the port for peers.
var attacks = map[string]func(*hostile){
	"slow headers": func(h *hostile) { h.many(100, "web", "GET /metrics HTTP/1.1\r\nHost: a\r\nX") },
	"nothing said": func(h *hostile) { h.many(300, "web", "") },
	"slow bodies": func(h *hostile) {
		h.many(50, "web", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\nx")
	},
	"slow chunks": func(h *hostile) {
		h.many(50, "web", "GET /metrics HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nx")
	},
	"a header without end": func(h *hostile) { h.pour("web", "GET / HTTP/1.1\r\nHost: a\r\nX: ", strings.Repeat("x", 1<<16)) },
	"headers without end":  func(h *hostile) { h.pour("web", "GET / HTTP/1.1\r\nHost: a\r\n", strings.Repeat("X: y\r\n", 1<<13)) },
	"a path without end":   func(h *hostile) { h.pour("web", "GET /", strings.Repeat("x/", 1<<15)) },
	"a body without end": func(h *hostile) {
		h.pour("web", "POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n", strings.Repeat("x", 1<<16))
	},
	"requests without end": func(h *hostile) { h.flood("web", strings.Repeat("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", 1<<10)) },
	"viewers that read nothing": func(h *hostile) {
		h.many(40, "web", "GET /dashboard/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
		h.many(40, "web", "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
		_, err := metricsOf(h.t, h.owner.Host)
		h.must(err)
	},
	"dashboards without end": func(h *hostile) {
		h.flood("web", strings.Repeat("GET / HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n", 1<<10))
	},
	"TLS to the pages": func(h *hostile) { h.many(40, "web", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"+rand.Text()) },
	"HTTP/2 to the pages": func(h *hostile) {
		h.many(40, "web", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
	},
	"nothing to control": func(h *hostile) { h.many(600, "control", "") },
	"slow control": func(h *hostile) {
		h.many(200, "control", "POST /v1/transfer HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{")
	},
	"nested JSON":    func(h *hostile) { h.command("/v1/transfer", strings.Repeat("[", 1<<16)) },
	"nested objects": func(h *hostile) { h.command("/v1/drain", strings.Repeat(`{"node":`, 1<<13)) },
	"much JSON": func(h *hostile) {
		h.pour("control", "POST /v1/remove HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999999\r\n\r\n", `{"node":"`+strings.Repeat("x", 1<<16))
	},
	"JSON of another kind": func(h *hostile) {
		h.command("/v1/transfer", `{"to":1e999999}`, `[]`, `"x"`, `{"to":"lb2"} {"to":"lb3"}`, `{"too":"lb2"}`)
	},
	"nothing to peers":      func(h *hostile) { h.many(2000, "peer", "") },
	"garbage to peers":      func(h *hostile) { h.many(300, "peer", rand.Text()+rand.Text()) },
	"half a hello to peers": func(h *hostile) { h.many(300, "peer", "\x16\x03\x01\x02\x00\x01\x00") },
	"a hello without end":   func(h *hostile) { h.pour("peer", "\x16\x03\x01\x40\x00\x01\xff\xff\xff", strings.Repeat("x", 1<<14)) },
	"strangers to peers":    (*hostile).strangers,
	"all pages, unread":     (*hostile).unread,
	"pages in crumbs":       (*hostile).nibble,
	"odd requests":          (*hostile).odd,
	"gzip bombs to control": (*hostile).bombs, // and to the pages
	"coming and going": func(h *hostile) {
		h.churn(200, "web", "")
		h.churn(200, "web", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
		h.churn(2000, "peer", "\x16\x03\x01\x02\x00\x01\x00")
	},
	"control that comes and goes": func(h *hostile) { h.churn(2000, "control", "GET /v1/status HTTP/1.1\r\nHost: a\r\n\r\n") },
}

// command gives the owner commands whose bodies make no sense, of which none may be done.
func (h *hostile) command(path string, bodies ...string) {
	h.t.Helper()
	for _, body := range bodies {
		conn := h.send("control", fmt.Sprintf("POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", path, len(body)), body)
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			continue // it hung up
		}
		if response.StatusCode < 400 || response.StatusCode > 499 {
			h.t.Errorf("%s with %.40q is answered by %s", path, body, response.Status)
		}
		_ = response.Body.Close()
	}
}

// strangers shake hands as nobody of the cluster.
func (h *hostile) strangers() {
	h.t.Helper()
	for range 100 {
		config := &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"perch-raft/1 " + h.Spec.Name}}
		secured := tls.Client(h.open("peer"), config)
		_ = secured.Handshake()
		_, _ = secured.Write([]byte("\x00\x00"))
	}
}

// Whatever is said to a node's listeners, its VIPs and its cluster stay as they are, it answers
// commands, and what it takes of its machine is bounded while it hears that, and given back.
func TestHostileClients(t *testing.T) {
	t.Parallel()
	c := startCluster(t, failover("wan")) // whose nodes no busy machine parts
	h := &hostile{cluster: c, owner: c.settled()}
	term := c.status(h.owner).Cluster.Term
	p := c.ping()
	for _, warm := range []string{"web", "control"} {
		h.many(10, warm, "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
	}
	h.hangUp()
	before := h.used()
	for _, name := range slices.Sorted(maps.Keys(attacks)) {
		attacks[name](h)
		during := h.used()
		if during.files > before.files+mostFiles || during.kilobytes > before.kilobytes+mostMemory || during.threads > before.threads+mostThreads {
			t.Errorf("%s: it takes %+v, and took %+v before", name, during, before)
		}
		if !strings.Contains(name, "control") { // who may use the socket may keep others waiting
			c.undisturbed(h.owner, term)
		}
		h.hangUp()
		c.eventually(name+" is over and its files are closed", func() bool { return h.used().files <= before.files+filesLeft })
		t.Logf("%s: %+v, then %+v", name, during, h.used())
	}
	c.undisturbed(h.owner, term)
	p.outageAtMost(brief)
	for _, bad := range []string{"panic", "level=ERROR"} {
		if strings.Contains(h.owner.LogTail(100_000), bad) {
			t.Errorf("the log has %s", bad)
		}
	}
}

// hostilePaths are those that the pages have or may have, and tricks to get at others.
var hostilePaths = []string{
	"/", "/metrics", "/healthz", "/readyz", "/events", "/v1/status", "/v1/transfer", "/v1/drain", "/v1/undrain", "/v1/reload",
	"/v1/remove", "/v1/join", "/v1/server", "/v1/alive", "/api/v1/transfer", "/status", "/status.json", "/history", "/favicon.ico", "/assets/app.js", "/debug/pprof/",
	"/dashboard/stream", "/dashboard/stream?has=" + strings.Repeat("x", 2000), "/dashboard.js", "/dashboard.js/", "/dashboard/../v1/drain",
	"//metrics", "/./metrics", "/x/../metrics", "/%2e%2e/%2e%2e/etc/passwd", "/../../../../etc/passwd", "/metrics%00", "/metrics/..%2fv1%2ftransfer",
	"http://lb2:7400/v1/transfer", "http://127.0.0.1:7401/metrics", "*", "/metrics?to=lb2&method=POST&_method=DELETE", "/\x7f", "/;/v1/drain",
}

var hostileMethods = []string{
	"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "MOVE", "LOCK", "get", "GE T", "",
}

// Read-only means that no route changes anything, whatever the method, the path and the body.
func TestPagesChangeNothing(t *testing.T) {
	t.Parallel()
	c := startCluster(t, failover("wan")) // whose nodes no busy machine parts
	h := &hostile{cluster: c, owner: c.settled()}
	before := h.state()
	for _, method := range hostileMethods {
		for _, path := range hostilePaths {
			for _, more := range []string{"", "Upgrade: websocket\r\nConnection: Upgrade\r\n", "X-HTTP-Method-Override: POST\r\nContent-Type: application/json\r\nContent-Length: 12\r\n"} {
				body := `{"to":"lb2"}`[:12*strings.Count(more, "Content-Length")]
				conn := h.send("web", method+" "+path+" HTTP/1.1\r\nHost: localhost\r\n"+more+"\r\n"+body)
				response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
				switch {
				case err != nil: // it is no HTTP, and it hung up
				case method != "GET" && method != "HEAD" && response.StatusCode < 400:
					t.Errorf("%s %q is answered by %s", method, path, response.Status)
				case response.StatusCode == http.StatusSwitchingProtocols, response.StatusCode >= 300 && response.StatusCode < 400:
					t.Errorf("%s %q with %q is answered by %s", method, path, more, response.Status)
				}
				h.hangUp()
			}
		}
	}
	if diff := cmp.Diff(before, h.state()); diff != "" {
		t.Errorf("-before +after:\n%s", diff)
	}
}

// state is what a command could have changed.
func (h *hostile) state() []string {
	h.t.Helper()
	status := h.status(h.owner)
	state := []string{fmt.Sprint(status.Cluster.Leader, status.Cluster.Term), h.perch(h.owner, "history", "-o", "json")}
	for _, n := range status.Cluster.Nodes {
		state = append(state, fmt.Sprint(n.Name, n.Voter, n.Drained, n.Priority))
	}
	for _, v := range status.VIPs {
		state = append(state, fmt.Sprint(v.Address, v.Owner, v.Held, v.Readded))
	}
	return state
}
