package e2e

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/lab"
)

// proxied is the example with HAProxy: its cluster, an HAProxy on each node, two web servers
// behind them, and a client that asks by the VIP.
type proxied struct {
	*cluster
	proxies map[*lab.Node]*lab.Daemon
	client  *lab.Requester
}

func newProxied(t *testing.T) *proxied {
	t.Helper()
	lab.NeedServices(t)
	p := &proxied{cluster: newExample(t, vips("eth0", "198.18.0.100/24")), proxies: map[*lab.Node]*lab.Daemon{}}
	root, site := filepath.Join(p.Spec.Dir, "ca.pem"), filepath.Join(p.Spec.Dir, "site.pem")
	authority, err := lab.NewAuthority()
	must(t, err)
	must(t, authority.WriteRoot(root))
	must(t, authority.Issue(site, time.Now().Add(30*24*time.Hour), netip.MustParseAddr("127.0.0.1")))
	config := filepath.Join(p.Spec.Dir, "haproxy.cfg")
	text := example(t, "haproxy/haproxy.cfg", "/etc/haproxy/site.pem", site, "10.0.0.11:80", p.addWeb("web1"), "10.0.0.12:80", p.addWeb("web2"))
	must(t, os.WriteFile(config, []byte(text), 0o600))
	if out, err := exec.Command("haproxy", "-c", "-f", config).CombinedOutput(); err != nil {
		t.Fatalf("HAProxy does not take its config: %v\n%s", err, out)
	}
	for _, n := range p.Nodes {
		p.useExample(n, "haproxy", "198.18.0.254", p.net.client.Eth0.IPv4.Addr().String(), "/run/perch-maintenance", maintenance(n),
			`server_name = "www.example.com"`, fmt.Sprintf("ca_file = %q", root))
		dir := filepath.Join(n.Dir, "haproxy")
		must(t, os.Mkdir(dir, 0o700))
		p.proxies[n] = lab.NewDaemon("HAProxy on "+n.Name, n.Host, dir, "haproxy", "-W", "-db", "-f", config)
		p.start(n)
	}
	t.Cleanup(p.explainProxies)
	return p
}

// start starts the HAProxy of a node and waits until it answers.
func (p *proxied) start(n *lab.Node) {
	p.t.Helper()
	p.must(p.proxies[n].Start())
	p.eventually("HAProxy on "+n.Name+" answers", func() bool {
		ctx, cancel := p.limit()
		defer cancel()
		conn, err := n.Host.Dial(ctx, "tcp", netip.MustParseAddrPort("127.0.0.1:8080"))
		return err == nil && conn.Close() == nil
	})
}

// maintenance is the file by which an operator sends the VIP away from a node.
func maintenance(n *lab.Node) string { return filepath.Join(n.Dir, "maintenance") }

// addWeb starts a web server on a host of its own and returns its address.
func (p *proxied) addWeb(name string) string {
	p.t.Helper()
	h := p.net.addHost(p.t, name)
	web, err := lab.NewNginx(h, filepath.Join(p.Spec.Dir, name), lab.Manner{})
	p.must(err)
	p.must(web.Start())
	return netip.AddrPortFrom(h.Eth0.IPv4.Addr(), lab.HTTPPort).String()
}

func (p *proxied) explainProxies() {
	if !p.t.Failed() {
		return
	}
	for _, d := range p.proxies {
		p.t.Logf("log of %s:\n%s", d.Name, d.LogTail(10))
	}
	if p.client != nil {
		p.t.Logf("the client: %s", p.client.Since(time.Time{}))
	}
}

// allAreWell waits until every check of the node is.
func (p *proxied) allAreWell(n *lab.Node) {
	p.t.Helper()
	p.eventuallySays("all checks of "+n.Name+" are well", func() bool {
		checks := p.status(n).Checks
		return len(checks) == 5 && !slices.ContainsFunc(checks, func(c api.Check) bool { return c.State != api.CheckHealthy })
	})
}

// served waits until the client is answered well, by a web server behind an HAProxy.
func (p *proxied) served() {
	p.t.Helper()
	from := time.Now()
	p.eventually("the client is served", func() bool {
		return slices.ContainsFunc(p.client.Since(from), func(r lab.Request) bool {
			return r.Good() && (r.By == "web1" || r.By == "web2")
		})
	})
}

// leaves waits until the VIP has left a node for a reason, and the client is served again.
func (p *proxied) leaves(old *lab.Node, check string) (next *lab.Node) {
	p.t.Helper()
	next = p.movedFrom(old)
	p.served()
	if got := p.lastClaim(next); got.From != old.Name || got.Cause != "health" {
		p.t.Errorf("the VIP went from %s to %s because: %s; want from %s because of its check %s", got.From, got.To, got.Reason, old.Name, check)
	}
	return next
}

// The VIP is where HAProxy serves, and no node is asked to serve that is being worked on.
func TestExampleOfHAProxy(t *testing.T) {
	t.Parallel()
	p := newProxied(t)
	p.neverTwoOwners()
	p.must(p.StartAll())
	old := p.settled()
	for _, n := range p.Nodes {
		p.allAreWell(n)
	}
	var err error
	p.client, err = p.net.client.Request(netip.AddrPortFrom(p.addresses()[0], lab.HTTPPort), nil)
	p.must(err)
	p.served()

	p.must(p.proxies[old].Kill())
	next := p.leaves(old, "haproxy")
	p.start(old)
	p.allAreWell(old)
	p.stillOwnedBy(next)

	p.must(os.WriteFile(maintenance(next), nil, 0o600))
	p.leaves(next, "maintenance")
}
