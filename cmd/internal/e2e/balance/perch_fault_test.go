//go:build ipvs

package balance

import (
	"net/netip"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/lab"
)

// Bad lines to the servers change nothing; a dead server leaves, and comes back.
func TestPerchServerDies(t *testing.T) {
	b := newBed(t)
	l := b.newBalancers("", plain(nat, ipv4), plain(dr, ipv6), plain(tunnel, ipv4))
	l.keepsServersOnBadLines()
	l.losesServer(b.webs[1])
}

// losesServer has a server die under load. Who fails had his connection opened before
// the server was removed, and was led to it.
func (l *balancers) losesServer(dead *web) {
	b, d := l.bed, l.director(l.owner)
	b.t.Helper()
	var visits []*lab.Requester
	for _, s := range l.services {
		r := b.visit(s.address())
		b.answered(r, 6)
		visits = append(visits, r)
	}
	killed := time.Now()
	must(b.t, dead.Kill())
	d.has(b.want(weights{dead: gone}, l.services...))
	removed, led := time.Now(), d.led()
	l.have(weights{dead: gone})
	failed := 0
	for i, r := range visits {
		b.answered(r, 15)
		must(b.t, r.Close())
		s := l.services[i]
		b.failedBy(r, led, s.address(), s.realServer(dead, s.family), killed, removed)
		failed += len(r.Since(killed).Failures())
	}
	if failed == 0 {
		b.t.Error("no request failed: the server was not dead")
	}
	for _, s := range l.services {
		l.showsDead(s, dead)
	}
	must(b.t, dead.Start())
	l.have(nil)
	for _, s := range l.services {
		l.reachesAll(s)
	}
}

// failedBy wants each request that failed to have been led to a server that was dead, on
// a connection that was opened before its removal.
func (b *bed) failedBy(r *lab.Requester, led map[connection]netip.AddrPort, target, dead netip.AddrPort, killed, removed time.Time) {
	b.t.Helper()
	for _, q := range r.Since(time.Time{}) {
		to := led[connection{q.From, target}]
		switch {
		case q.Good():
		case q.Sent.After(removed) || q.Sent.Add(lab.TurnTimeout).Before(killed):
			b.t.Errorf("failed though opened %s after the server was removed: %+v", q.Sent.Sub(removed), q)
		case to != dead:
			b.t.Errorf("failed though led to %s, not to %s: %+v", to, dead, q)
		}
	}
}

// keepsServersOnBadLines has the lines to all servers lose and delay packets, for some
// seconds. No server is ever taken for dead.
func (l *balancers) keepsServersOnBadLines() {
	b := l.bed
	b.t.Helper()
	before := l.ups()
	for _, w := range b.webs {
		must(b.t, w.Host.Eth0.Impair(lab.Impairment{Loss: 2, Delay: 20 * time.Millisecond}))
	}
	for begin := time.Now(); time.Since(begin) < 6*time.Second; {
		for _, s := range l.services {
			r := b.visit(s.address())
			b.answered(r, 3)
			must(b.t, r.Close())
		}
	}
	for _, w := range b.webs {
		must(b.t, w.Host.Eth0.Mend())
	}
	for who, since := range l.ups() {
		if !since.Equal(before[who]) {
			b.t.Errorf("%s was up since %s, and is since %s", who, before[who], since)
		}
	}
}

// ups returns since when the servers have been up, as each director has them.
func (l *balancers) ups() map[string]time.Time {
	l.bed.t.Helper()
	ups := map[string]time.Time{}
	for _, n := range []*lab.Node{l.owner, l.spare} {
		status, err := l.status(n)
		must(l.bed.t, err)
		for _, service := range status.Services {
			for _, server := range service.Servers {
				if server.State != api.ServerUp {
					l.bed.t.Errorf("%s has %s of %s %s: %s", n.Name, server.Address, service.Name, server.State, server.Reason)
				}
				ups[n.Name+" "+service.Name+" "+server.Address] = server.Since
			}
		}
	}
	return ups
}
