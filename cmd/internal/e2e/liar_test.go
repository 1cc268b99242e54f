package e2e

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/lab"
)

// liar is at the place of a node, has its certificate, and says what it likes.
type liar struct {
	c    *cluster
	at   *lab.Node
	cert tls.Certificate

	mu   sync.Mutex
	lie  func(path string) string // whole answers
	told map[string]int           // how often, by path
}

// certificateOf is what a node makes of the secret for itself, see docs/security.md.
func (c *cluster) certificateOf(node string) tls.Certificate {
	c.t.Helper()
	seed, err := hkdf.Key(sha256.New, []byte(c.Spec.Secret), []byte("perch cluster CA v1"), c.Spec.Name, ed25519.SeedSize)
	c.must(err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	c.must(err)
	authority := &x509.Certificate{Subject: pkix.Name{CommonName: "perch cluster " + c.Spec.Name}}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(3),
		Subject:      pkix.Name{CommonName: node},
		NotBefore:    time.Unix(0, 0),
		NotAfter:     time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}, authority, key.Public(), ed25519.NewKeyFromSeed(seed))
	c.must(err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func (c *cluster) protocol() string { return "perch-api/1 " + c.Spec.Name }

// lies kills a node and has a liar in its place.
func (c *cluster) lies(n *lab.Node) *liar {
	c.t.Helper()
	c.must(n.Kill())
	l := &liar{c: c, at: n, cert: c.certificateOf(n.Name), told: map[string]int{}}
	l.says(func(string) string { return "" })
	var ln net.Listener
	c.must(n.Host.Do(func() (err error) {
		ln, err = net.Listen("tcp", n.Address().String())
		return err
	}))
	config := &tls.Config{
		Certificates: []tls.Certificate{l.cert}, ClientAuth: tls.RequireAnyClientCert,
		NextProtos: []string{c.protocol(), "perch-raft/1 " + c.Spec.Name, "perch-parley/1 " + c.Spec.Name},
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { l.serve(tls.Server(conn, config)) })
		}
	})
	c.t.Cleanup(func() {
		_ = ln.Close()
		serving.Wait()
	})
	return l
}

// serve answers the peer API, and nothing else.
func (l *liar) serve(conn *tls.Conn) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if conn.Handshake() != nil || conn.ConnectionState().NegotiatedProtocol != l.c.protocol() {
		return
	}
	r := bufio.NewReader(conn)
	for {
		request, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, request.Body)
		if _, err := io.WriteString(conn, l.answer(request.URL.Path)); err != nil {
			return
		}
	}
}

func (l *liar) answer(path string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told[path]++
	return l.lie(path)
}

// says has the liar say this from now on.
func (l *liar) says(lie func(path string) string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lie = lie
	clear(l.told)
}

func (l *liar) heard(path string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.told[path]
}

// response is an answer with a body of JSON.
func response(body any) string {
	text, err := json.Marshal(body)
	if err != nil {
		panic(err) // of what this file has
	}
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(text), text)
}

// evil is what no terminal and no page is to take at its word.
const evil = "\x1b]0;owned\x07\x1b[2J\u009b31m\u202e<script>alert(1)</script>\"><img src=x onerror=alert(1)>\r\nSet-Cookie: a=b\r\n\r\ndata: x"

// reported is a report in which each text is as given.
func reported(node, text string, vips int) api.NodeReport {
	r := api.NodeReport{
		Node: node, Version: text, Role: text, Term: 1<<64 - 1, Leader: text, Heartbeat: text, Trouble: text, Fence: text, Unfenced: text,
		Mended: &api.Mended{Count: 1<<64 - 1, Interface: text, Found: text}, Stalls: &api.Stalls{Count: 1<<64 - 1, Longest: -1},
		Health: &api.Health{State: text, Priority: -1 << 31, Reasons: []string{text, text}}, Waits: text,
		Settings: &api.Settings{Values: map[string]string{text: text}, Peers: map[string]string{text: text}, VIPs: -1, VIPDigest: text},
		Time:     time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
	}
	for i := range vips {
		r.VIPs = append(r.VIPs, api.VIP{Address: fmt.Sprint(text, i), Reason: "r"})
	}
	return r
}

// overviewed likewise is an overview.
func overviewed(node, text string) api.Overview {
	return api.Overview{
		Format: api.OverviewFormat, Node: node, Version: text,
		VRRP:     []api.VirtualRouter{{Name: text, Interface: text, State: text, Master: text, Addresses: []api.HeldAddress{{Address: text, Reason: text}}}},
		Checks:   []api.Check{{Name: text, Kind: text, Target: text, State: text, Error: text, Took: text}},
		Services: []api.Service{{Name: text, Addresses: []string{text}, State: text, Servers: []api.Server{{Address: text, State: text, Error: text}}}},
		BGP:      &api.BGP{State: text, Error: text, Announced: []string{text}, Neighbors: []api.BGPNeighbor{{Address: text, State: text}}},
		Notify:   []api.Notified{{Target: text, Error: text}},
		Warnings: []string{text},
	}
}

