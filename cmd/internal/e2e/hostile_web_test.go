package e2e

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// webPaths are all that the pages answer.
var webPaths = []string{
	"/", "/dashboard/stream", "/dashboard.css", "/dashboard.js", "/dashboard.svg", "/events", "/metrics", "/healthz", "/readyz",
}

// unread asks for each of the pages many times over each connection, and reads nothing.
func (h *hostile) unread() {
	h.t.Helper()
	for _, path := range webPaths {
		h.many(5, "web", strings.Repeat("GET "+path+" HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n", 100))
	}
}

// nibble reads answers a few bytes at a time.
func (h *hostile) nibble() {
	h.t.Helper()
	for _, path := range webPaths {
		conn := h.send("web", "GET "+path+" HTTP/1.1\r\nHost: localhost\r\n\r\n")
		some := make([]byte, 3)
		for range 5 {
			_, _ = conn.Read(some)
		}
	}
}

// oddities are requests that are none, or that want more than is there.
var oddities = []string{
	"GET / HTTP/1.0\r\n\r\n",
	"GET / HTTP/1.0\r\nConnection: keep-alive\r\nHost: localhost\r\n\r\n",
	"GET /\r\n", "GET / HTTP/0.9\r\n\r\n", "GET / HTTP/9.9\r\nHost: localhost\r\n\r\n", "\r\n\r\n\r\n", "\n", "\x00\x00\x00\x00",
	"GET / HTTP/1.1\r\n\r\n", // no Host
	"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: localhost@evil.example\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: [::1%25eth0\r\n\r\n",
	"GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
	"GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5;" + strings.Repeat("x", 5000) + "\r\n",
	"GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\n",
	"GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 1000\r\n\r\n",
	"GET / HTTP/1.1\r\n Host: localhost\r\n\r\n",
	"GET / HTTP/1.1\r\nHost : localhost\r\n\r\n",
	"GET /events HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: 18446744073709551615\r\n\r\n",
	"GET /events HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: \x1b]0;x\x07-1\r\n\r\n",
	"GET /events?after=ffffffffffffffffffffffffffffffff-18446744073709551615 HTTP/1.1\r\nHost: localhost\r\n\r\n",
	"GET /events?after=" + strings.Repeat("9", 3000) + " HTTP/1.1\r\nHost: localhost\r\n\r\n",
	"GET /dashboard/stream?has=" + strings.Repeat(",", 3500) + " HTTP/1.1\r\nHost: localhost\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: " + strings.Repeat("gzip;q=1e-9999,", 200) + "\r\n\r\n",
	"GET /metrics HTTP/1.1\r\nHost: localhost\r\nRange: bytes=" + strings.Repeat("0-1,", 800) + "0-1\r\n\r\n",
}

// odd says each of the oddities a few times.
func (h *hostile) odd() {
	h.t.Helper()
	for _, text := range oddities {
		h.many(4, "web", text)
		h.hangUp()
	}
}

// bombs sends what unpacks to a thousand times its size to whoever would unpack it.
func (h *hostile) bombs() {
	h.t.Helper()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err := io.CopyN(z, zeros{}, 12<<20)
	h.must(err)
	h.must(z.Close())
	for _, where := range []string{"web", "control"} {
		h.many(20, where, fmt.Sprintf("POST /v1/transfer HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s",
			packed.Len(), packed.String()))
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// churn has connections come and go: each says something, or nothing, and is cut off.
func (h *hostile) churn(n int, where string, text string) {
	h.t.Helper()
	for range n {
		h.send(where, text)
		if len(h.conns) >= 50 {
			h.cutOff()
		}
	}
	h.cutOff()
}

// cutOff resets connections, so that what the other side has yet to send is in vain.
func (h *hostile) cutOff() {
	for _, conn := range h.conns {
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
	}
	h.hangUp()
}

// siege is what is kept up against a node's listeners until it is over.
type siege struct {
	c    *cluster
	over chan struct{}
	busy sync.WaitGroup
	made int64
	mu   sync.Mutex
}

// besiege has attackers come again and again to all listeners of all nodes: their pages, from
// the node itself, and the ports for peers.
func (c *cluster) besiege() *siege {
	s := &siege{c: c, over: make(chan struct{})}
	for _, n := range c.Nodes {
		web := netip.MustParseAddrPort(webAddress)
		for _, text := range []string{
			"", "GET /metrics HTTP/1.1\r\nHost: a\r\nX", "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n",
			strings.Repeat("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 100), "GET /dashboard/stream HTTP/1.1\r\nHost: localhost\r\n\r\n",
		} {
			s.busy.Go(func() { s.keepUp(n.Host, web, text) })
		}
		for _, text := range []string{"", "\x16\x03\x01\x02\x00\x01\x00", "GET / HTTP/1.1\r\n\r\n"} {
			s.busy.Go(func() { s.keepUp(c.net.client, n.Address(), text) })
		}
	}
	c.t.Cleanup(s.end)
	return s
}

// keepUp holds twenty connections, and replaces the oldest, until it is over.
func (s *siege) keepUp(from *lab.Host, to netip.AddrPort, text string) {
	var held []net.Conn
	defer func() {
		for _, conn := range held {
			_ = conn.Close()
		}
	}()
	for {
		select {
		case <-s.over:
			return
		case <-time.After(40 * time.Millisecond):
		}
		ctx, cancel := s.c.limit()
		conn, err := from.Dial(ctx, "tcp", to)
		cancel()
		if err != nil {
			continue // nobody listens: its node was killed
		}
		_ = conn.SetDeadline(time.Now().Add(patience))
		_, _ = io.WriteString(conn, text)
		s.count()
		if held = append(held, conn); len(held) > 20 {
			_ = held[0].Close()
			held = held[1:]
		}
	}
}

func (s *siege) count() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.made++
}

func (s *siege) connections() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.made
}

func (s *siege) end() {
	select {
	case <-s.over:
	default:
		close(s.over)
	}
	s.busy.Wait()
}

// While all listeners of all nodes are under attack, the owner keeps its VIPs, and when it is
// killed another one has them, which is heard of; so it is with the next one.
func TestFailoverUnderAttack(t *testing.T) {
	t.Parallel()
	c := startCluster(t, failover("wan")) // whose nodes no busy machine parts
	s := c.besiege()
	c.eventually("the attack has begun", func() bool { return s.connections() > 500 })
	p := c.ping()
	for round := range 2 {
		owner := c.settled()
		before := s.connections()
		c.eventually("the attack goes on", func() bool { return s.connections() > before+500 })
		c.stillOwnedBy(owner)
		c.must(owner.Kill())
		c.movedFrom(owner)
		p.outageAtMost(2 * brief) // in profile wan a follower waits for up to 3 s before it stands
		c.must(owner.Start())
		c.settled()
		t.Logf("round %d: %d connections so far", round, s.connections())
	}
	s.end()
	for _, n := range c.Nodes {
		if log := n.LogTail(100_000); strings.Contains(log, "panic") || strings.Contains(log, "too many open files") {
			t.Errorf("the log of %s has a panic, or tells of too many files", n.Name)
		}
	}
}
