//go:build ipvs

package balance

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// balancers is a cluster that balances services, and the directors of it.
type balancers struct {
	*cluster
	owner, spare *lab.Node
	services     []service
}

// newBalancers starts a cluster with services, and waits until both of its directors have
// them with all servers.
func (b *bed) newBalancers(extra string, services ...service) *balancers {
	b.t.Helper()
	c := b.newCluster(extra+b.tables(services...), configured(modes...)...)
	must(b.t, c.StartAll())
	l := &balancers{cluster: c, services: services, owner: c.owner(c.Nodes[:2]...), spare: c.Nodes[0]}
	if l.owner == l.spare {
		l.spare = c.Nodes[1]
	}
	l.have(nil)
	return l
}

// have waits until both directors have all services, with these weights.
func (l *balancers) have(other weights) {
	l.bed.t.Helper()
	for _, n := range []*lab.Node{l.owner, l.spare} {
		l.director(n).has(l.bed.want(other, l.services...))
	}
}

// perch runs a command of perch on a node.
func (c *cluster) perch(n *lab.Node, args ...string) string {
	c.bed.t.Helper()
	ctx, cancel := context.WithTimeout(c.bed.t.Context(), patience)
	defer cancel()
	out, err := n.Perch(ctx, args...)
	must(c.bed.t, err)
	return out
}

// perch balances in each mode and family, as operators want it.
func TestPerchBalances(t *testing.T) {
	b := newBed(t)
	weighted := service{name: "weighted", mode: nat, family: ipv4, port: 8081, scheduler: "wrr"}
	loyal := service{name: "loyal", mode: nat, family: ipv4, port: 8082, scheduler: "rr", keys: "persistence = \"5m\"\n", flags: "-p 300"}
	counted := service{name: "counted", mode: nat, family: ipv4, port: 8083, scheduler: "rr"}
	l := b.newBalancers("", append(plainOf(modes...), weighted, loyal, counted)...)
	for _, s := range l.services[:len(modes)*len(families)] {
		l.reachesAll(s)
	}
	l.counts(counted)
	l.keepsClients(loyal)
	l.weighs(weighted)
	l.drains(l.services[5])
}

// reachesAll has all servers of a service answer.
func (c *cluster) reachesAll(s service) {
	c.bed.t.Helper()
	r := c.bed.visit(s.address())
	rs := c.bed.answered(r, 6)
	must(c.bed.t, r.Close())
	for _, w := range c.bed.webs {
		if answeredBy(rs, w) == 0 || len(rs.Failures()) > 0 {
			c.bed.t.Errorf("%s of %s answered %d of 6 requests: %s", w.Host.Name, s.name, answeredBy(rs, w), rs)
		}
	}
}

// keepsClients has each of two clients come to one server, and not to the same.
func (l *balancers) keepsClients(s service) {
	t := l.bed.t
	t.Helper()
	var servers []string
	for _, client := range []*lab.Host{l.bed.client, l.bed.witness} {
		r, err := client.RequestInTurn(s.address())
		must(t, err)
		rs := l.bed.answered(r, 6)
		must(t, r.Close())
		for _, q := range rs {
			if q.By != rs[0].By {
				t.Errorf("%s was served by %s, and then by %q", client.Name, rs[0].By, q.By)
			}
		}
		servers = append(servers, rs[0].By)
	}
	if servers[0] == servers[1] {
		t.Errorf("both clients were served by %s", servers[0])
	}
}

// weighs gives a server another weight, and takes that back.
func (l *balancers) weighs(s service) {
	b := l.bed
	b.t.Helper()
	heavy := b.webs[1]
	l.perch(l.spare, "server", "weight", s.name, s.server(heavy), "4")
	l.hasOf(s, weights{heavy: 4})
	r := b.visit(s.address())
	if rs := b.answered(r, 12); answeredBy(rs, heavy) < 6 {
		b.t.Errorf("%s, which has 4 of 6 parts of the weight, answered %d of %d requests", heavy.Host.Name, answeredBy(rs, heavy), len(rs))
	}
	must(b.t, r.Close())
	l.perch(l.owner, "server", "weight", s.name, s.server(heavy), "default")
	l.have(nil)
}

// hasOf waits until both directors have one service with other weights, and the rest as
// it was.
func (l *balancers) hasOf(s service, other weights) {
	l.bed.t.Helper()
	var want []string
	for _, each := range l.services {
		if each.name == s.name {
			want = append(want, l.bed.want(other, each)...)
		} else {
			want = append(want, l.bed.want(nil, each)...)
		}
	}
	for _, n := range []*lab.Node{l.owner, l.spare} {
		l.director(n).has(want)
	}
}

// drains drains a server that has a download and a guest. The command waits for both.
func (l *balancers) drains(s service) {
	b := l.bed
	b.t.Helper()
	download := b.download(s.address())
	drained, guest := b.webNamed(download.host), b.guestOf(s, download.host)
	ended := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(b.t.Context(), patience)
		defer cancel()
		out, err := l.spare.Perch(ctx, "server", "drain", s.name, s.server(drained))
		if err == nil && !strings.Contains(out, "is drained and has no connections") {
			b.t.Errorf("perch server drain says: %s", out)
		}
		ended <- err
	}()
	l.hasOf(s, weights{drained: 0})
	if download.over() {
		b.t.Error("the download ended before its server was drained")
	}
	r := b.visit(s.address())
	if rs := b.answered(r, 9); answeredBy(rs, drained) > 0 || len(rs.Failures()) > 0 {
		b.t.Errorf("%s, which is drained, answered new connections: %s", drained.Host.Name, rs)
	}
	if err := download.wait(); err != nil {
		b.t.Error(err)
	}
	must(b.t, download.conn.Close())
	if err := guest.talk(); err != nil {
		b.t.Error(err)
	}
	select {
	case err := <-ended:
		b.t.Fatalf("perch server drain ended before the last connection: %v", err)
	default:
	}
	must(b.t, guest.conn.Close())
	if err := <-ended; err != nil {
		b.t.Error(err)
	}
	l.perch(l.owner, "server", "undrain", s.name, s.server(drained))
	l.have(nil)
	eventually(b.t, "the server answers again", func() bool { return answeredBy(r.Since(time.Time{}), drained) > 0 })
	must(b.t, r.Close())
}

func (b *bed) webNamed(host string) *web {
	b.t.Helper()
	for _, w := range b.webs {
		if w.Host.Name == host {
			return w
		}
	}
	b.t.Fatalf("%q is no server", host)
	return nil
}

// guestOf returns a guest that a server has.
func (b *bed) guestOf(s service, host string) *guest {
	b.t.Helper()
	for _, g := range b.invite(len(b.webs), s.address()) {
		if g.host == host {
			return g
		}
	}
	b.t.Fatalf("none of %d connections was led to %s", len(b.webs), host)
	return nil
}