// lies are what a node with the right certificate may answer, by path.
func liesOf(node string) map[string]func(path string) string {
	says := func(report, overview any) func(string) string {
		first, second := response(report), response(overview)
		return func(path string) string {
			if path == "/v1/overview" {
				return second
			}
			return first
		}
	}
	many, owns := map[string]string{}, reported(node, "x", 1)
	for i := range 60_000 {
		many[fmt.Sprintf("key%d", i)] = "v"
	}
	owns.VIPs[0] = api.VIP{Address: "198.18.0.100/24", Owner: node, Held: true, Since: owns.Time}
	long := strings.Repeat("x", 1_900_000)
	return map[string]func(string) string{
		"evil texts":  says(reported(node, evil, 3), overviewed(node, evil)),
		"long texts":  says(api.NodeReport{Node: node, Version: long, Unfenced: long}, overviewed(node, strings.Repeat("y", 60_000))),
		"many VIPs":   says(reported(node, "v", 40_000), overviewed(node, "x")),
		"many keys":   says(api.NodeReport{Node: node, Settings: &api.Settings{Values: many, Peers: many}}, overviewed(node, "x")),
		"it owns all": says(owns, overviewed(node, "x")),
		"too much":    says(api.NodeReport{Node: node, Version: strings.Repeat("x", 20<<20)}, overviewed(node, strings.Repeat("x", 2<<20))),
		"no end":      func(string) string { return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n" },
		"many mistakes": func(string) string {
			return strings.Replace(response(map[string][]string{"errors": slices.Repeat([]string{evil}, 20_000)}), "200 OK", "503 No", 1)
		},
		"a bomb":        func(string) string { return "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b\x08\x00" },
		"elsewhere":     func(string) string { return "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:7401/\r\n\r\n" },
		"interim words": func(string) string { return strings.Repeat("HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n", 50_000) },
		"VIPs of nothing": func(string) string {
			const most = 130_000 - 10 // as many as are read
			body := `{"node":"` + node + `","vips":[{}` + strings.Repeat(",{}", most) + `]}`
			return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		},
		"no HTTP": func(string) string { return strings.Repeat(evil, 1000) },
	}
}

// Limits of what a node shows, whatever another one says of itself.
const (
	mostStatus    = 8 << 20 // bytes of JSON
	mostDashboard = 200 << 10
)

// A node that has the right certificate and lies is shown with what it says, as far as that is
// short and plain; it keeps no other from a status or a dashboard, and costs it little.
func TestPeerThatLies(t *testing.T) {
	t.Parallel()
	c := startCluster(t, failover("wan")) // whose nodes no busy machine parts
	owner := c.settled()
	l := c.lies(c.others(owner)[0])
	witness := c.others(owner)[1]
	h := &hostile{cluster: c, owner: owner}
	term := c.status(owner).Cluster.Term
	before := h.used()
	p := c.ping()
	lies := liesOf(l.at.Name)
	for _, name := range slices.Sorted(maps.Keys(lies)) {
		l.says(lies[name])
		c.eventuallySays(name+" is heard", func() bool {
			c.shows(name, owner)
			c.shows(name, witness)
			return l.heard("/v1/node") > 3
		})
		during := h.used()
		t.Logf("%s: %+v, and %+v before", name, during, before)
		if during.files > before.files+filesLeft || during.kilobytes > before.kilobytes+2*mostMemory || during.threads > before.threads+mostThreads {
			t.Errorf("%s: it takes %+v, and took %+v before", name, during, before)
		}
	}
	c.undisturbedBy(l, term)
	p.outageAtMost(brief)
}

// undisturbedBy wants the owner that was and the term, of those who do not lie.
func (c *cluster) undisturbedBy(l *liar, term uint64) {
	c.t.Helper()
	owner := c.owner()
	if now := c.status(owner).Cluster.Term; now != term {
		c.t.Errorf("term went from %d to %d", term, now)
	}
	for _, n := range c.Nodes {
		if log := n.LogTail(1_000_000); n != l.at && (strings.Contains(log, "panic") || len(log) > 4<<20) {
			c.t.Errorf("the log of %s has a panic, or is of %d bytes", n.Name, len(log))
		}
	}
}

// shows wants a status, events and a dashboard of a node that are whole, bounded and clean.
func (c *cluster) shows(what string, n *lab.Node) {
	c.t.Helper()
	for _, args := range [][]string{{"status"}, {"status", "-o", "json"}, {"history"}, {"events"}, {"events", "-o", "json"}} {
		out := c.perch(n, args...)
		if len(out) > mostStatus {
			c.t.Errorf("%s: perch %v on %s is of %d bytes", what, args, n.Name, len(out))
		}
		if strings.ContainsAny(out, "\x1b\x07\r\u009b\u202e") {
			c.t.Errorf("%s: perch %v on %s has control characters", what, args, n.Name)
		}
	}
	page, err := c.page(n, "/")
	c.must(err)
	if len(page) > mostDashboard || bytes.Contains(page, []byte("<script>alert")) || bytes.Contains(page, []byte("<img")) || bytes.ContainsAny(page, "\x1b\u202e") {
		c.t.Errorf("%s: the dashboard of %s, of %d bytes, has what it should not", what, n.Name, len(page))
	}
	if _, err := metricsOf(c.t, n.Host); err != nil {
		c.t.Errorf("%s: metrics of %s: %v", what, n.Name, err)
	}
}

// page asks a node for one of its pages.
func (c *cluster) page(n *lab.Node, path string) ([]byte, error) {
	c.t.Helper()
	h := &hostile{cluster: c, owner: n}
	defer h.hangUp()
	conn := h.send("web", "GET "+path+" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s of %s: %s", path, n.Name, answer.Status)
	}
	return io.ReadAll(answer.Body)
}

