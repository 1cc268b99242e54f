//go:build ipvs

package balance

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// syncTable has directors tell each other of connections.
const syncTable = "\n[ipvs.sync]\ninterface = \"eth0\"\nid = 7\n"

// All open connections survive that the director with the VIPs is cut off, its return, a
// transfer of the VIPs back to it, and the death of perch there.
func TestPerchFailoverKeepsConnections(t *testing.T) {
	b := newBed(t)
	l := b.newBalancers(syncTable, plainOf(modes...)...)
	l.syncs(l.owner, "master sync daemon")
	l.syncs(l.spare, "backup sync daemon")
	var all guests
	for i, many := range []int{20, 20, 30, 10, 10, 10} {
		all = append(all, b.invite(many, l.services[i].address())...)
	}
	next := l.director(l.spare)
	eventually(t, "the other director knows of all connections", func() bool { return all.known(next.led()) })

	l.die(l.owner)
	l.cluster.owner(l.spare)
	for _, err := range all.talk() {
		t.Error(err)
	}
	l.syncs(l.spare, "master sync daemon")
	for _, s := range l.services {
		l.reachesAll(s)
	}
	next.has(b.want(nil, l.services...))

	must(t, l.owner.Host.Eth0.Splice())
	must(t, l.owner.Start())
	l.syncs(l.owner, "backup sync daemon")
	l.have(nil)
	for _, err := range all.talk() {
		t.Error(err)
	}
	l.perch(l.spare, "transfer", l.owner.Name)
	l.cluster.owner(l.owner)
	for _, err := range all.talk() {
		t.Error(err)
	}
	l.syncs(l.owner, "master sync daemon")
	l.syncs(l.spare, "backup sync daemon")

	must(t, l.owner.Kill())
	l.cluster.owner(l.spare)
	for _, err := range all.talk() {
		t.Error(err)
	}
}

// The same where VRRP has the VIPs.
func TestPerchRouterKeepsConnections(t *testing.T) {
	b := newBed(t)
	services := []service{plain(dr, ipv4), plain(tunnel, ipv4)}
	var routers []*alone
	for i, priority := range []int{200, 100} {
		base := fmt.Sprintf("\n[[vrrp]]\nname = \"gw\"\ninterface = \"eth0\"\nvrid = 51\nadvert_interval = \"300ms\"\npriority = %d\naddresses = [%q, %q]\n",
			priority, netip.PrefixFrom(dr.vips[ipv4], 24), netip.PrefixFrom(tunnel.vips[ipv4], 24))
		a := b.directors[i].newPerch(base, syncTable+b.tables(services...))
		must(t, a.Start())
		routers = append(routers, a)
	}
	first, second := routers[0], routers[1]
	for _, a := range routers {
		a.has(b.want(nil, services...))
	}
	first.syncs("master sync daemon")
	second.syncs("backup sync daemon")
	all := append(b.invite(20, services[0].address()), b.invite(20, services[1].address())...)
	eventually(t, "the backup knows of all connections", func() bool { return all.known(second.led()) })

	must(t, first.Eth0.Cut())
	must(t, first.Kill())
	second.syncs("master sync daemon")
	for _, err := range all.talk() {
		t.Error(err)
	}
	must(t, first.Eth0.Splice())
	must(t, first.Start())
	first.syncs("master sync daemon") // by its priority
	second.syncs("backup sync daemon")
	for _, err := range all.talk() {
		t.Error(err)
	}
}

// With nodes = "owner" the services are where the VIPs are, and nowhere else.
func TestPerchOwnerAloneBalances(t *testing.T) {
	b := newBed(t)
	s := plain(nat, ipv4)
	c := b.newCluster("\n[ipvs]\nnodes = \"owner\"\n"+b.tables(s), configured(modes...)...)
	must(t, c.StartAll())
	old := c.owner(c.Nodes[:2]...)
	c.director(old).has(b.want(nil, s))
	next := c.Nodes[0]
	if next == old {
		next = c.Nodes[1]
	}
	c.director(next).has(nil)
	c.perch(old, "transfer", next.Name)
	c.owner(next)
	c.director(next).has(b.want(nil, s))
	c.director(old).has(nil)
	c.reachesAll(s)
	c.die(next)
	c.owner(old)
	c.director(old).has(b.want(nil, s))
	c.reachesAll(s)
	must(t, next.Host.Eth0.Splice())
	must(t, next.Start())
	c.director(next).has(nil)
}

// known says that all connections are among those that a director has.
func (gs guests) known(led map[connection]netip.AddrPort) bool {
	return !slices.ContainsFunc(gs, func(g *guest) bool {
		_, known := led[g.connection()]
		return !known
	})
}

// syncs waits until a node's kernel has one daemon for connections, of that kind.
func (l *balancers) syncs(n *lab.Node, kind string) {
	l.bed.t.Helper()
	l.director(n).syncs(kind)
}

func (d *director) syncs(kind string) {
	d.bed.t.Helper()
	d.syncsOver("eth0", 7, kind)
}

// syncsOver is syncs by an interface, with a number.
func (d *director) syncsOver(iface string, id int, kind string) {
	d.bed.t.Helper()
	d.bed.settles(d.Name+" has a "+kind, func() string {
		daemons := d.syncDaemons()
		if strings.HasPrefix(daemons, fmt.Sprintf("%s (mcast=%s, syncid=%d", kind, iface, id)) && !strings.Contains(daemons, "\n") {
			return ""
		}
		return daemons + " "
	})
}