// calls connects to the peer API of a node in the name of the liar.
func (l *liar) calls(h *hostile) *tls.Conn {
	h.t.Helper()
	ctx, cancel := h.limit()
	defer cancel()
	conn, err := l.at.Host.Dial(ctx, "tcp", h.owner.Address())
	h.must(err)
	must(h.t, conn.SetDeadline(time.Now().Add(patience)))
	h.conns = append(h.conns, conn)
	return tls.Client(conn, &tls.Config{Certificates: []tls.Certificate{l.cert}, InsecureSkipVerify: true, NextProtos: []string{h.protocol()}})
}

// nags is a request with a body.
func nags(path, body string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body)
}

// nagging is what a peer may say, on how many connections.
var nagging = map[string]struct {
	times int
	text  string
}{
	"nothing":          {200, ""},
	"slow bodies":      {100, "POST /v1/health HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\n\r\n{"},
	"unknown nodes":    {10, strings.Repeat(nags("/v1/health", `{"node":"lb99","health":{"state":"sick","priority":1}}`), 500)},
	"healths":          {10, strings.Repeat(nags("/v1/health", `{"node":"lb1","health":{"state":"unknown","priority":1,"reasons":["`+strings.Repeat("x", 12_000)+`"]}}`), 100)},
	"impossible ones":  {10, strings.Repeat(nags("/v1/health", `{"node":"lb1","health":{"state":"sick","priority":255}}`), 100)},
	"large bodies":     {10, nags("/v1/drain", strings.Repeat("x", 1<<20))},
	"bombs":            {10, strings.Replace(nags("/v1/drain", "\x1f\x8b\x08\x00"+strings.Repeat("x", 1000)), "Host: a", "Host: a\r\nContent-Encoding: gzip", 1)},
	"overviews unread": {32, strings.Repeat("GET /v1/overview HTTP/1.1\r\nHost: a\r\n\r\n", 500)},
	"reports unread":   {32, strings.Repeat("GET /v1/node HTTP/1.1\r\nHost: a\r\n\r\n", 500)},
	"orders":           {10, strings.Repeat(nags("/v1/server/order", `{"service":"`+strings.Repeat("s", 8000)+`","server":"x","order":"drain"}`), 100)},
	"commands of none": {10, nags("/v1/reload", "{}") + nags("/v1/join", "{}") + nags("/v1/remove", `{"node":"lb2"}`) + nags("/v1/drain", `{"node":"lb99"}`)},
	"other protocols":  {10, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"},
}

// A peer with the right certificate that says much, and reads nothing, costs a node a bounded
// part of its machine, and changes nothing that is not a peer's to change.
func TestPeerThatNags(t *testing.T) {
	t.Parallel()
	c := startCluster(t, failover("wan")) // whose nodes no busy machine parts
	owner := c.settled()
	l := c.lies(c.others(owner)[0])
	h := &hostile{cluster: c, owner: owner}
	term := c.status(owner).Cluster.Term
	before := h.used()
	was := h.state()
	p := c.ping()
	for _, name := range slices.Sorted(maps.Keys(nagging)) {
		nag := nagging[name]
		for range nag.times {
			conn := l.calls(h)
			must(t, conn.SetDeadline(time.Now().Add(2*time.Second)))
			_ = conn.Handshake()
			// Nothing is read, and at some time nothing can be written.
			must(t, conn.SetDeadline(time.Now().Add(300*time.Millisecond)))
			_, _ = io.WriteString(conn, nag.text)
		}
		during := h.used()
		t.Logf("%s: %+v, and %+v before", name, during, before)
		if during.files > before.files+mostFiles || during.kilobytes > before.kilobytes+mostMemory || during.threads > before.threads+mostThreads {
			t.Errorf("%s: it takes %+v, and took %+v before", name, during, before)
		}
		c.perch(owner, "status")
		h.hangUp()
		c.eventually(name+" is over and its files are closed", func() bool { return h.used().files <= before.files+filesLeft })
	}
	if now := h.state(); !slices.Equal(now, was) {
		t.Errorf("before:\n%q\nafter:\n%q", was, now)
	}
	c.undisturbedBy(l, term)
	p.outageAtMost(brief)
}
